// SPDX-License-Identifier: LGPL-2.1-or-later
// CPU time of processes, as Linux tells it.
#pragma once

namespace load {

/// User and system time in seconds of a process and its children so far; of children that ended, as
/// well. Throws Failure if there is no such process.
double cpu_seconds(int pid);
/// Of this process.
double own_cpu_seconds();

} // namespace load

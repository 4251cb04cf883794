// SPDX-License-Identifier: LGPL-2.1-or-later
// Collects the model of the running process. Called on the main loop's thread.
#pragma once

#include "state/model.h"
#include "supervisor/supervisor.h"

namespace penstock::state {

/// Reads the `stats` of every element.
Model collect(const supervisor::Supervisor &supervisor);
/// Collects a single pipeline; `label`, `description` and `uptime` stay empty.
Pipeline collect(GstElement *pipeline);
/// Bytes that the pipeline's elements have sent to addresses outside of this process: those that
/// viewers were sent are counted by mounts.
uint64_t bytes_sent_elsewhere(GstElement *pipeline);
/// A stream without publisher that is fed all the same has a slate: its mounts become live. Part of
/// collect_mounts(). `now`: ms since 1970.
void count_slates(std::vector<Mount> &mounts, int64_t now);
/// Collects the mounts of all protocols.
Mounts collect_mounts();

/// Groups mounts into streams, sorted by name. The result points into `mounts`.
std::vector<Stream> streams_of(const std::vector<Mount> &mounts);

} // namespace penstock::state

// SPDX-License-Identifier: LGPL-2.1-or-later
// How the supervisor says what happens.
#pragma once

#include <functional>
#include <string>

namespace penstock::supervisor {

enum class Severity { info, warning, error };
/// Called on the main loop's thread. The text is one line without its end.
using Report = std::function<void(Severity, const std::string &)>;

} // namespace penstock::supervisor

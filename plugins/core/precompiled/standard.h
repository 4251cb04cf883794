// SPDX-License-Identifier: LGPL-2.1-or-later
// Compiled once for all files of core's formats half, by clang: the standard headers that most of
// them include. Each file still includes what it uses.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

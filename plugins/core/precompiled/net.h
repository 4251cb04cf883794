// SPDX-License-Identifier: LGPL-2.1-or-later
// Compiled once for all files of core's network half, by clang.
#include "standard.h"

#include <atomic>
#include <chrono>
#include <unordered_map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

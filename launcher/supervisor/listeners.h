// SPDX-License-Identifier: LGPL-2.1-or-later
// Opens the ports of a description before anything of it runs, so that one in use is one message.
#pragma once

#include "core/net/http/server.h"
#include "core/net/rtmp/server.h"
#include "description/binding.h"

#include <memory>
#include <string>
#include <vector>

namespace penstock::supervisor {

/// Keeps the listeners open.
struct Listeners {
    std::vector<std::shared_ptr<net::RtmpServer>> rtmp;
    std::vector<std::shared_ptr<net::HttpServer>> http;
};

/// Opens what the description listens on. An address parameter whose port is 0 gets, in `binding`,
/// the port that the system chose. False and the reason if a listener can't be opened.
bool open_listeners(description::Binding &binding, Listeners &out, std::string *error);

} // namespace penstock::supervisor

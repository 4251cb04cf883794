// SPDX-License-Identifier: LGPL-2.1-or-later
// The protocols that latency is measured over: how a stream is received, and how the matrix sends
// it. One that joins is one entry of the table.
#pragma once

#include "core/net/loop/address.h"

#include <span>
#include <string>

namespace penstock::delay {

struct Protocol {
    const char *name;   ///< "HTTP-FLV"
    const char *scheme; ///< of its URLs, without "s" for TLS
    const char *suffix; ///< what their path ends in; "": anything
    /// Launch text: from the element `src`, which is given the address, to the one named `demux`.
    const char *receive;
    /// What a player does with it: plays at the stream's own pace from the first picture on, since
    /// what it gets comes in pieces of seconds. Otherwise each picture counts when it is there.
    bool is_paced;
    /// What the matrix puts behind its encoder, and the server beside it (nullptr: none).
    const char *send, *serve;
    /// Where the matrix receives it.
    const char *url;
};

/// In the order of the matrix. Its texts have {rtmp}, {http} and {udp}, which are addresses, {port}
/// (of {udp}), {fd}, {segment} (ns), {sync} and {srt} (ms) in them.
std::span<const Protocol> protocols();
/// The first of them: a pipe, which everything else is compared with.
const Protocol &direct();
/// The one that reads this URL; nullptr, with the reason, if there is none.
const Protocol *protocol_of(const std::string &url, std::string *error);
/// Of a URL whose path may be missing: the host is empty where it names none, the port 0 where
/// there is none that can be read.
net::Address address_of(const std::string &url);

} // namespace penstock::delay

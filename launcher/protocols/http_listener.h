// SPDX-License-Identifier: LGPL-2.1-or-later
// The HTTP listener, shared by streams over HTTP and WebSocket, by HLS and by the viewers' page.
#pragma once

#include "protocols/probe.h"
#include "protocols/protocol.h"

namespace penstock::protocols {

/// Opens a listener, or shares one that is open, as Protocol::open does.
std::shared_ptr<Listener> open_http(const Opening &opening, std::string *error);
/// Explains why no frame came from an http:// or https:// URL, as Protocol::explain_failure does.
std::string explain_http_failure(const std::string &url, const Failure &failure,
                                 const Asking &asking);
/// Sends a request without a body and judges the status line of the response, as Probe::ask does.
std::string judge_http_answer(const ProbedConnection &connection, const char *method);
/// "https" if the listener at the address speaks TLS, else "http".
std::string http_scheme_at(const net::Address &address);
/// The schemes http and https with their default ports.
std::vector<Scheme> http_schemes();

} // namespace penstock::protocols

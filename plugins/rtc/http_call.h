// SPDX-License-Identifier: LGPL-2.1-or-later
// One HTTP request to another server, made by a thread that waits for the answer. No GStreamer, and
// no Boost in this header.
#pragma once

#include "core/http/url.h"
#include "core/net/loop/resolve.h"
#include "core/net/tls/client.h"

#include <gio/gio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::rtc {

struct GObjectUnref {
    void operator()(gpointer object) const { g_object_unref(object); }
};
/// A reference to a GObject that is no GstObject.
template <class T>
using GObjectPtr = std::unique_ptr<T, GObjectUnref>;

struct HttpCall {
    http::Url url;
    const char *method = "POST";
    std::string token;        ///< bearer token (RFC 6750); empty: none
    std::string content_type; ///< empty: there is no body
    std::string body;
    /// An address that only machines nearer than this can reach is not connected to.
    net::Reach nearest = net::Reach::machine;
};

struct HttpReply {
    unsigned status = 0;
    std::string location, content_type, retry_after;
    std::vector<std::string> links; ///< Link headers
    std::string body;
    net::Reach reach = net::Reach::machine; ///< of the server's address
};

/// Blocks until the whole answer is there, `timeout_ms` have passed, or the call is cancelled.
/// `tls` is for https URLs. Redirects are not followed. On failure nullopt, and sets `error`, which
/// has no query of the URL. Answers of more than 16 KiB of header and 128 KiB of body are failures.
std::optional<HttpReply> make_call(const HttpCall &call, const net::TlsClient *tls,
                                   uint64_t timeout_ms, GCancellable *cancel, std::string *error);

} // namespace penstock::rtc

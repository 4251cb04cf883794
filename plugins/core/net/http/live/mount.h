// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams on HTTP listeners, over HTTP and WebSocket: what viewers of a path get, while its
// producers come and go. No GStreamer, and no Boost in this header.
#pragma once

#include "core/fanout/policy.h"
#include "core/flv/tag.h"
#include "core/gop/history.h"
#include "core/net/loop/address.h"
#include "core/net/stream/ending.h"
#include "core/net/stream/peer.h"
#include "core/net/stream/viewer_totals.h"
#include "core/net/tls/files.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace penstock::net {

/// The format of a stream's bytes.
struct HttpFormat {
    std::string content_type; ///< "video/x-flv", whose tags viewers get on one timeline; others
    bool titles = false;      ///< an audio player may ask for titles amid it
    bool operator==(const HttpFormat &) const = default;
};

struct HttpMountOptions {
    fanout::Policy policy;
    gop::Limits history;
    /// The times after the feed is destroyed. They apply only while something else keeps the
    /// listener open; otherwise viewers are closed with it.
    Ending ending;
    /// A viewer for which no media has come after this time is told that there is no stream.
    std::chrono::milliseconds first_media_wait = std::chrono::seconds(60);
    std::shared_ptr<PeerWatch> watch; ///< asked about each viewer; may be nullptr
    TlsFiles tls;                     ///< empty: plain HTTP
};

/// The producer's side of a stream (for httpserversink); one thread at a time. Destroying it ends
/// the stream.
class HttpFeed {
public:
    virtual ~HttpFeed() = default;
    /// The format of the data that follows. Viewers of another format are closed.
    virtual void begin(const HttpFormat &format) = 0;
    /// FLV: tags in order, configuration and metadata included.
    virtual void push(const flv::Tag &tag) = 0;
    /// FLV: the timestamps that follow have nothing to do with those before.
    virtual void discontinuity() = 0;
    /// Anything else: what a viewer gets that joins from here on, before the rest.
    virtual void set_headers(std::vector<Bytes> headers) = 0;
    /// Anything else. `joinable`: a viewer may begin with it; `awaited`: see fanout::Packet.
    virtual void push(Bytes bytes, bool joinable, bool awaited) = 0;
    /// The title for audio players, UTF-8.
    virtual void set_title(const std::string &title) = 0;
    /// Any thread.
    virtual ViewerTotals stats() const = 0;
    /// "127.0.0.1:8080"
    virtual Address address() const = 0;
    /// "https" or "http"
    virtual const char *scheme() const = 0;
};

/// Opens the listener if need be. On failure nullptr, and `error` says what is wrong and how to
/// mend it. `path` has no leading slash.
std::unique_ptr<HttpFeed> open_http_feed(const Address &address, const std::string &path,
                                         const HttpMountOptions &options, std::string *error);

} // namespace penstock::net

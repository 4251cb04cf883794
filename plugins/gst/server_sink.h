// SPDX-License-Identifier: LGPL-2.1-or-later
// The base of all server sinks: properties, states, `sync`, statistics and signals. What one of
// them adds is a protocol: a ServerSinkKind and a ServerFeed.
#pragma once

#include "core/bytes/result.h"
#include "core/net/loop/address.h"
#include "core/net/stream/peer.h"
#include "core/net/stream/viewer_totals.h"
#include "core/net/tls/files.h"
#include "gst/peer_signals.h"
#include "gst/viewer_policy.h"

#include <gst/base/gstbasesink.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock {

/// The values of the properties that every server sink has.
struct ServerSinkSettings {
    std::string location;
    net::TlsFiles tls;
    ViewerPolicy viewers;
};

/// A stream on its way to its viewers: made in READY→PAUSED, destroyed in PAUSED→READY. Unless it
/// says otherwise, a method is called on the streaming thread, one call at a time. None may block.
class ServerFeed {
public:
    virtual ~ServerFeed() = default;

    /// False refuses the caps.
    virtual bool set_caps(const GstCaps *) { return true; }
    /// An error says why the buffer cannot be served; what follows may be.
    virtual Result push(GstBuffer *buffer) = 0;
    /// Takes buffers that belong together; pushes them one by one unless overridden.
    virtual Result push(GstBufferList *list);
    /// Whether anything could be served. The first error is fatal if not.
    virtual bool has_begun() const = 0;
    /// A flush: gives up what is incomplete.
    virtual void flush() {}
    /// "artist - title", UTF-8, from TAG events.
    virtual void set_title(const std::string &) {}

    /// Any thread.
    virtual net::ViewerTotals stats() const = 0;
    /// Adds what only this kind has to the element's `stats`. Any thread.
    virtual void add_stats(GstStructure *) const {}
    /// The location with the port that is really listened on. Any thread.
    virtual std::string bound_location() const = 0;
};

/// The arguments for opening a ServerFeed.
struct FeedRequest {
    GstElement *element; ///< has the properties that only this kind has
    const net::Location &location;
    const ServerSinkSettings &settings;
    /// Told of each viewer and asked about it.
    std::shared_ptr<net::PeerWatch> watch;
};

/// The differences between server sinks; a constant of each sink's file.
struct ServerSinkKind {
    std::vector<std::string> schemes; ///< of `location`; TLS properties if one is for TLS
    uint16_t default_port;
    const char *default_location;
    const char *location_blurb;
    const char *caps; ///< of the sink pad's template
    const char *long_name;
    const char *description;
    /// Listens, and begins a stream. On failure nullptr, and `error` says what is wrong and how to
    /// mend it.
    std::unique_ptr<ServerFeed> (*open)(const FeedRequest &request, std::string *error);
    ViewerPolicy viewers{};      ///< defaults of the properties
    const char *more_stats = ""; ///< the names of what ServerFeed::add_stats() adds
};

class ServerSink;

/// The GObject side. An element's instance and class structures have these first, its type derives
/// from GST_TYPE_BASE_SINK, and its class_init and init call the functions below.
struct ServerSinkElement {
    GstBaseSink parent;
    ServerSink *impl;
};
struct ServerSinkElementClass {
    GstBaseSinkClass parent;
    const ServerSinkKind *kind;
    PeerSignals signals;
};

/// `kind` must live as long as the process. Returns the first property id that is free: an element
/// with more properties sets set_property and get_property of its class to functions of its own,
/// which call those below for ids that they do not know.
guint server_sink_class_init(ServerSinkElementClass *klass, const ServerSinkKind &kind);
void server_sink_init(ServerSinkElement *self);
void server_sink_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec);
void server_sink_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec);

} // namespace penstock

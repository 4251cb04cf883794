// SPDX-License-Identifier: LGPL-2.1-or-later
// Describes a protocol to the launcher: its URLs, elements and listeners, how its streams are shown
// to people, and how tests receive them. Each protocol is one entry of the table (table.h), defined
// in one file of this folder; no other part of the launcher names a scheme or an element of a
// protocol.
#pragma once

#include "core/net/loop/address.h"
#include "core/net/tls/files.h"

#include <gio/gio.h>
#include <gst/gst.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::net {
class PeerWatch;
}

namespace penstock::protocols {

/// A scheme of the protocol's URLs.
struct Scheme {
    std::string name;           ///< "rtmp", without "://"
    uint16_t port = 0;          ///< default port; 0: a URL must give one
    bool publish_match = false; ///< the `match` of a publish rule may use it
    bool play_match = false;    ///< the `match` of a play rule may use it
};

enum class Role {
    receive, ///< takes a publisher at a listener of this process
    serve,   ///< serves viewers at a listener of this process
    send,    ///< sends datagrams to an address, where nothing of this process listens
    push,    ///< publishes to a server elsewhere
    pull,    ///< reads from a server or sender elsewhere
};

/// Debian packages of stock elements.
inline constexpr const char *plugins_good = "gstreamer1.0-plugins-good";
inline constexpr const char *plugins_bad = "gstreamer1.0-plugins-bad";

struct ElementUse {
    const char *factory;
    Role role;
    /// The property that holds the URL (for Role::send, a list of host:port). nullptr: there is
    /// none.
    const char *property = "location";
    const char *key_property = nullptr; ///< the property that holds the publish key (Role::receive)
    /// The property that counts bytes sent, if `stats` does not.
    const char *bytes_property = nullptr;
    bool may_write_files = false; ///< serves only if its URL has a scheme of this protocol
    bool needs_gio_tls = false;   ///< needs GIO's TLS backend for TLS addresses
    bool receives_udp = false;
    bool has_page = false; ///< the viewers' page has one for it: that of a room
    /// The property that holds the UDP address of the media, at which this process listens too, and
    /// its default. nullptr: there is none.
    const char *udp_property = nullptr, *udp_default = nullptr;
    const char *package = "penstock"; ///< the Debian package that contains it
};

/// Registers a rule at a listener. Destroying it ends the registration.
using Lease = std::shared_ptr<void>;

/// Registration of a publish rule. The functions are called on network loops: they must return at
/// once and must not throw. Paths have no leading slash.
struct PublishLease {
    std::function<bool(std::string_view path)> matches;
    /// Called when a publisher waits on a matching path that has no receiver. The publisher is
    /// refused if no receiver claims it in time.
    std::function<void(const std::string &path)> on_publish;
    std::string publish_key; ///< empty: publishers need no key
    std::string example;     ///< a path that matches, for people: "live/NAME"
};

/// Resumes a waiting viewer: it either joins the mount that exists by then, or is refused with the
/// reason. Must be called once; any thread may call it.
using PlayAnswer = std::function<void(bool go_on, const std::string &reason)>;

/// Registration of a play rule. The threading rules of PublishLease apply.
struct PlayLease {
    std::function<bool(std::string_view path)> matches;
    /// Whether the stream already exists, so that `on_demand` need not be called.
    std::function<bool(const std::string &path)> is_ready;
    /// Called when a viewer requests a matching path that is not ready. The viewer waits for the
    /// answer.
    std::function<void(const std::string &path, PlayAnswer answer)> on_demand;
    std::string example; ///< a path that matches, for people: "live/NAME_480p"
};

/// A listener that the launcher keeps open. Used on the main loop's thread only.
class Listener {
public:
    virtual ~Listener() = default;
    virtual net::Address address() const = 0;
    /// The scheme of this listener's URLs: "rtmp", "https".
    virtual std::string scheme() const = 0;
    /// Identifies the underlying server: objects that share one return the same pointer.
    virtual std::shared_ptr<const void> server() const = 0;
    /// Consults `watch` about every publisher and viewer that connects from now on. The listener
    /// does not own `watch`: the effect ends when the caller releases it.
    virtual void add_watch(const std::shared_ptr<net::PeerWatch> &watch) = 0;
    /// Reports publishers of matching paths until the lease is destroyed. Returns nullptr if the
    /// protocol takes no publishers.
    virtual Lease lease_publish(PublishLease lease) = 0;
    /// Reports viewers of matching paths that have no producer until the lease is destroyed.
    virtual Lease lease_play(PlayLease lease) = 0;
    /// True if viewers wait at their path until a stream begins, so that they may be let in as soon
    /// as its pipeline starts. False if they are let in once the stream is live.
    virtual bool parks_viewers() const = 0;
    virtual bool is_publishing(const std::string &path) const = 0; ///< a publisher is connected
    /// True if a pipeline that shares the publication may begin: of a room, that it is open.
    virtual bool is_shareable(const std::string &path) const { return is_publishing(path); }
    virtual bool is_live(const std::string &path) const = 0; ///< viewers receive media
    /// A pipeline serves the path, although media may not have come yet.
    virtual bool is_fed(const std::string &path) const = 0;
    virtual unsigned viewers(const std::string &path) const = 0;
    /// Refuses the publisher that waits on `path`.
    virtual void refuse(const std::string &path, const std::string &reason) = 0;
    /// The same, because another publisher has the name, at whatever listener.
    virtual void refuse_busy(const std::string &path) = 0;
    /// Calls `changed` with a path whenever its viewers change or its media start or stop. The call
    /// comes on the thread where that happens and must return at once. A call in progress may still
    /// finish after the lease is destroyed.
    virtual Lease watch(std::function<void(const std::string &path)> changed) = 0;
    /// The stream at `path` has ended for good: its viewers are told and let go.
    virtual void end_viewers(const std::string &path, const std::string &reason) = 0;
};

/// A listener that takes publishers.
struct Port {
    std::string protocol; ///< its name, as in Protocol::name
    net::Address address;
    bool needs_key = false; ///< some publishers need a key
};

struct Opening {
    net::Address address;
    net::TlsFiles tls;  ///< empty: without TLS
    std::string scheme; ///< scheme of the URL for which it is opened; empty: any
    /// Whether to share a listener that is already open at the address, with or without TLS
    bool shares = false;
    bool receives = false; ///< opened for what takes publishers
    /// The value of a property of the element that listens there; nullopt if it has none. Empty:
    /// there is no such element.
    std::function<std::optional<std::string>(const char *property)> property{};
    /// Whether a path is that element's; any thread. Empty: every path is.
    std::function<bool(std::string_view path)> matches{};
};

/// The purpose of a URL shown to people.
enum class Use { publish, play, send };

/// An address where a description serves or receives streams, as shown to people.
struct Place {
    Use use = Use::play;
    std::string url;        ///< reachable URL, with captures as NAME; for Use::send, host:port
    net::Address address;   ///< as written in the description
    bool needs_key = false; ///< publishers must send a key
    bool takes_tls = false; ///< the listener has a certificate
    /// The text of a property of the element that serves it; nullopt: not set. Empty: a rule's
    /// `match` gives the place.
    std::function<std::optional<std::string>(const char *property)> property;
};

/// A line of what `penstock run` and `penstock show` print of a place.
struct UrlLine {
    std::string label; ///< "mpv, VLC", "OBS"
    std::string text;  ///< a URL, or a text that contains one
    std::string kind;  ///< machine-readable: "publish", "play"
};

/// A row of the latency matrix, a way through the protocol. The texts have placeholders: {NAME} is
/// the listener address of the protocol NAME, {to} a UDP address, {port} the port of {to}; {fd},
/// {media} (a UDP address that the system chooses), {segment} (ns), {sync} and {srt-latency} (ms).
struct MatrixRow {
    const char *name;            ///< of the row: "HTTP-FLV", "WHIP to WHEP"
    const char *send;            ///< launch text that follows the encoder
    const char *url;             ///< to receive from
    const char *serve = nullptr; ///< launch text of a relaying server; nullptr: none
    const char *relay = nullptr; ///< a foreign server that can relay it instead: "nginx-rtmp"
    /// The stream's name, if the viewers' page plays it at the listener of the reader's protocol,
    /// over nothing but this protocol. nullptr: the page is not measured.
    const char *on_page = nullptr;
};

/// How to receive the protocol's streams, or those whose URL ends in `suffix`. Used by `penstock
/// test` and `penstock latency`; the latency matrix also uses it to send them.
struct Reader {
    const char *name;   ///< display name: "HTTP-FLV"
    const char *suffix; ///< suffix of the URL's path; "": any path
    /// Launch text from the element `src`, which is given the URL, to the demuxer `demux`.
    const char *receive;
    /// True if frames arrive in batches of several seconds, so that players pace them from the
    /// first frame on. If false, each frame is timed at its arrival.
    bool is_paced = false;
    std::vector<MatrixRow> rows{}; ///< those in which it is the client
    /// Advice of `penstock latency` when most of the delay is in delivery. nullptr: the general
    /// advice for servers.
    const char *delivery_advice = nullptr;
};

/// How the page plays a mount.
struct PageKind {
    const char *content_type; ///< that of the mount, or what it begins with: "audio/"
    const char *key;          ///< of the mount's path in streams.json: "hls", "flv"
    /// An address for other players that the server may have beside the mount's path, told apart by
    /// its ending: {".m3u8", ".mpd"} as "dash". Without a key there is none.
    struct {
        const char *key, *ending, *instead;
    } beside = {};
};

/// GStreamer's error for a stream that did not arrive; empty if it reported none.
struct Failure {
    std::string message; ///< localized
    std::string detail;  ///< for developers, in English
};

/// Limits of Protocol::explain_failure.
struct Asking {
    unsigned patience = 5; ///< seconds that a server gets to accept, and again to answer
    unsigned waited = 0;   ///< seconds after which the wait for a frame was given up; 0: no limit
    GCancellable *cancel = nullptr; ///< ends the connection early; may be null

    /// " within 3 s"; empty without a limit
    std::string within() const {
        return waited > 0 ? " within " + std::to_string(waited) + " s" : "";
    }
    std::string nothing_came() const { return "no frame came" + within(); }
};

struct Protocol {
    std::string name;  ///< unique machine-readable name: "rtmp"
    std::string title; ///< display name: "RTMP"
    std::vector<Scheme> schemes;
    std::vector<ElementUse> elements;
    /// If set, `elements` belong to this protocol only in pipelines that contain this element; in
    /// others they belong to another protocol.
    const char *marker = nullptr;
    bool is_udp = false; ///< its ports are UDP ports
    bool has_tls =
        false; ///< its elements with a listener have the properties tls-certificate and tls-key
    bool serves_pages = false; ///< it serves the viewers' page
    /// Suffixes that may follow the stream's name in a path, the longest first: "/index.m3u8".
    std::vector<std::string> path_suffixes;
    /// Which of its mounts the page plays, by content type. The first match counts.
    std::vector<PageKind> page_kinds;
    bool has_players = false;            ///< statistics count its viewers as players
    const char *ffmpeg_format = nullptr; ///< ffmpeg's output format for publishers
    /// Examples for error messages: "rtmp://${rtmp}/live/{name}".
    std::string publish_example, play_example;
    /// How the `match` of a publish rule, or of a play rule, has to end; empty: as it likes.
    std::string publish_suffix, play_suffix;
    std::string sample_url; ///< "rtmp://127.0.0.1/live/x"
    std::string url_hint;   ///< URL pattern shown by `penstock latency`: "rtmp://HOST/live/NAME"

    /// Opens a listener, or shares one that is open. On failure returns nullptr and sets the
    /// reason. Empty: the protocol has no listeners.
    std::function<std::shared_ptr<Listener>(const Opening &, std::string *error)> open;
    /// The scheme of URLs at a listener's address. Empty: the first entry of `schemes`.
    std::function<std::string(const net::Address &)> scheme_at;
    /// The listeners of this process that take publishers. Called on the main loop's thread; must
    /// not block. Empty: none.
    std::function<std::vector<Port>()> publish_ports;
    /// The lines to show for a place. Empty: one line with the URL.
    std::function<std::vector<UrlLine>(const Place &)> urls;
    /// The remark that `explain` adds to an element. `value` returns a property's text, or its
    /// default if it is not set. Empty: no remark.
    using Value = std::function<std::optional<std::string>(const char *property)>;
    std::function<std::string(std::string_view factory, const Value &value)> note;

    std::vector<Reader> readers;
    /// Launch text like Reader::receive, with which `penstock test` receives streams that no reader
    /// is for, such as audio alone. nullptr: it does not receive them.
    const char *receive_any = nullptr;
    /// Launch text of a receiver, from the element `src` to `demux`, to which the elements of
    /// Role::push can publish. nullptr: none.
    const char *accept = nullptr;
    /// Gives a reader's source its URL; returns false and sets the reason if the URL is invalid.
    /// Empty: sets the property `location`.
    std::function<bool(GstElement *source, const std::string &url, std::string *error)> set_url;
    /// Explains in one sentence why no frame came from a URL, and what to do about it. May connect
    /// to the server and block for twice the patience. Empty: GStreamer's message is shown.
    std::function<std::string(const std::string &url, const Failure &failure, const Asking &asking)>
        explain_failure;
};

} // namespace penstock::protocols

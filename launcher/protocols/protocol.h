// SPDX-License-Identifier: LGPL-2.1-or-later
// What the launcher knows of a protocol: its URLs, its elements, its listeners, how its streams are
// shown to people and received by tests. A protocol is one entry of the table (table.h), filled in
// by one file of this folder; no other part of the launcher names a scheme or such an element.
#pragma once

#include "core/net/loop/address.h"
#include "core/net/tls/files.h"

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
    uint16_t port = 0;          ///< of a URL that gives none; 0: a URL has to give one
    bool publish_match = false; ///< whether the `match` of a publish rule may have it
    bool play_match = false;    ///< whether a `match` of a play rule may have it
};

/// What an element does for its pipeline.
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
    /// Has the URL, or, of Role::send, a list of host:port. nullptr: no property has.
    const char *property = "location";
    const char *key_property = nullptr;   ///< has the publish key, of Role::receive
    const char *bytes_property = nullptr; ///< counts the bytes sent, if `stats` does not
    bool may_write_files = false; ///< serves only where its URL has a scheme of the protocol
    bool needs_gio_tls = false;   ///< reaches TLS addresses through GIO's TLS backend
    bool receives_udp = false;
    const char *package = "penstock"; ///< the Debian package that has it
};

/// A rule's entry at a listener; the rule ends when this is destroyed.
using Lease = std::shared_ptr<void>;

/// The entry of a publish rule. The functions are called on network loops: they must return at once
/// and must not throw. A path has no leading slash.
struct PublishLease {
    std::function<bool(std::string_view path)> matches;
    /// A publisher waits on a matching path that no receiver holds. It is refused if none claims it
    /// in time.
    std::function<void(const std::string &path)> on_publish;
    std::string publish_key; ///< empty: publishers need none
};

/// Tells whether a viewer may go on to what is mounted by then; if not, why. To be called once,
/// from any thread.
using PlayAnswer = std::function<void(bool go_on, const std::string &reason)>;

/// The entry of a play rule, called as that of a publish rule.
struct PlayLease {
    std::function<bool(std::string_view path)> matches;
    /// Whether the stream is there, so that nobody has to be asked.
    std::function<bool(const std::string &path)> is_ready;
    /// A viewer wants a matching path that is not ready, and waits for the answer.
    std::function<void(const std::string &path, PlayAnswer answer)> on_demand;
};

/// A port that the launcher holds open. It may be used on the main loop's thread only.
class Listener {
public:
    virtual ~Listener() = default;
    virtual net::Address address() const = 0;
    /// Of the URLs at this port: "rtmp", "https".
    virtual std::string scheme() const = 0;
    /// Identifies the port: listeners that share one have the same.
    virtual std::shared_ptr<const void> server() const = 0;
    /// `watch` is asked about every publisher and viewer of the port that comes from here on, for
    /// as long as the caller keeps it.
    virtual void add_watch(const std::shared_ptr<net::PeerWatch> &watch) = 0;
    /// Publishers of matching paths are reported until the lease is destroyed. nullptr if the
    /// protocol takes no publishers.
    virtual Lease lease_publish(PublishLease lease) = 0;
    /// Viewers of matching paths that nobody feeds are reported until the lease is destroyed.
    virtual Lease lease_play(PlayLease lease) = 0;
    /// Whether viewers wait at their path until a stream begins, so that one whose pipeline starts
    /// may be let in at once. If not, they are let in when the stream is live.
    virtual bool parks_viewers() const = 0;
    virtual bool is_publishing(const std::string &path) const = 0; ///< a publisher is connected
    virtual bool is_live(const std::string &path) const = 0;       ///< viewers get media
    virtual unsigned viewers(const std::string &path) const = 0;
    /// Refuses the publisher that waits on `path`, with this reason.
    virtual void refuse(const std::string &path, const std::string &reason) = 0;
    /// `changed` is called with a path whose viewers, or whose media, have come or gone, where that
    /// happens and so on any thread; it must return at once. A call that is under way may still
    /// finish after the lease is destroyed.
    virtual Lease watch(std::function<void(const std::string &path)> changed) = 0;
    /// Closes the viewers of `path`.
    virtual void end_viewers(const std::string &path, const std::string &reason) = 0;
};

/// A listener that takes publishers.
struct Port {
    std::string protocol; ///< its name
    net::Address address;
    bool needs_key = false; ///< some publishers need a key
};

/// A port to open.
struct Opening {
    net::Address address;
    net::TlsFiles tls;   ///< empty: without TLS
    std::string scheme;  ///< of the URL that asks for it; empty: any
    bool shares = false; ///< whatever is open at the address is taken, with TLS or without
};

/// What a URL is shown for.
enum class Use { publish, play, send };

/// A place where a description serves, or takes, streams, as people are told of it.
struct Place {
    Use use = Use::play;
    std::string url;        ///< reachable; captures as NAME. Of Use::send: host:port
    net::Address address;   ///< as the description has it
    bool needs_key = false; ///< publishers have to send a key
};

/// A line of what `penstock run` and `penstock show` print of a place.
struct UrlLine {
    std::string label; ///< "mpv, VLC", "OBS"
    std::string text;  ///< a URL, or a line around one
    std::string kind;  ///< for machines: "publish", "play"
};

/// How the streams of the protocol, or those whose URL ends in a suffix, are received: by the tests
/// of `penstock test` and by `penstock latency`; and how its latency matrix sends them.
struct Reader {
    const char *name;   ///< for people: "HTTP-FLV"
    const char *suffix; ///< of the URL's path; "": anything
    /// Launch text, from the element `src`, which is given the URL, to the demuxer `demux`.
    const char *receive;
    /// Whether players play at the stream's own pace from the first frame on, since they get it in
    /// pieces of seconds. If not, each frame counts at its arrival.
    bool is_paced = false;
    bool is_tested = true; ///< whether `penstock test` receives such an output
    /// Of the latency matrix: launch text behind its encoder, launch text of a server beside it,
    /// and the URL that is received. nullptr: not in the matrix, and no server. They have {NAME} of
    /// a protocol in them, which is the address of a listener of that protocol, {to}, which is a
    /// UDP address, {port} (of {to}), {fd}, {segment} (ns), {sync} and {srt-latency} (ms).
    const char *send = nullptr, *serve = nullptr, *url = nullptr;
    /// What `penstock latency` says where delivery takes most of the time. nullptr: that of a
    /// server.
    const char *delivery_advice = nullptr;
    const char *relay = nullptr; ///< "nginx-rtmp": a foreign server that can relay it instead
};

/// What GStreamer said of a stream that did not come; empty where it said nothing.
struct Failure {
    std::string message; ///< in the user's language
    std::string detail;  ///< for developers, in English
};

struct Protocol {
    std::string name;  ///< unique; for machines: "rtmp"
    std::string title; ///< for people: "RTMP"
    std::vector<Scheme> schemes;
    std::vector<ElementUse> elements;
    /// If set, `elements` belong to this protocol in pipelines that have this element, and to
    /// another protocol elsewhere.
    const char *marker = nullptr;
    bool is_udp = false;       ///< its addresses are UDP ports
    bool has_tls = false;      ///< its serving elements have tls-certificate and tls-key
    bool serves_pages = false; ///< the viewers' page is served by it
    /// What follows the stream's name in paths, the longest first: "/index.m3u8". Empty: nothing.
    std::vector<std::string> path_suffixes;
    bool lists_streams = false;     ///< its mounts are the page's streams; others are ways to them
    const char *page_key = nullptr; ///< what the viewers' page knows such a stream by: "hls"
    bool has_players = false;       ///< statistics count its viewers as players
    const char *ffmpeg_format = nullptr; ///< ffmpeg's muxer for publishers
    /// Examples that complete an error message: "rtmp://${rtmp}/live/{name}".
    std::string publish_example, play_example;
    std::string sample_url; ///< "rtmp://127.0.0.1/live/x"
    std::string url_hint;   ///< of `penstock latency`: "rtmp://HOST/live/NAME"

    /// Opens a port, or shares it if it is open. nullptr and the reason if it can't be had. Empty:
    /// the protocol has no listeners.
    std::function<std::shared_ptr<Listener>(const Opening &, std::string *error)> open;
    /// The scheme of the URLs at a listener's address. Empty: the first of the protocol's schemes.
    std::function<std::string(const net::Address &)> scheme_at;
    /// The listeners of this process that take publishers. On the main loop's thread; must not
    /// block. Empty: none.
    std::function<std::vector<Port>()> publish_ports;
    /// The lines that people are shown for a place. Empty: one line with the URL.
    std::function<std::vector<UrlLine>(const Place &)> urls;
    /// What `explain` adds to an element; `value` gives the text of a property, its default
    /// included. Empty: nothing.
    using Value = std::function<std::optional<std::string>(const char *property)>;
    std::function<std::string(std::string_view factory, const Value &value)> note;

    std::vector<Reader> readers;
    /// Launch text of a receiver that the elements of Role::push can publish to: from the element
    /// `src` to `demux`. nullptr: none.
    const char *accept = nullptr;
    /// Gives a reader's source its URL; false and the reason if it can't be read. Empty: sets
    /// `location`.
    std::function<bool(GstElement *source, const std::string &url, std::string *error)> set_url;
    /// Why no frame came from a URL, in one sentence, and what to do; may ask the server, and block
    /// for ten seconds. Empty: what GStreamer said.
    std::function<std::string(const std::string &url, const Failure &failure)> explain_failure;
};

} // namespace penstock::protocols

// SPDX-License-Identifier: LGPL-2.1-or-later
// A snapshot of what runs in this process, for `penstock top`, the status line, the viewers' page
// and applications.
#pragma once

#include "protocols/protocol.h"

#include <gst/gst.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::state {

struct Element {
    std::string name, factory;
    std::shared_ptr<const GstStructure> stats; ///< never nullptr
    /// Whether it is inside an element with `stats` of its own, which already include it.
    bool is_inside = false;
};

/// The numeric fields of an element's `stats`.
std::map<std::string, double> numbers_of(const Element &element);

struct Queue {
    std::string name;
    double level = 0; ///< 0 to 1; the fullest of its limits
};

struct Pipeline {
    std::string label;       ///< "live/cam", "test-publisher"
    std::string description; ///< its description's name
    std::string state;       ///< "playing", "paused", …
    int64_t uptime = 0;      ///< ns
    uint64_t bytes_in = 0;   ///< bytes output by its sources
    uint64_t bytes_out = 0;  ///< bytes sent by its sinks
    uint64_t frames = 0;     ///< video frames since the first collection
    uint64_t drops = 0;      ///< without what could not be sent to a destination elsewhere
    unsigned viewers = 0;    ///< over all protocols
    unsigned players = 0;    ///< those of protocols with `has_players`: RTMP
    /// Addresses outside of this process that its elements send to: URLs, or host:port.
    std::vector<std::string> sends_to;
    std::vector<Queue> queues;
    std::vector<Element> elements; ///< elements with `stats`
};

/// A path at a listener with its publisher and viewers.
struct Mount {
    std::string protocol; ///< Protocol::name
    net::Address address;
    std::string scheme;      ///< scheme of its URL
    std::string path;        ///< without a leading slash
    bool live = false;       ///< viewers receive media; with a receiver: its publisher is connected
    bool publishing = false; ///< a publisher is connected and claimed
    bool is_deserted = false; ///< its receiver waits for a publisher, and viewers get nothing
    /// Since when its receiver has had no publisher; ms since 1970; 0: it has one, or unknown.
    int64_t vacant_since = 0;
    std::string publisher; ///< "rtmp-publish-3 127.0.0.1:53412"; empty: none
    std::string standby;   ///< a second publisher, which is not on air; empty: none
    unsigned viewers = 0;
    uint64_t bytes_in = 0, bytes_out = 0;
    int64_t since = 0; ///< time at which it became live; ms since 1970; 0: not live or unknown
    unsigned width = 0, height = 0;
    bool has_video = false, has_audio = false;
    int64_t last_media = 0;   ///< when media last came; ms since 1970; 0: never
    bool is_fed = false;      ///< a pipeline serves viewers there
    std::string content_type; ///< of the bytes that viewers get; empty: unknown
};

using protocols::Port;

/// A stream: mounts of the same name on all protocols.
struct Stream {
    std::string name; ///< "live/cam"
    bool live = false;
    bool is_deserted = false; ///< its pipeline waits for a publisher
    std::string publisher;    ///< "rtmp-publish-3 127.0.0.1:53412"; empty: none, or a pipeline
    std::string standby;      ///< a second publisher, which is not on air; empty: none
    std::string url;          ///< URL of its first mount, with the listener's own address
    unsigned viewers = 0;     ///< over all protocols
    unsigned players = 0;     ///< those of protocols with `has_players`: RTMP
    std::vector<const Mount *> mounts; ///< at least one; in the order of the protocol table
};

/// The mounts on this process's listeners.
struct Mounts {
    std::vector<Mount> mounts;
    std::vector<Port> ports; ///< listeners that take publishers
};

struct Model {
    std::vector<std::string> descriptions;
    std::vector<Pipeline> pipelines;
    Mounts on_listeners;
    int64_t taken_at = 0; ///< monotonic, ns
};

} // namespace penstock::state

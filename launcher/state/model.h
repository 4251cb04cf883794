// SPDX-License-Identifier: LGPL-2.1-or-later
// What runs in this process at one moment: the one model that `penstock top`, the status line, the
// viewers' page and applications are told of.
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
    /// Whether it is inside an element that has `stats` of its own, which stand for it too.
    bool is_inside = false;
};

/// The numbers in an element's `stats`, by their names there; what is not a number is left out.
std::map<std::string, double> numbers_of(const Element &element);

struct Queue {
    std::string name;
    double level = 0; ///< 0 to 1: full by whichever of its bounds is nearest
};

struct Pipeline {
    std::string label;       ///< "live/cam", "test-publisher"
    std::string description; ///< its name
    std::string state;       ///< "playing", "paused", …
    int64_t uptime = 0;      ///< ns
    uint64_t bytes_in = 0;   ///< given by its sources
    uint64_t bytes_out = 0;  ///< sent by its sinks
    uint64_t frames = 0;     ///< video frames since the first collection
    uint64_t drops = 0;
    unsigned players = 0; ///< viewers of protocols that call them players: RTMP
    unsigned viewers = 0; ///< viewers of all others
    std::vector<Queue> queues;
    std::vector<Element> elements; ///< those that have `stats`
};

/// A path on a listener, with its publisher and its viewers.
struct Mount {
    std::string protocol; ///< its name
    net::Address address;
    std::string scheme;       ///< of its URL
    std::string path;         ///< without a leading slash
    bool live = false;        ///< viewers get media; with a receiver: its publisher is there
    bool publishing = false;  ///< a publisher is connected and taken
    bool is_deserted = false; ///< its receiver waits for a publisher
    std::string publisher;    ///< "rtmp-publish-3 127.0.0.1:53412"; empty if there is none
    unsigned viewers = 0;
    uint64_t bytes_in = 0, bytes_out = 0;
    int64_t since = 0; ///< when it became live; ms since 1970, 0 if it is not live or unknown
    unsigned width = 0, height = 0;
    bool has_video = false, has_audio = false;
};

using protocols::Port;

/// A stream: the mounts of one name, whatever protocols they belong to.
struct Stream {
    std::string name; ///< "live/cam"
    bool live = false;
    std::string url; ///< of its first mount, as the listener has the address
    unsigned players = 0, viewers = 0;
    std::vector<const Mount *> mounts; ///< at least one, in the protocols' order
};

/// What is on the listeners of the process.
struct Mounts {
    std::vector<Mount> mounts;
    std::vector<Port> ports; ///< those that take publishers
};

struct Model {
    std::vector<std::string> descriptions;
    std::vector<Pipeline> pipelines;
    Mounts on_listeners;
    int64_t taken_at = 0; ///< monotonic, ns
};

} // namespace penstock::state

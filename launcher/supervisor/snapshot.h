// SPDX-License-Identifier: LGPL-2.1-or-later
// What runs in this process at one moment, for `penstock top` and whoever else watches.
#pragma once

#include "supervisor/supervisor.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace penstock::supervisor {

/// The numbers of an element's `stats`, under their names there.
struct ElementSnapshot {
    std::string name, factory;
    std::map<std::string, double> stats;
};

/// A queue's level: 1 is full by whichever of its bounds is nearest.
struct QueueSnapshot {
    std::string name;
    double level = 0;
};

struct PipelineSnapshot {
    std::string label;       ///< "live/cam", "test-publisher"
    std::string description; ///< its name
    std::string state;       ///< "playing", "paused", …
    int64_t uptime = 0;      ///< ns
    uint64_t bytes_in = 0;   ///< that its sources gave
    uint64_t bytes_out = 0;  ///< that its sinks sent
    uint64_t frames = 0;     ///< of the picture, since the first snapshot
    uint64_t drops = 0;
    unsigned players = 0; ///< RTMP
    unsigned viewers = 0; ///< HTTP: HLS, FLV and others
    std::vector<QueueSnapshot> queues;
    std::vector<ElementSnapshot> elements; ///< those that have `stats`
};

/// A path on an RTMP listener.
struct MountSnapshot {
    std::string address, path;
    std::string publisher; ///< "rtmp-publish-3 127.0.0.1:53412"; empty if there is none
    bool live = false;
    unsigned players = 0;
    uint64_t bytes_in = 0, bytes_out = 0;
};

struct Snapshot {
    std::vector<std::string> descriptions;
    std::vector<PipelineSnapshot> pipelines;
    std::vector<MountSnapshot> mounts;
    int64_t taken_at = 0; ///< monotonic, ns
};

/// On the main loop's thread; asks every element, and blocks for none.
Snapshot take_snapshot(const Supervisor &supervisor);
PipelineSnapshot take_snapshot(GstElement *pipeline);

} // namespace penstock::supervisor

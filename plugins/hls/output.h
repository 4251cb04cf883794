// SPDX-License-Identifier: LGPL-2.1-or-later
// The destination of an hlssegmenter's segments: a mount of the process's HTTP server, or files.
#pragma once

#include "core/hls/presentation.h"
#include "core/hls/stream.h"
#include "hls/settings.h"

namespace penstock::hls {

class Output {
public:
    struct Stats {
        uint64_t bytes_out = 0;
        unsigned viewers = 0;
        uint64_t lost_segments = 0;
        size_t waiting = 0; ///< requests for what is to come
        Stream::Info stream;
    };

    /// Opens the destination named by `location`. On failure returns nullptr and sets `error` to
    /// the reason and a remedy. `has_renditions`: its playlist is a multivariant one.
    static std::unique_ptr<Output> open(const Settings &settings, const Container &container,
                                        bool has_renditions, std::string *error);
    virtual ~Output() = default;

    // Calls of these are serialized, but may come from different threads.
    /// The renditions, by Segment::rendition: before publish(), and whenever they change.
    virtual void set_renditions(const std::vector<Presentation::Expected> &) {}
    /// Accepts a segment. Blocks only on a slow disk, and only if `may_wait`.
    virtual void publish(Segment segment, bool may_wait) = 0;
    /// Ends the stream. Waits, for a limited time, until all of it can be read.
    virtual void end() = 0;

    // Thread-safe; never block on a disk.
    /// Media has come, of which a segment will be made.
    virtual void note_media() {}
    /// Stops publish() from waiting.
    virtual void cancel() {}
    /// Whether take_reports() may return anything at any time.
    virtual bool reports() const { return false; }
    /// Returns and clears readable reports since the last call.
    virtual std::vector<std::string> take_reports() { return {}; }
    /// Whether something could not be written.
    virtual bool has_failed() const { return false; }
    virtual Stats stats() const = 0;
    /// The part target (ns) of a rendition's playlist that goes on; 0: there is none.
    virtual int64_t part_target(const std::string &) const { return 0; }
    virtual std::string url() const = 0;
};

/// Whether writing never blocks (no disk is involved).
bool is_nonblocking_location(const std::string &location);

} // namespace penstock::hls

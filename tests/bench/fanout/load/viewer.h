// SPDX-License-Identifier: LGPL-2.1-or-later
// A viewer: its connection, protocol and observations.
#pragma once

#include "histogram.h"
#include "http.h"
#include "socket.h"
#include "tls.h"

#include <optional>
#include <variant>

namespace load {

enum class Protocol { rtmp, http_flv, ws_flv, flv };

/// Measurements of all viewers of a kind.
struct Tally {
    Histogram latency;        ///< of frames sent within the window
    Histogram first_keyframe; ///< since the TCP connect
    uint64_t frames = 0, bytes = 0;
};

class Viewer final : public TagSink {
public:
    enum class Kind { good, slow, stuck, beside, probe };
    struct Target {
        Protocol protocol;
        std::string address, app, stream;
        bool tls = false;
    };
    /// Latency is measured in frames sent from `begin_ns` to `end_ns`.
    struct Window {
        int64_t begin_ns = INT64_MAX, end_ns = INT64_MAX;
        bool open = false;
    };

    Viewer(Kind kind, const Target &target, Tally &tally, const Window &window);

    /// Starts connecting.
    void connect(const sockaddr_in &address);
    int fd() const { return socket_.get(); }
    /// Reads up to `most` bytes into `scratch`, repeatedly while that many are available. Returns
    /// false if the connection has ended; see error().
    bool read(uint8_t *scratch, size_t size, size_t most = SIZE_MAX);
    /// Sends pending data; returns false if the connection has ended.
    bool write();
    bool wants_to_write() const { return !out_.empty(); }
    void close() {
        tls_.reset();
        socket_.reset();
    }

    void tag(TagType type, const uint8_t *head, size_t head_size) override;

    Kind kind() const { return kind_; }
    bool open() const { return bool(socket_); }
    bool has_keyframe() const { return has_keyframe_; }
    const std::string &error() const { return error_; }
    uint64_t frames() const { return frames_; }
    /// Number of gaps in the sequence numbers after the first frame.
    uint64_t gaps() const { return gaps_; }
    /// Gaps that were not followed by a keyframe: the video is broken.
    uint64_t broken_gaps() const { return broken_gaps_; }
    uint64_t missing() const { return missing_; }
    /// Frames received twice or after a later one.
    uint64_t disorder() const { return disorder_; }

private:
    Kind kind_;
    Tally &tally_;
    const Window &window_;
    std::variant<RtmpSession, HttpSession> session_;
    Descriptor socket_;
    bool wants_tls_;
    std::optional<Tls> tls_;
    Buffer out_;
    std::string error_;
    int64_t connected_ns_ = 0, read_ns_ = 0;
    uint64_t frames_ = 0, gaps_ = 0, broken_gaps_ = 0, missing_ = 0, disorder_ = 0;
    uint32_t last_ = 0;
    bool has_keyframe_ = false;
};

} // namespace load

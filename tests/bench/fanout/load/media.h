// SPDX-License-Identifier: LGPL-2.1-or-later
// The published programme: 720p30 H.264 in GOPs of 2 s and AAC of 128 kbit/s, with sending time and
// sequence number in every video frame.
#pragma once

#include "wire.h"

#include <chrono>
#include <optional>
#include <vector>

namespace load {

using Clock = std::chrono::steady_clock;

/// ns of the steady clock, which all processes of a machine share.
inline int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
        .count();
}

/// The stamp of a frame: an SEI message (user data unregistered) as its first NAL unit. Numbers are
/// hexadecimal digits, so that they need no emulation prevention.
struct Stamp {
    int64_t sent_ns = 0;
    uint32_t sequence = 0;
};

/// Bytes of the SEI message without its trailing bits, which is all of it that is read.
constexpr size_t stamp_size = 3 + 16 + 24;
/// The stamp ends within this many bytes of a video tag's body.
constexpr size_t stamp_reach = 5 + 4 + stamp_size;

/// The stamp in a NAL unit that begins with these bytes; nullopt: it is another unit.
std::optional<Stamp> read_stamp(const uint8_t *unit, size_t size);

/// The stamp of a video tag whose body begins with these bytes; nullopt: none.
std::optional<Stamp> find_stamp(const uint8_t *body, size_t size);

enum class TagType : uint8_t { audio = 8, video = 9, script = 18 };

struct Tag {
    TagType type;
    uint32_t ms;
    bool key;
    std::string body;
};

/// Whether the body of a video tag contains a keyframe (not a sequence header).
inline bool is_keyframe(const uint8_t *body, size_t size) {
    return size > 1 && body[0] == 0x17 && body[1] == 1;
}

/// Appends a tag in FLV format with its PreviousTagSize.
void write_flv_tag(Buffer &out, const Tag &tag);
/// Appends the nine-byte FLV header and the first PreviousTagSize.
void write_flv_header(Buffer &out);

/// An endless programme. The bodies of its tags add up to `bits_per_second` including audio; a
/// keyframe is about ten times as large as other frames, and sizes vary like an encoder's.
class Programme {
public:
    explicit Programme(double bits_per_second);

    /// Metadata and codec configurations, which a publisher sends first.
    std::vector<Tag> beginning() const;
    /// When the next tag is due, relative to the first one.
    std::chrono::nanoseconds next_due() const;
    /// The next tag; a video frame contains `sent_ns`.
    Tag next(int64_t sent_ns);

private:
    bool video_is_next() const;
    size_t frame_size();

    double gop_bytes_;
    double gop_weight_ = 0;
    std::vector<double> weights_; ///< relative sizes of the frames of a GOP
    uint32_t frame_ = 0, sound_ = 0;
};

} // namespace load

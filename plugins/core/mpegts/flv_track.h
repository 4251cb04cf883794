// SPDX-License-Identifier: LGPL-2.1-or-later
// One elementary stream as a track of FLV: units in, tags out.
#pragma once

#include "core/codec/nal_config.h"
#include "core/flv/tag.h"
#include "core/mpegts/unit.h"

#include <string>
#include <vector>

namespace penstock::mpegts {

/// What a unit is, by its bytes: a sender's random_access_indicator is not trusted.
struct UnitFacts {
    bool is_frame = true;    ///< it has a picture, or is audio
    bool keyframe = true;    ///< a decoder can start with it
    bool new_config = false; ///< the configuration is another one from here on
};

/// The configuration is that of the parameter sets, or the headers, in the stream. Video begins
/// with a keyframe. Not thread-safe.
class FlvTrack {
public:
    /// `id`: the track's number in FLV, among those of its type.
    FlvTrack(const ElementaryStream &stream, uint8_t id);

    /// Call it with each unit, before write().
    UnitFacts examine(const Unit &unit);
    /// Appends the tag of the examined unit, behind one with the configuration if that is new.
    /// Times in ms. Nothing for a unit that can't be used.
    void write(const Unit &unit, const UnitFacts &facts, uint32_t dts, uint32_t composition_time,
               std::vector<flv::Tag> &out);

    /// Appends the configuration, if it is known and was not written.
    void write_config(uint32_t dts, std::vector<flv::Tag> &out);
    /// After a flush: begins with a keyframe again, and with its configuration.
    void restart();
    /// After a gap: begins with a keyframe again.
    void await_keyframe() { needs_keyframe_ = is_video(stream_.codec); }

    /// Frames that are displayed after a later one, at most; of video whose configuration is known.
    std::optional<unsigned> reorder() const { return reorder_; }
    /// Configuration record of video as FLV has it; empty: not known so far.
    const std::vector<uint8_t> &record() const { return record_; }
    /// Why nothing of it can be written; empty: it can.
    const std::string &obstacle() const { return obstacle_; }
    uint64_t dropped() const { return dropped_; } ///< units that were not written
    flv::TagType type() const;
    uint8_t id() const { return id_; }

private:
    UnitFacts examine_video(const Unit &unit);
    UnitFacts examine_audio(const Unit &unit);
    bool is_entry(const Unit &unit, bool entry, bool has_sei);
    bool is_known_set(ByteView nal) const;
    void write_video(const UnitFacts &facts, uint32_t dts, uint32_t composition_time,
                     std::vector<flv::Tag> &out);

    const ElementaryStream stream_;
    const uint8_t id_;
    uint32_t codec_ = 0; ///< flv::fourcc
    // Of video.
    std::vector<ByteView> nals_; ///< of the examined unit
    codec::NalConfig config_;
    std::vector<uint8_t> record_;
    std::optional<unsigned> reorder_;
    std::optional<int64_t> last_entry_; ///< 90 kHz
    bool needs_keyframe_ = true;
    bool config_due_ = false; ///< not written so far
    // Of audio.
    AudioFormat format_;
    std::string obstacle_;
    uint64_t dropped_ = 0;
};

} // namespace penstock::mpegts

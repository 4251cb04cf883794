// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts audio streams into frames as their bytes come, and counts their times.
#pragma once

#include "core/mpegts/audio_headers.h"
#include "core/mpegts/latm.h"
#include "core/mpegts/pes.h"

#include <memory>

namespace penstock::mpegts {

/// A frame is passed on when all of its bytes are there; one may begin in one PES packet and end in
/// the next. After missing bytes the next PES packet begins anew. Keeps at most two frames. Not
/// thread-safe.
class AudioFrames {
public:
    struct Whole {
        Bytes bytes;
        std::optional<int64_t> pts; ///< 90 kHz, unwrapped
        unsigned samples = 0;
    };

    explicit AudioFrames(const ElementaryStream &stream);

    /// `pts`: that of the header, unwrapped.
    void begin(std::optional<int64_t> pts);
    void data(ByteView bytes, std::vector<Whole> &out);
    /// A PES packet of known length has ended, or the stream.
    void end(std::vector<Whole> &out);
    /// Bytes are missing.
    void lose();
    /// That of the last frame.
    const AudioFormat &format() const { return format_; }
    /// Pieces that were no frames, or that missed bytes.
    uint64_t dropped() const { return dropped_; }

private:
    void extract(bool is_end, std::vector<Whole> &out);
    bool take(const AudioHeader &header, size_t size, std::vector<Whole> &out);
    void emit(ByteView frame, unsigned samples, std::vector<Whole> &out);
    void skip_garbage();
    size_t whole_size(const AudioHeader &header, bool is_end) const;
    void consume(size_t count);
    std::optional<int64_t> next_time(unsigned samples);

    const ElementaryStream stream_;
    std::vector<uint8_t> bytes_;
    size_t at_ = 0;     ///< in `bytes_`: what is before it is done
    size_t wanted_ = 0; ///< bytes of the frame at `at_`; before they are there nothing can be done
    bool is_skipping_ = true;
    bool is_in_sync_ = false;
    std::optional<int64_t> pts_; ///< of the first frame that begins at or behind `mark_`
    size_t mark_ = 0;
    std::optional<int64_t> base_; ///< the last time that was told,
    uint64_t counted_ = 0;        ///< and the samples since
    AudioFormat format_;
    std::unique_ptr<LatmReader> latm_;
    std::vector<std::vector<uint8_t>> subframes_;
    uint64_t dropped_ = 0;
};

} // namespace penstock::mpegts

// SPDX-License-Identifier: LGPL-2.1-or-later
// Any timestamps in any order of tracks into the repair. Laws: decoding times of a track increase,
// none is later than its frame's PTS, holes end where the frame begins, and no sum overflows.
#include "core/timing/repair.h"

#include "core/bytes/reader.h"

#include "fuzz/law.h"

#include <array>

using namespace penstock;
using namespace penstock::timing;

namespace {

constexpr int64_t millisecond = 1'000'000;

class Player {
public:
    explicit Player(Reader &in) : in_(in) {
        const uint8_t flags = in_.u8();
        live_ = flags & 1;
        limits_.gap = flags & 2 ? Gap::close : Gap::mark;
        limits_.max_gap = (1 + (flags >> 2 & 7)) * 250 * millisecond;
        limits_.max_drift = (flags >> 5) * 100 * millisecond;
        repair_.set_limits(limits_);
        for (size_t i = 0; i < last_.size(); ++i) {
            repair_.add_track();
            set_format(i, uint8_t(i));
        }
    }

    void run() {
        for (int steps = 0; steps < 4'000 && in_.remaining() > 0; ++steps) {
            step(in_.u8());
            fuzz::law(repair_.take_notes().size() <= 16, "notes are bounded");
        }
    }

private:
    void set_format(size_t track, uint8_t detail) {
        Format format;
        format.media = Media(detail % 3);
        format.reorder = detail >> 2 & 7;
        if (detail & 32) {
            format.fps_num = 30'000;
            format.fps_den = 1'001;
        }
        repair_.set_format(track, format);
        video_[track] = format.media == Media::video;
        last_[track].reset();
    }

    void step(uint8_t what) {
        const size_t track = (what & 3) % last_.size();
        const uint8_t detail = what >> 5;
        int64_t &time = time_[track];
        switch (what >> 2 & 7) {
        case 0: // a run at an even pace
            for (int i = 0; i <= detail * 8; ++i, now_ += 7 * millisecond) {
                put(track, {time, time, 20 * millisecond});
                move(time, 20 * millisecond);
            }
            break;
        case 1: // a step
            move(time,
                 int64_t(static_cast<int32_t>(in_.u32())) * (detail & 1 ? millisecond : 1'000));
            break;
        case 2: // any time
            time = int64_t(uint64_t(in_.u32()) << 32 | in_.u32());
            break;
        case 3:
            now_ += int64_t(in_.u16()) * millisecond;
            break;
        case 4: {
            Stamps stamps;
            const int64_t composition = int64_t(int8_t(in_.u8())) * millisecond * 4;
            if (detail & 1) stamps.dts = time;
            if (detail & 2) stamps.pts = int64_t(uint64_t(time) + uint64_t(composition));
            if (detail & 4) stamps.duration = int64_t(uint64_t(in_.u32()) << 20);
            put(track, stamps);
            break;
        }
        case 5:
            repair_.gap(track, time, int64_t(uint64_t(time) + uint64_t(in_.u32()) * 10'000),
                        delivery());
            break;
        case 6:
            repair_.end(track);
            break;
        default:
            if (detail == 0) {
                repair_.reset();
                last_ = {};
            } else {
                // A stream of another kind is another track.
                repair_.remove_track(track);
                fuzz::law(repair_.add_track() == track, "a free place is taken");
                set_format(track, in_.u8());
            }
        }
    }

    /// Wraps around instead of overflowing.
    static void move(int64_t &time, int64_t by) { time = int64_t(uint64_t(time) + uint64_t(by)); }

    Delivery delivery() const {
        Delivery delivery;
        if (live_) delivery.arrival = now_;
        delivery.is_key = time_[0] & 1;
        return delivery;
    }

    void put(size_t track, const Stamps &in) {
        const Repaired out = repair_.frame(track, in, delivery());
        const auto &time = video_[track] ? out.stamps.dts : out.stamps.pts;
        fuzz::law(time.has_value(), "a frame has a time");
        fuzz::law(!last_[track] || *time > *last_[track], "times increase");
        fuzz::law(!out.stamps.pts || !out.stamps.dts || *out.stamps.pts >= *out.stamps.dts,
                  "no frame is displayed before it is decoded");
        last_[track] = time;
    }

    Reader &in_;
    Limits limits_;
    Repair repair_;
    bool live_ = false;
    int64_t now_ = 0;
    std::array<int64_t, 3> time_{};
    std::array<bool, 3> video_{};
    std::array<std::optional<int64_t>, 3> last_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    Reader in(ByteView(data, size));
    Player(in).run();
    return 0;
}

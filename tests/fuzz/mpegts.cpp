// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a transport stream, cut in two ways, and from its units to FLV. Laws: the cut makes
// no difference, units are bounded, tags are whole, and time goes forward. The first byte chooses
// the program, and whether the stream is live.
#include "core/mpegts/demuxer.h"
#include "core/mpegts/flv_track.h"
#include "core/mpegts/timeline.h"
#include "fuzz/law.h"

#include <algorithm>
#include <map>

using namespace penstock;
using namespace penstock::mpegts;

namespace {

constexpr size_t max_unit = 20'000;

uint64_t mix(uint64_t sum, uint64_t value) {
    return (sum ^ value) * 0x100000001B3;
}

class Judge final : Demuxer::Handler {
public:
    explicit Judge(uint16_t program, bool is_live)
        : demuxer_(options(program), *this), live_(is_live) {}

    void push(ByteView bytes) { demuxer_.push(bytes); }
    void finish() {
        demuxer_.finish();
        (void)demuxer_.programs();
    }
    void flush() {
        demuxer_.flush();
        timeline_.reset(0);
        last_.clear();
    }
    uint64_t sum() const { return sum_; }

private:
    static Demuxer::Options options(uint16_t program) {
        Demuxer::Options options;
        options.program = program;
        options.max_unit = max_unit;
        options.max_kept = 2 * max_unit;
        return options;
    }

    void on_program(const Program &program) override {
        fuzz::law(program.streams.size() <= max_streams, "streams are bounded");
        for (const size_t time : times_)
            timeline_.remove_track(time);
        tracks_.clear();
        times_.clear();
        last_.clear();
        for (const ElementaryStream &stream : program.streams) {
            tracks_.push_back(std::make_unique<FlvTrack>(stream, uint8_t(tracks_.size())));
            times_.push_back(timeline_.add_track(is_video(stream.codec)   ? timing::Media::video
                                                 : is_audio(stream.codec) ? timing::Media::audio
                                                                          : timing::Media::sparse));
            sum_ = mix(sum_, stream.pid);
        }
        program_ = program;
    }

    void on_unit(const Unit &unit) override {
        fuzz::law(unit.stream < tracks_.size(), "units are of the program's streams");
        fuzz::law(!unit.data.empty() && unit.data.size() <= 65'535, "units are bounded");
        sum_ = mix(sum_, unit.data.size());
        for (const uint8_t byte : unit.data)
            sum_ = mix(sum_, byte);
        sum_ = mix(sum_, uint64_t(unit.pts.value_or(-1)));
        FlvTrack &track = *tracks_[unit.stream];
        const bool media = !is_data(program_.streams[unit.stream].codec);
        UnitFacts facts;
        if (media) facts = track.examine(unit);
        if (track.reorder()) timeline_.set_reorder(times_[unit.stream], *track.reorder());
        Timeline::Given given{unit.pts, unit.dts, facts.keyframe, {}, demuxer_.begin()};
        if (live_) given.arrival = now_ += 5'000'000;
        const auto times = timeline_.place(times_[unit.stream], given);
        if (!times) return;
        fuzz::law(times->dts >= 0 && times->pts >= times->dts,
                  "no frame is shown before it is decoded");
        const auto last = last_.find(unit.stream);
        const bool is_later = last == last_.end() || times->dts > last->second;
        fuzz::law(!media || is_later, "time goes forward");
        last_[unit.stream] = times->dts;
        if (!media) return;
        std::vector<flv::Tag> tags;
        track.write(unit, facts, uint32_t(times->dts / 1'000'000), 0, tags);
        for (const flv::Tag &tag : tags) {
            const auto header = flv::parse_body(tag.type, tag.body_view());
            fuzz::law(header && tag.kind != flv::TagKind::other, "tags can be read");
        }
    }

    Demuxer demuxer_;
    Timeline timeline_;
    Program program_;
    std::vector<std::unique_ptr<FlvTrack>> tracks_;
    std::vector<size_t> times_;
    std::map<size_t, int64_t> last_;
    const bool live_;
    int64_t now_ = 0;
    uint64_t sum_ = 14695981039346656037U;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const uint16_t program = data[0] & 3;
    const bool live = data[0] & 4;
    const ByteView input(data + 1, size - 1);
    Judge whole(program, live);
    whole.push(input);
    whole.finish();
    Judge cut(program, live);
    size_t step = 1;
    for (ByteView rest = input; !rest.empty(); step = step * 7 % 251 + 1) {
        const size_t count = std::min(step, rest.size());
        cut.push(rest.first(count));
        rest = rest.subspan(count);
    }
    cut.finish();
    fuzz::law(whole.sum() == cut.sum(), "the cut of the input makes no difference");
    cut.flush();
    cut.push(input);
    cut.finish();
    return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Any tags as a stream with viewers: FlvFeed, its timeline, the ring and the fold. The input is a
// sequence of records: an action byte and, for a tag, four bytes of timestamp, a byte for the
// body's size, and the body. Laws: time never goes back within a track; a viewer joins where a
// decoder can start, after headers, and misses nothing from there; a folded GOP advances by 1 ms.
#include "core/fanout/flv_feed.h"
#include "core/flv/enhanced.h"
#include "core/rtmp/packet.h"

#include "fuzz/law.h"

#include <optional>

using namespace penstock;

namespace {

enum class Step : uint8_t { audio, video, script, later, wait, restart, discontinuity, join };

flv::TagKind kind_of(const fanout::Packet &packet) {
    const Bytes &bytes = packet.payload;
    return flv::classify(
        flv::TagType(bytes[0]),
        bytes.sub(flv::header_size, bytes.size() - flv::header_size - flv::trailer_size));
}

bool is_header(const fanout::Packet &packet) {
    const flv::TagKind kind = kind_of(packet);
    return kind == flv::TagKind::config || kind == flv::TagKind::metadata;
}

struct Viewer {
    fanout::Join how;
    fanout::Cursor cursor;
    std::optional<uint64_t> stands_at;
};

class Run {
public:
    Run() {
        gop::Limits limits;
        limits.items = 64;
        limits.bytes = 1 << 14;
        ring_.restart(limits);
    }

    void tag(flv::TagType type, uint32_t timestamp, ByteView body) {
        const uint64_t before = ring_.packets();
        const flv::Tag tag = flv::make_tag(type, timestamp, body);
        const fanout::PacketPtr packet = feed_.append(tag, now_);
        fuzz::law(ring_.packets() == before + (packet != nullptr), "what is appended is counted");
        if (!packet) return;
        const auto header = flv::parse_body(type, body);
        fuzz::law(packet->needs == (header ? flv::features_of(*header) : 0),
                  "a packet needs what its tag has");
        fuzz::law(!packet->plain || (packet->plain->needs & ~packet->needs) == 0,
                  "a plain form needs no more");
        // Further tracks lie beside the default one.
        if (is_header(*packet) || (header && header->track != 0)) return;
        std::optional<uint32_t> &last = last_[type == flv::TagType::audio ? 0 : 1];
        fuzz::law(!last || static_cast<int32_t>(packet->time - *last) >= 0,
                  "within a track time never goes back");
        last = packet->time;
    }

    void restart() {
        gop::Limits limits;
        limits.items = 32;
        feed_.restart(limits);
    }
    void discontinuity() { feed_.discontinuity(); }
    void wait(uint64_t ms) { now_ += ms * 1'000'000; }

    void look(Viewer &viewer) {
        std::vector<fanout::PacketPtr> first;
        const bool had_joined = viewer.cursor.next.has_value();
        const auto place = ring_.settle(viewer.cursor, viewer.how, fanout::Slow::skip, first);
        if (place == fanout::Ring::Place::waiting) {
            fuzz::law(first.empty(), "who waits gets nothing");
            return;
        }
        const uint64_t skipped = viewer.cursor.skipped;
        if (!had_joined && viewer.how != fanout::Join::live) check_join(viewer, first);
        fanout::Batch batch;
        while (ring_.read(viewer.cursor, 7, 1000, batch) && batch.begin != batch.end) {
            fuzz::law(batch.begin == *viewer.cursor.next, "what is read follows what was read");
            fuzz::law(batch.packets.size() == batch.end - batch.begin, "a batch is whole");
            viewer.cursor.next = batch.end;
        }
        fuzz::law(viewer.cursor.skipped == skipped, "reading skips nothing");
        fuzz::law(*viewer.cursor.next == ring_.packets(), "a viewer gets all there is");
    }

private:
    /// The headers, and with Join::fast_forward the folded GOP behind them.
    void check_join(const Viewer &viewer, const std::vector<fanout::PacketPtr> &first) {
        size_t headers = 0;
        while (headers < first.size() && is_header(*first[headers]))
            ++headers;
        for (size_t i = headers + 1; i < first.size(); ++i)
            fuzz::law(first[i]->time == first[i - 1]->time + 1, "a folded GOP rises by 1 ms");
        if (headers < first.size()) {
            fuzz::law(viewer.how == fanout::Join::fast_forward, "nothing else is folded");
            return;
        }
        fanout::Batch batch;
        if (!ring_.read(viewer.cursor, 1, 1, batch) || batch.packets.empty()) return;
        const flv::TagKind kind = kind_of(*batch.packets[0]);
        fuzz::law(kind == flv::TagKind::keyframe || kind == flv::TagKind::audio,
                  "a viewer begins with a keyframe, or with audio where there is no video");
    }

    fanout::Ring ring_;
    fanout::FlvFeed feed_{ring_, {[](const flv::Tag &tag, uint32_t time) {
                              auto packet = std::make_shared<fanout::Packet>();
                              packet->payload = tag.bytes;
                              packet->pieces.push_back(packet->payload.view());
                              packet->time = time;
                              packet->seal(false);
                              return packet;
                          }}};
    uint64_t now_ = 1;
    std::array<std::optional<uint32_t>, 2> last_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Run run;
    std::vector<Viewer> viewers;
    size_t at = 0;
    uint32_t timestamp = 0;
    const auto byte = [&]() -> uint8_t { return at < size ? data[at++] : 0; };
    while (at < size) {
        const uint8_t what = byte();
        switch (Step(what & 7)) {
        case Step::audio:
        case Step::video:
        case Step::script: {
            timestamp = uint32_t(byte()) << 24 | uint32_t(byte()) << 16 | uint32_t(byte()) << 8;
            timestamp |= byte();
            const size_t wanted = byte(), body = std::min(wanted, size - at);
            const auto type = Step(what & 7) == Step::audio   ? flv::TagType::audio
                              : Step(what & 7) == Step::video ? flv::TagType::video
                                                              : flv::TagType::script;
            run.tag(type, timestamp, ByteView(data + at, body));
            at += body;
            break;
        }
        case Step::later: // a frame that follows the last tag, of one track or the other
            timestamp += what >> 4;
            if (what & 8)
                run.tag(flv::TagType::audio, timestamp,
                        ByteView(std::array<uint8_t, 3>{0xaf, 1, 0}));
            else
                run.tag(flv::TagType::video, timestamp,
                        ByteView(std::array<uint8_t, 6>{0x27, 1, 0, 0, 0, 0}));
            break;
        case Step::wait:
            run.wait(uint64_t(what >> 3) << 8);
            break;
        case Step::restart:
            run.restart();
            break;
        case Step::discontinuity:
            run.discontinuity();
            break;
        case Step::join:
            if (viewers.size() < 8) viewers.push_back({fanout::Join(what >> 3 & 3), {}, {}});
            for (Viewer &viewer : viewers)
                run.look(viewer);
            break;
        }
    }
    for (Viewer &viewer : viewers)
        run.look(viewer);
    return 0;
}

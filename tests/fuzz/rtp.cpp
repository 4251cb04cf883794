// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP packets one after another, through header, extensions, redundancy, retransmission, reorder
// buffer, list of missing packets, statistics and clock. Laws: what is parsed is written again byte
// for byte; what is released ascends; lists stay within their bounds, and every deadline comes.
#include "core/bytes/reader.h"
#include "core/rtp/clock.h"
#include "core/rtp/extensions.h"
#include "core/rtp/nack.h"
#include "core/rtp/receive_stats.h"
#include "core/rtp/red.h"
#include "core/rtp/reorder.h"
#include "core/rtp/rtx.h"
#include "core/rtp/twcc_sender.h"

#include "fuzz/law.h"

#include <algorithm>

using namespace penstock;
using namespace penstock::rtp;

namespace {

ExtensionIds all_ids() {
    ExtensionIds ids;
    for (size_t kind = 0; kind < extension_kinds; ++kind)
        ids.set(static_cast<ExtensionKind>(kind), static_cast<uint8_t>(kind + 1));
    return ids;
}

/// Padding but for its length may be anything, and is written as zeros.
void check_written(const Packet &packet, ByteView bytes) {
    Writer out;
    fuzz::law(write(packet, out) && out.size() == bytes.size(), "a packet is written again");
    const size_t compared = bytes.size() - packet.padding;
    fuzz::law(std::equal(bytes.begin(), bytes.begin() + ptrdiff_t(compared), out.view().begin()),
              "with the same bytes");
}

void check_extensions(const Packet &packet, const ExtensionIds &ids) {
    const Extensions first = parse_extensions(packet.extension, ids);
    Writer storage;
    const auto written = write_extensions(first, ids, storage);
    fuzz::law(!written || written->data.size() % 4 == 0, "an extension is whole words");
    const Extensions again = parse_extensions(written, ids);
    fuzz::law(first.mid == again.mid && first.rid == again.rid &&
                  first.repaired_rid == again.repaired_rid,
              "texts stay");
    fuzz::law(first.transport_sequence == again.transport_sequence &&
                  first.absolute_send_time == again.absolute_send_time &&
                  first.playout_delay == again.playout_delay &&
                  first.audio_level == again.audio_level &&
                  first.video_orientation == again.video_orientation,
              "values stay");
    fuzz::law(std::equal(first.dependency_descriptor.begin(), first.dependency_descriptor.end(),
                         again.dependency_descriptor.begin(), again.dependency_descriptor.end()),
              "the descriptor stays");
}

/// Blocks are within the payload, in its order.
void check_red(ByteView payload) {
    const auto red = parse_red(payload);
    if (!red) return;
    size_t size = 0;
    for (size_t i = 0; i < red->count; ++i)
        size += red->blocks[i].payload.size();
    fuzz::law(size + 4 * (red->count - 1) + 1 == payload.size(), "blocks are all of the payload");
    if (red->count != 2 || red->blocks[0].payload_type != red->blocks[1].payload_type) return;
    const auto head =
        red_head(red->blocks[0].payload_type, red->blocks[0].before, red->blocks[0].payload.size());
    fuzz::law(std::equal(head.begin(), head.end(), payload.begin()), "a head is written again");
}

class Track {
public:
    void packet(ByteView bytes) {
        Packet packet;
        const Result result = parse(bytes, packet);
        fuzz::law(result.is_ok() || !result.reason().empty(), "an error has a reason");
        if (!result.is_ok()) return;
        check_written(packet, bytes);
        check_extensions(packet, ids_);
        check_red(packet.payload);
        Packet original;
        if (unwrap_rtx(packet, 96, 1, original)) {
            Writer out;
            fuzz::law(write_rtx(original, packet.payload_type, packet.ssrc, packet.sequence, out),
                      "a retransmission is written again");
            fuzz::law(out.size() == bytes.size() - packet.padding, "with the same size");
        }
        receive(packet.ssrc, packet.sequence, packet.timestamp);
    }
    void receive(uint32_t ssrc, uint16_t sequence, uint32_t timestamp) {
        reorder_.push(ssrc, sequence, sequence, now_);
        missing_.received(ssrc, sequence, now_);
        stats_.received(ssrc, sequence, timestamp, now_);
        log_.received(sequence, now_);
        clock_.stamp(timestamp % 2, timestamp, now_);
        drain();
    }
    void report(uint64_t ntp, uint32_t timestamp) {
        clock_.sender_report(timestamp % 2, ntp, timestamp);
        clock_.sender_time(timestamp % 2, static_cast<uint32_t>(ntp));
        const auto block = stats_.report(now_);
        fuzz::law(!block || (block->lost >= -0x800000 && block->lost <= 0x7FFFFF), "24 bits");
    }
    void pass(int64_t time) {
        now_ += time;
        drain();
    }

private:
    void drain() {
        while (const auto released = reorder_.pop(now_)) {
            fuzz::law(released->item == released->sequence, "an item keeps its number");
            if (!released->restarted && last_)
                fuzz::law(sequence_distance(*last_, released->sequence) ==
                              int32_t(released->missing) + 1,
                          "sequence numbers ascend");
            last_ = released->sequence;
        }
        const auto deadline = reorder_.deadline();
        fuzz::law(!deadline || *deadline > now_, "what is due was released");
        fuzz::law(reorder_.waiting() <= 64, "the buffer is bounded");
        due_.clear();
        missing_.take_due(now_, due_);
        fuzz::law(missing_.missing() <= 250 && due_.size() <= missing_.missing(), "so is the list");
        const auto next = missing_.deadline();
        fuzz::law(!next || *next > now_, "what is due was asked for");
        for (size_t messages = 0; const auto feedback = log_.take_feedback(now_); ++messages) {
            fuzz::law(messages < size_t(ArrivalLog::kept), "feedback ends");
            Writer out;
            fuzz::law(rtcp::write(*feedback, out) && out.size() <= 1'100, "and fits a datagram");
        }
    }

    const ExtensionIds ids_ = all_ids();
    int64_t now_ = 0;
    ReorderBuffer<uint16_t> reorder_{{.packets = 64}};
    MissingPackets missing_;
    ReceiveStats stats_{90'000};
    ArrivalLog log_;
    MediaClock clock_ = [] {
        MediaClock clock;
        clock.add_track(90'000);
        clock.add_track(1);
        return clock;
    }();
    std::optional<uint16_t> last_;
    std::vector<uint16_t> due_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Reader in(ByteView(data, size));
    Track track;
    uint16_t sequence = 0;
    uint32_t timestamp = 0;
    for (int steps = 0; steps < 2'000 && in.remaining() > 0; ++steps) {
        const uint8_t what = in.u8();
        switch (what & 7) {
        case 0: // a whole packet
            track.packet(in.take(std::min<size_t>(in.u8(), in.remaining())));
            break;
        case 1: // a run, with one missing in front of it
            for (int i = 0; i < what >> 3; ++i)
                track.receive(1, ++sequence, timestamp);
            ++sequence;
            break;
        case 2:
            timestamp += in.u32() >> (what >> 3);
            break;
        case 3:
            track.pass(int64_t(in.u16()) << (what >> 3));
            break;
        case 4: // behind, or far away
            track.receive(1 + (what >> 7), static_cast<uint16_t>(sequence - in.u8()), timestamp);
            break;
        case 5:
            sequence = in.u16();
            break;
        case 6:
            track.report(uint64_t(in.u32()) << 32 | what, timestamp + in.u16());
            break;
        default:
            track.receive(what >> 6, sequence++, timestamp += 3'000);
            break;
        }
    }
    return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of RTP payload formats: packets without sockets, of which some are lost.
#pragma once

#include "core/rtp/payload/payload.h"
#include "unit/flv_mender_rig.hpp"

namespace rtp_test {

using namespace penstock;
using namespace penstock::rtp::payload;
using mender_test::lengths;
using samples::from_hex;
using samples::joined;
using Unit = std::vector<uint8_t>;

inline Unit bytes_of(ByteView view) {
    return {view.begin(), view.end()};
}
/// `head`, then bytes up to `size` that never look like start codes.
inline Unit pattern(const Unit &head, size_t size, unsigned seed = 0) {
    Unit out = head;
    for (size_t i = out.size(); i < size; ++i)
        out.push_back(static_cast<uint8_t>(1 + (i * 7 + i / 251 + seed) % 255));
    out.resize(size);
    return out;
}

struct Sent {
    Unit payload;
    uint32_t timestamp = 0;
    bool marker = false;
};

/// Packetizes a frame and appends its packets. All payloads but the last of each run have the same
/// size, and the marker is on the frame's last one only. Returns the number of runs.
inline size_t send(Packetizer &packetizer, ByteView frame, bool keyframe, uint32_t timestamp,
                   std::vector<Sent> &out, size_t budget = default_budget) {
    Payloads payloads;
    const Result result = packetizer.packetize(frame, keyframe, payloads);
    fail_unless(result.is_ok(), "%s", result.reason().c_str());
    fail_if(payloads.empty());
    for (size_t i = 0; i < payloads.size(); ++i) {
        Sent sent{{}, timestamp + payloads[i].ticks, payloads[i].marker};
        payloads.append_to(sent.payload, i);
        fail_unless(!sent.payload.empty() && sent.payload.size() <= budget);
        fail_unless_equals_int(sent.payload.size(), payloads[i].size);
        fail_unless(!sent.marker || i + 1 == payloads.size());
        out.push_back(std::move(sent));
    }
    size_t runs = 0;
    for (size_t i = 0; i < payloads.size(); ++runs)
        i += payloads.run_at(i);
    return runs;
}

/// All payloads of a frame.
inline std::vector<Unit> payloads_of(Packetizer &packetizer, ByteView frame, bool keyframe,
                                     size_t budget = default_budget) {
    std::vector<Sent> sent;
    send(packetizer, frame, keyframe, 0, sent, budget);
    std::vector<Unit> out;
    for (Sent &one : sent)
        out.push_back(std::move(one.payload));
    return out;
}

/// What comes out for those packets whose places are not in `lost`. The frame under way at the end
/// comes too.
inline std::vector<Frame> receive(Depacketizer &depacketizer, const std::vector<Sent> &sent,
                                  const std::set<size_t> &lost = {}) {
    std::vector<Frame> frames;
    bool gap = false;
    for (size_t i = 0; i < sent.size(); ++i) {
        const bool is_lost = lost.contains(i);
        if (!is_lost) {
            const Packet packet{sent[i].payload, sent[i].timestamp, sent[i].marker, gap};
            const Result result = depacketizer.push(packet, frames);
            fail_unless(result.is_ok(), "packet %zu: %s", i, result.reason().c_str());
        }
        gap = is_lost;
    }
    depacketizer.flush(frames);
    return frames;
}

/// One frame, sent and received whole.
inline Frame pass(Packetizer &packetizer, Depacketizer &depacketizer, ByteView frame, bool keyframe,
                  size_t budget = default_budget) {
    static uint32_t timestamp = 0xFFFFF000; // wraps
    std::vector<Sent> sent;
    send(packetizer, frame, keyframe, timestamp += 3000, sent, budget);
    std::vector<Frame> frames = receive(depacketizer, sent);
    fail_unless_equals_int(frames.size(), 1);
    fail_unless_equals_int(frames[0].timestamp, timestamp);
    fail_if(frames[0].damaged || frames[0].after_gap);
    return frames[0];
}

inline void check_bytes(ByteView bytes, ByteView wanted, size_t what = 0) {
    fail_unless(std::equal(bytes.begin(), bytes.end(), wanted.begin(), wanted.end()),
                "%zu: %zu bytes, not the %zu wanted", what, bytes.size(), wanted.size());
}

/// A frame and what is to come out for it.
struct Sample {
    Unit in;
    bool keyframe = false;
    Unit out;
};

/// Each packet in turn is lost, then each two: frames are told as damaged or after a gap, and those
/// that are told as whole are. The first frame comes whole; a keyframe behind a loss does.
inline void check_losses(Packetizer &packetizer, const std::function<Depacketizer *()> &make,
                         const std::vector<Sample> &samples, size_t budget = default_budget) {
    std::vector<Sent> sent;
    std::vector<size_t> firsts; ///< each frame's first packet
    for (size_t i = 0; i < samples.size(); ++i) {
        firsts.push_back(sent.size());
        send(packetizer, samples[i].in, samples[i].keyframe, uint32_t(3000 * i), sent, budget);
    }
    for (size_t lost = firsts[1]; lost + 1 < sent.size(); ++lost)
        for (size_t also : {lost, lost + 1}) {
            if (also + 1 == sent.size()) continue;
            const std::unique_ptr<Depacketizer> depacketizer(make());
            const std::vector<Frame> frames = receive(*depacketizer, sent, {lost, also});
            bool told = false;
            std::set<size_t> whole;
            for (const Frame &frame : frames) {
                const size_t i = frame.timestamp / 3000;
                fail_unless(i < samples.size() && !whole.contains(i));
                const bool loses = lost < (i + 1 < firsts.size() ? firsts[i + 1] : sent.size()) &&
                                   also >= firsts[i];
                told = told || frame.damaged || frame.after_gap;
                fail_unless(!loses || frame.damaged, "frame %zu without packet %zu", i, lost);
                if (frame.damaged) continue;
                whole.insert(i);
                check_bytes(frame.bytes, samples[i].out, i);
                fail_unless_equals_int(frame.keyframe, samples[i].keyframe);
            }
            fail_unless(told, "packet %zu", lost);
            for (size_t i = 0; i < samples.size(); ++i) {
                const bool loses = lost < (i + 1 < firsts.size() ? firsts[i + 1] : sent.size()) &&
                                   also >= firsts[i];
                fail_unless(loses || !samples[i].keyframe || whole.contains(i),
                            "keyframe %zu without packets %zu, %zu", i, lost, also);
            }
        }
}

/// Packets are lost, come twice or in another order: no frame that is told as whole has bytes that
/// were not sent.
inline void check_disorder(Packetizer &packetizer, const std::function<Depacketizer *()> &make,
                           const std::vector<Sample> &samples, size_t budget = default_budget) {
    std::vector<Sent> sent;
    for (size_t i = 0; i < samples.size(); ++i)
        send(packetizer, samples[i].in, samples[i].keyframe, uint32_t(3000 * i), sent, budget);
    std::mt19937 random(7);
    for (int round = 0; round < rounds(300); ++round) {
        const std::unique_ptr<Depacketizer> depacketizer(make());
        std::vector<size_t> order;
        for (size_t i = 0; i < sent.size(); ++i)
            for (unsigned times = random() % 8 == 0 ? random() % 3 : 1; times > 0; --times)
                order.push_back(i);
        for (size_t i = 0; i + 1 < order.size(); ++i)
            if (random() % 6 == 0) std::swap(order[i], order[i + 1]);
        std::vector<Frame> frames;
        size_t next = 0;
        for (const size_t i : order) {
            const Packet packet{sent[i].payload, sent[i].timestamp, sent[i].marker, i != next};
            (void)depacketizer->push(packet, frames);
            next = i + 1;
        }
        for (const Frame &frame : frames)
            if (!frame.damaged) check_bytes(frame.bytes, samples[frame.timestamp / 3000].out);
    }
}

/// The steps in which a test goes through sizes.
constexpr size_t step(size_t size) {
#ifdef PENSTOCK_SANITIZED
    return size < 300 ? 1 : 29;
#else
    return size < 300 ? 1 : size < 2500 ? 3 : 17;
#endif
}

/// Payloads that are cut short, or have a bit changed, crash nothing and make no frame that is
/// longer than they are (but for `overhead` bytes).
inline void check_cuts(const std::function<Depacketizer *()> &make, const std::vector<Sent> &sent,
                       size_t overhead) {
    for (size_t i = 0; i < sent.size(); ++i)
        for (size_t cut = 0; cut < sent[i].payload.size() * 2; ++cut) {
            const std::unique_ptr<Depacketizer> depacketizer(make());
            Sent changed = sent[i];
            if (cut < changed.payload.size())
                changed.payload.resize(cut);
            else if (cut < changed.payload.size() + 64)
                changed.payload[cut - changed.payload.size()] ^= uint8_t(1 << cut % 8);
            else
                break;
            std::vector<Frame> frames;
            (void)depacketizer->push({changed.payload, changed.timestamp, changed.marker, false},
                                     frames);
            for (size_t j = i + 1; j < std::min(sent.size(), i + 4); ++j)
                (void)depacketizer->push(
                    {sent[j].payload, sent[j].timestamp, sent[j].marker, false}, frames);
            depacketizer->flush(frames);
            size_t in = overhead, out = 0;
            for (const Sent &one : sent)
                in += one.payload.size();
            for (const Frame &frame : frames)
                out += frame.bytes.size();
            fail_unless(out <= in);
        }
}

} // namespace rtp_test

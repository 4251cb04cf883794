// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishers of WebRTC over bad networks: what is lost, late, asked for, repaired and reported; and
// peers that send whatever they like.
#include "core/rtp/clock.h"

#include "unit/rtc_ingest_rig.hpp"

using namespace rtc_test;

namespace {

/// Chromium's publisher: H.264 of type 103 on SSRC 2002, repaired by 104 on 2003.
struct Chromium : Peer {
    explicit Chromium(Ingest::Options options = {}) : Peer("chromium-publish", options) {
        video.ids = ids_of(4, 0, 0, 3);
    }
    std::vector<Unit> frame(bool key, size_t size = 3000) {
        return video.send(avc_frame(key, size), key, timestamp += 3000);
    }
    /// With transport-wide sequence numbers.
    std::vector<Unit> counted_frame(bool key, uint16_t &next) {
        std::vector<Unit> out;
        for (const Unit &packet : frame(key)) {
            rtp::Packet view;
            fail_unless(rtp::parse(packet, view).is_ok());
            video.sequence = view.sequence;
            video.extensions.transport_sequence = next++;
            out.push_back(video.packet({view.payload.begin(), view.payload.end()}, view.timestamp,
                                       view.marker));
        }
        return out;
    }
    void begin_stream() {
        take(frame(true));
        check_got(*this, "C0 K0");
    }

    Source video = avc_source(2002, 103);
    uint32_t timestamp = 90'000;
};

std::vector<uint16_t> numbers(const std::vector<rtcp::Nack> &nacks) {
    std::vector<uint16_t> out;
    for (const rtcp::Nack &nack : nacks)
        nack.for_each([&](uint16_t number) { out.push_back(number); });
    return out;
}

} // namespace

GST_START_TEST(test_reordered) {
    Chromium peer;
    peer.begin_stream();
    // Less than the delay before NACKs: nobody is told.
    auto packets = peer.frame(false);
    fail_unless_equals_int(packets.size(), 3);
    peer.take({packets[2], packets[1]});
    peer.pass(4 * ms);
    peer.take({packets[0], packets[1]});
    check_got(peer, "f0");
    fail_unless(peer.take_sent<rtcp::Nack>().empty());
}
GST_END_TEST

GST_START_TEST(test_retransmission) {
    Chromium peer;
    peer.begin_stream();
    const auto packets = peer.frame(false), next = peer.frame(false);
    peer.take({packets[0], packets[2]});
    peer.pass(5 * ms);
    const auto nacks = peer.take_sent<rtcp::Nack>();
    fail_unless(nacks.size() == 1 && nacks[0].media == 2002 && nacks[0].sender == 1);
    fail_unless(numbers(nacks) == std::vector{sequence_of(packets[1])});
    peer.take(next);
    check_got(peer, "");
    peer.pass(30 * ms);
    // A probe of the network: no packet of the stream.
    rtp::Packet probe;
    probe.payload_type = 104;
    probe.ssrc = 2003;
    probe.padding = 200;
    Writer padding;
    fail_unless(rtp::write(probe, padding));
    peer.take({padding.take(), retransmission(packets[1], 104, 2003, 1)});
    check_got(peer, "f0 f0");
    fail_unless_equals_int(peer.ingest.stats().round_trip / ms, 30);
    peer.pass(500 * ms);
    fail_unless(peer.take_sent<rtcp::PictureLoss>().empty());
    const auto stats = peer.ingest.stats().tracks[1];
    fail_unless(stats.recovered == 1 && stats.missing == 0 && stats.nacks == 1);
    fail_unless(stats.counters.dropped_frames == 0);
}
GST_END_TEST

GST_START_TEST(test_same_source_repairs) {
    // OBS' library sends the lost packet itself again. There is no RTX.
    Peer peer("obs");
    Source video = avc_source(4002, 96);
    peer.take(video.send(avc_frame(true, 3000), true, 0));
    const auto packets = video.send(avc_frame(false, 3000), false, 3000);
    peer.take({packets[1], packets[2]});
    peer.pass(5 * ms);
    fail_unless(numbers(peer.take_sent<rtcp::Nack>()) == std::vector{sequence_of(packets[0])});
    peer.pass(20 * ms);
    peer.take({packets[0]});
    check_got(peer, "C0 K0 f0");
    fail_unless_equals_int(peer.ingest.stats().round_trip / ms, 20);
}
GST_END_TEST

GST_START_TEST(test_given_up) {
    Chromium peer;
    peer.begin_stream();
    peer.sent.clear();
    const auto packets = peer.frame(false);
    peer.take({packets[0], packets[2]});
    for (int i = 0; i < 3; ++i) {
        peer.pass(33 * ms);
        peer.take(peer.frame(false));
    }
    check_got(peer, "");
    // Asked for again and again, until the time is over; then a keyframe is.
    peer.pass(60 * ms);
    const auto requests = peer.take_sent<rtcp::PictureLoss>();
    fail_unless(requests.size() == 1 && requests[0].media == 2002);
    fail_unless(peer.ingest.stats().tracks[1].nacks >= 2);
    check_got(peer, "");
    // At most one in a second while there is none, and few to a sender that is silent.
    for (int i = 0; i < 66; ++i) {
        peer.take(peer.frame(false));
        peer.pass(33 * ms);
    }
    fail_unless_equals_int(peer.take_sent<rtcp::PictureLoss>().size(), 2);
    peer.pass(10'000 * ms);
    fail_unless(peer.take_sent<rtcp::PictureLoss>().size() <= 3);
    check_got(peer, "");
    peer.ingest.request_keyframe(peer.now);
    peer.pass(10'000 * ms);
    fail_unless_equals_int(peer.take_sent<rtcp::PictureLoss>().size(), 1);
    peer.take(peer.frame(true));
    peer.take(peer.frame(false));
    check_got(peer, "K0 f0");
    peer.pass(5'000 * ms);
    fail_unless(peer.take_sent<rtcp::PictureLoss>().empty());
}
GST_END_TEST

GST_START_TEST(test_damaged_keyframe) {
    Chromium peer;
    peer.begin_stream();
    peer.take(peer.frame(false));
    const auto key = peer.frame(true);
    peer.take({key.front(), key.back()});
    peer.pass(200 * ms);
    check_got(peer, "f0");
    peer.take(peer.frame(false));
    check_got(peer, "");
    // A whole keyframe behind a gap can be used.
    peer.frame(false);
    peer.take(peer.frame(true));
    peer.pass(200 * ms);
    check_got(peer, "K0");
}
GST_END_TEST

GST_START_TEST(test_no_repairs) {
    // ffmpeg offers nack for video, and no PLI; nothing for audio.
    Peer peer("ffmpeg");
    Source video = avc_source(7002, 106), audio = opus_source(7001);
    peer.take(video.send(avc_frame(true, 3000), true, 0));
    peer.take(audio.send(opus_frame(true), true, 0));
    check_got(peer, "C0 K0 c0 a0");
    audio.sequence++;
    peer.take(audio.send(opus_frame(true), true, 1920));
    check_got(peer, "");
    // What can't be asked for is waited for less long.
    peer.pass(49 * ms);
    check_got(peer, "");
    peer.pass(ms);
    check_got(peer, "a0");
    fail_unless(peer.take_sent<rtcp::Nack>().empty());
    video.sequence++;
    peer.take(video.send(avc_frame(false, 3000), false, 3000));
    peer.pass(1'000 * ms);
    check_got(peer, "");
    fail_unless(!peer.take_sent<rtcp::Nack>().empty());
    peer.ingest.request_keyframe(peer.now);
    peer.pass(1'000 * ms);
    fail_unless(peer.take_sent<rtcp::PictureLoss>().empty());
    peer.take(video.send(avc_frame(true, 3000), true, 6000));
    check_got(peer, "K0");
}
GST_END_TEST

GST_START_TEST(test_keyframe_requests) {
    Chromium peer;
    // Nobody is there to be asked.
    peer.ingest.request_keyframe(peer.now);
    peer.pass(100 * ms);
    peer.begin_stream();
    fail_unless(peer.take_sent<rtcp::PictureLoss>().empty());
    for (int i = 0; i < 29; ++i) {
        peer.ingest.request_keyframe(peer.now);
        peer.take(peer.frame(false));
        peer.pass(100 * ms);
    }
    fail_unless_equals_int(peer.take_sent<rtcp::PictureLoss>().size(), 3);
    // The next keyframe answers the request.
    peer.pass(1'000 * ms);
    peer.sent.clear();
    peer.ingest.request_keyframe(peer.now);
    peer.take(peer.frame(true));
    peer.pass(3'000 * ms);
    fail_unless(peer.take_sent<rtcp::PictureLoss>().empty());
    // With long round trips there are fewer.
    peer.ingest.set_round_trip(900 * ms);
    for (int i = 0; i < 35; ++i) {
        peer.ingest.request_keyframe(peer.now);
        peer.take(peer.frame(false));
        peer.pass(100 * ms);
    }
    fail_unless_equals_int(peer.take_sent<rtcp::PictureLoss>().size(), 2);
}
GST_END_TEST

GST_START_TEST(test_full_intra_requests) {
    // Only FIR was agreed: each has the next number.
    sdp::Offer offer = rig::read(rig::seed("chromium-publish"));
    for (sdp::MediaSection &section : offer.media)
        for (sdp::Codec &codec : section.codecs)
            std::erase(codec.feedback, "nack pli");
    Peer peer(offer);
    Source video = avc_source(2002, 103);
    for (uint32_t i = 0; i < 39; ++i) {
        peer.take(video.send(avc_frame(false, 100), false, i * 9000));
        peer.pass(100 * ms);
    }
    const auto requests = peer.take_sent<rtcp::FullIntraRequest>();
    fail_unless_equals_int(requests.size(), 4);
    for (size_t i = 0; i < requests.size(); ++i) {
        const rtcp::FullIntraRequest::Entry wanted{2002, uint8_t(i)};
        fail_unless(requests[i].entries.size() == 1 && requests[i].entries[0] == wanted);
    }
}
GST_END_TEST

GST_START_TEST(test_reports) {
    Ingest::Options options;
    options.ssrc = 4711;
    options.cname = "here";
    options.max_bitrate = 3'000'000;
    Chromium peer(options);
    peer.pass(5'000 * ms);
    fail_unless_equals_int(peer.datagrams, 0);
    peer.begin_stream();
    peer.report(rtcp::SenderReport{2002, rtp::ntp_of(1'790'000'000'000 * ms), 90'000, 0, 0, {}});
    peer.pass(100 * ms);
    fail_unless_equals_int(peer.sent.size(), 3);
    const auto *report = std::get_if<rtcp::ReceiverReport>(&peer.sent[0]);
    fail_unless(report && report->ssrc == 4711 && report->blocks.size() == 1);
    fail_unless(report->blocks[0].ssrc == 2002 && report->blocks[0].last_report != 0);
    fail_unless_equals_int(report->blocks[0].delay, 6553);
    const auto *who = std::get_if<rtcp::SourceDescription>(&peer.sent[1]);
    fail_unless(who && who->chunks.at(0).ssrc == 4711 && who->chunks[0].cname == "here");
    const auto *estimate = std::get_if<rtcp::ReceiverEstimate>(&peer.sent[2]);
    fail_unless(estimate && estimate->ssrcs == std::vector<uint32_t>{2002});
    fail_unless(estimate->bitrate <= 3'000'000 && estimate->bitrate > 2'990'000);
    peer.sent.clear();
    // One in a second, with the losses of that second: a quarter of 256.
    const auto lost = peer.frame(false);
    peer.take({lost[1], lost[2]});
    peer.take({peer.frame(false, 200)[0]});
    peer.pass(1'000 * ms);
    const auto reports = peer.take_sent<rtcp::ReceiverReport>();
    fail_unless(reports.size() == 1 && reports[0].blocks.size() == 1);
    fail_unless_equals_int(reports[0].blocks[0].fraction_lost, 64);
    peer.pass(10'000 * ms);
    const auto idle = peer.take_sent<rtcp::ReceiverReport>();
    fail_unless(idle.size() == 10 && idle.back().blocks.empty());
}
GST_END_TEST

GST_START_TEST(test_arrivals) {
    Chromium peer;
    uint16_t next = 65'534;
    peer.take(peer.counted_frame(true, next));
    peer.pass(50 * ms);
    const auto packets = peer.counted_frame(false, next);
    peer.take({packets[0], packets[2]});
    fail_unless(peer.take_sent<rtcp::TransportFeedback>().empty());
    peer.pass(60 * ms);
    const auto feedback = peer.take_sent<rtcp::TransportFeedback>();
    fail_unless(feedback.size() == 1 && feedback[0].media == 2002 && feedback[0].sender == 1);
    fail_unless_equals_int(feedback[0].base_sequence, 65'534);
    fail_unless_equals_int(feedback[0].deltas.size(), next - 65'534 + 65'536);
    const auto missing = rtcp::TransportFeedback::not_received;
    fail_unless_equals_int(
        std::count(feedback[0].deltas.begin(), feedback[0].deltas.end(), missing), 1);
    // OBS never agreed to it, whatever its packets have.
    Peer obs("obs");
    Source video = avc_source(4002, 96);
    video.ids = ids_of(0, 0, 0, 3);
    video.extensions.transport_sequence = 1;
    obs.take(video.send(avc_frame(true, 300), true, 0));
    obs.pass(500 * ms);
    check_got(obs, "C0 K0");
    fail_unless(obs.take_sent<rtcp::TransportFeedback>().empty());
}
GST_END_TEST

GST_START_TEST(test_compound) {
    // Without rtcp-rsize each datagram begins with a report, which the parser would not miss.
    Peer peer("obs");
    Source video = avc_source(4002, 96);
    peer.take(video.send(avc_frame(true, 3000), true, 0));
    peer.pass(500 * ms);
    peer.sent.clear();
    peer.ingest.request_keyframe(peer.now);
    peer.check();
    fail_unless(peer.sent.size() == 3 &&
                std::holds_alternative<rtcp::ReceiverReport>(peer.sent[0]));
    fail_unless(std::holds_alternative<rtcp::SourceDescription>(peer.sent[1]));
    fail_unless(std::holds_alternative<rtcp::PictureLoss>(peer.sent[2]));
    // With it, it is alone.
    Chromium reduced;
    reduced.begin_stream();
    reduced.pass(500 * ms);
    reduced.sent.clear();
    reduced.ingest.request_keyframe(reduced.now);
    reduced.check();
    fail_unless_equals_int(reduced.sent.size(), 1);
}
GST_END_TEST

GST_START_TEST(test_floods) {
    Chromium peer;
    peer.begin_stream();
    // RTCP beyond what a sender may need is not looked at.
    for (int i = 0; i < 1000; ++i)
        peer.report(rtcp::SenderReport{2002, uint64_t(i) << 40, uint32_t(i) * 77'777, 0, 0, {}});
    fail_unless_equals_int(peer.ingest.stats().rtcp_ignored, 900);
    peer.pass(1'000 * ms);
    peer.report(rtcp::Goodbye{{2002}, ""});
    fail_unless(peer.ingest.has_ended());
    // Packets of any size behind a gap do not pile up.
    peer.take(peer.frame(true));
    peer.got.clear();
    peer.video.sequence += 2;
    for (int i = 0; i < 300; ++i)
        peer.ingest.on_rtp(peer.video.packet(Unit(60'000, 0x41), 1, false), peer.now);
    const uint64_t waiting = peer.ingest.stats().tracks[1].counters.overflows;
    fail_unless(waiting >= 260);
    peer.pass(1'000 * ms);
    // A frame that never ends is given up.
    Unit fragment(60'000, 1);
    fragment[0] = 0x7C;
    fragment[1] = 0x85; // begins an IDR slice
    for (int i = 0; i < 300; ++i) {
        peer.ingest.on_rtp(peer.video.packet(fragment, 2, false), peer.now);
        if (i == 0) peer.pass(1'000 * ms); // the gap before it is given up
        fragment[1] = 0x05;
    }
    fail_unless_equals_int(peer.ingest.stats().tracks[1].counters.overflows - waiting, 2);
    peer.pass(1'000 * ms);
    peer.got.clear();
    peer.take(peer.frame(true));
    check_got(peer, "K0");
    // Rubbish of all lengths.
    std::mt19937 random(3);
    for (int i = 0; i < rounds(20'000); ++i) {
        Unit packet(random() % 80);
        for (uint8_t &byte : packet)
            byte = uint8_t(random());
        if (packet.size() > 12 && i % 2 == 0) {
            packet[0] = uint8_t(0x80 | (packet[0] & 0x30));
            packet[1] = uint8_t((packet[1] & 0x80) | 103);
        }
        peer.ingest.on_rtp(packet, peer.now += int64_t(random() % 2'000'000));
        peer.ingest.on_rtcp(packet, peer.now);
        if (i % 16 == 0) peer.check();
    }
    fail_unless(peer.ingest.stats().malformed > 0);
}
GST_END_TEST

GST_START_TEST(test_random_losses) {
    // Whatever is lost, late or doubled: what comes out was sent, and with repairs it is all.
    std::mt19937 random(11);
    for (const bool repairs : {true, false}) {
        Chromium peer;
        std::vector<Unit> frames;
        std::vector<std::pair<int64_t, Unit>> network; ///< when it arrives
        std::map<uint16_t, Unit> kept;
        uint16_t rtx = 0;
        for (int i = 0; i < 400; ++i) {
            const bool key = i % 50 == 0;
            frames.push_back(avc_frame(key, 500 + random() % 5000, unsigned(i)));
            for (Unit &packet : peer.video.send(frames.back(), key, uint32_t(90'000 + i * 3000))) {
                kept[sequence_of(packet)] = packet;
                // The first frame comes whole, and the end is not lost.
                if (i > 0 && i < 390 && random() % 10 == 0) continue;
                for (unsigned times = random() % 20 == 0 ? 2 : 1; times > 0; --times)
                    network.emplace_back(peer.now + int64_t(random() % (i == 0 ? 1 : 8)) * ms,
                                         packet);
            }
            for (int step = 0; step < 33; ++step) {
                std::vector<Unit> due;
                std::erase_if(network, [&](const auto &one) {
                    if (one.first <= peer.now) due.push_back(one.second);
                    return one.first <= peer.now;
                });
                peer.take(due);
                peer.pass(ms);
                for (const uint16_t number : numbers(peer.take_sent<rtcp::Nack>()))
                    if (repairs)
                        network.emplace_back(peer.now + 20 * ms,
                                             retransmission(kept[number], 104, 2003, rtx++));
            }
        }
        size_t at = 0;
        for (const Got &got : peer.got) {
            if (got.config) continue;
            while (at < frames.size() && frames[at] != got.payload)
                ++at;
            fail_unless(at < frames.size(), "a frame that was not sent");
        }
        const auto counters = peer.ingest.stats().tracks[1].counters;
        if (repairs) fail_unless(counters.frames == 400 && counters.dropped_frames == 0);
        fail_unless(counters.frames > 8 && (repairs || counters.dropped_frames > 0));
    }
}
GST_END_TEST

/// One that comes does not put off the next request, if more is lost after it.
GST_START_TEST(test_keyframe_again) {
    Chromium peer;
    peer.begin_stream();
    peer.ingest.request_keyframe(peer.now);
    peer.check();
    fail_unless_equals_int(peer.take_sent<rtcp::PictureLoss>().size(), 1);
    peer.take(peer.frame(true));
    peer.pass(350 * ms);
    peer.ingest.request_keyframe(peer.now);
    peer.check();
    fail_unless_equals_int(peer.take_sent<rtcp::PictureLoss>().size(), 1);
}
GST_END_TEST

static Suite *rtc_ingest_loss_suite() {
    Suite *suite = suite_create("rtc_ingest_loss");
    TCase *tc = tcase_create("rtc_ingest_loss");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, test_reordered);
    tcase_add_test(tc, test_retransmission);
    tcase_add_test(tc, test_same_source_repairs);
    tcase_add_test(tc, test_given_up);
    tcase_add_test(tc, test_damaged_keyframe);
    tcase_add_test(tc, test_no_repairs);
    tcase_add_test(tc, test_keyframe_requests);
    tcase_add_test(tc, test_keyframe_again);
    tcase_add_test(tc, test_full_intra_requests);
    tcase_add_test(tc, test_reports);
    tcase_add_test(tc, test_arrivals);
    tcase_add_test(tc, test_compound);
    tcase_add_test(tc, test_floods);
    tcase_add_test(tc, test_random_losses);
    return suite;
}
GST_CHECK_MAIN(rtc_ingest_loss)

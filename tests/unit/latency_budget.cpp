// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of the latency, the advice that follows from them, and well-formed charts.
#include "delay/budget.h"
#include "delay/draw.h"

#include "check.hpp"

using namespace penstock;
using namespace penstock::delay;

namespace {

constexpr int64_t ms = 1'000'000;

const Protocol &named(const char *url) {
    std::string error;
    const Protocol *found = protocol_of(url, &error);
    fail_unless(found != nullptr, "%s", error.c_str());
    return *found;
}

/// A hundred frames that passed a capture, an encoder, a server, a client and a decoder, with these
/// times in ns.
Measured made(int64_t encoder, int64_t server, int64_t delivery, int64_t decoder) {
    Measured out;
    out.hops = {{latency::Hop::capture, {}, {}, 0},
                {latency::Hop::encode, {}, {}, 0},
                {latency::Hop::server, {}, {}, 0},
                {latency::Hop::client, {}, {}, 0}};
    out.fps = 25;
    out.keyframe_interval = 1000 * ms;
    out.frames = out.read = 100;
    for (int i = 0; i < 100; ++i) {
        out.hops[0].age.add(encoder + server + delivery);
        out.hops[1].age.add(server + delivery);
        out.hops[1].step.add(encoder);
        out.hops[2].age.add(delivery);
        out.hops[2].step.add(server);
        out.hops[3].age.add(0);
        out.hops[3].step.add(delivery);
        out.here.add(decoder);
        out.decode.add(decoder);
        out.glass.add(encoder + server + delivery + decoder);
        out.trace.push_back({i * 40 * ms, encoder + server + delivery + decoder});
    }
    out.joined = out.glass.percentile(0.5);
    return out;
}

std::vector<std::string> advice(const Protocol &protocol, const Measured &measured) {
    return advice_for(protocol, measured, budget_of(protocol, measured));
}

bool has(const std::string &text, const char *part) {
    return text.find(part) != std::string::npos;
}

bool is_near(int64_t a, int64_t b) {
    return std::abs(a - b) <= b / 100 + ms;
}

} // namespace

GST_START_TEST(test_urls) {
    fail_unless_equals_string(named("rtmp://a/live/b").name, "RTMP");
    fail_unless_equals_string(named("rtmps://a/live/b?key=x.flv").name, "RTMP");
    fail_unless_equals_string(named("http://a:8080/live/b.flv").name, "HTTP-FLV");
    fail_unless_equals_string(named("https://a/live/b.flv?token=1").name, "HTTP-FLV");
    fail_unless_equals_string(named("http://a/live/b/index.m3u8").name, "HLS");
    fail_unless_equals_string(named("http://a/live/b.ts").name, "HTTP-TS");
    fail_unless_equals_string(named("udp://0.0.0.0:5000").name, "UDP");
    fail_unless_equals_string(named("rtp://0.0.0.0:5000").name, "RTP");
    fail_unless_equals_string(named("srt://a:9000?latency=20").name, "SRT");
    std::string error;
    fail_if(protocol_of("http://a/live/b", &error));
    fail_unless(has(error, ".flv"));
    fail_if(protocol_of("gopher://a", &error));
    fail_unless(has(error, "'gopher' is no protocol"));
    for (const char *file : {"/tmp/a.mp4", "./a.flv", "file:///a.ts"}) {
        fail_if(protocol_of(file, &error));
        fail_unless(has(error, "is a file") && has(error, "run live test-publisher"), "%s",
                    error.c_str());
    }
    fail_if(protocol_of("wss://a/live/b.flv", &error));
    fail_unless(has(error, "https://a/live/b.flv"), "%s", error.c_str());
    fail_if(protocol_of("live", &error));
    fail_unless(has(error, "is no URL"));
}
GST_END_TEST

GST_START_TEST(test_words) {
    fail_unless_equals_string(in_words(8'400'000).c_str(), "8.4 ms");
    fail_unless_equals_string(in_words(84 * ms).c_str(), "84 ms");
    fail_unless_equals_string(in_words(4000 * ms).c_str(), "4 s");
    fail_unless_equals_string(in_words(1250 * ms).c_str(), "1.25 s");
    fail_unless_equals_string(text_bar(0.5, 4).c_str(), "██");
    fail_unless_equals_string(text_bar(0.125 / 4, 4).c_str(), "▏");
    fail_unless_equals_string(text_bar(7, 2).c_str(), "██");
    fail_unless(log_share(ms, 1000 * ms) == 0 && log_share(1000 * ms, 1000 * ms) == 1);
}
GST_END_TEST

GST_START_TEST(test_parts) {
    const Protocol &rtmp = named("rtmp://a/live/b");
    const Budget budget = budget_of(rtmp, made(30 * ms, 5 * ms, 12 * ms, 8 * ms));
    fail_unless(is_near(budget.total, 55 * ms));
    std::vector<std::string> names;
    for (const Part &part : budget.parts)
        names.push_back(part.name);
    fail_unless(names == (std::vector<std::string>{"encoder", "from encode to server", "delivery",
                                                   "decoder"}));
    const int64_t expected[] = {30 * ms, 5 * ms, 12 * ms, 8 * ms};
    for (size_t i = 0; i < 4; ++i)
        fail_unless(is_near(budget.parts[i].time, expected[i]), "%s", names[i].c_str());
    // Good figures give no advice.
    fail_unless(advice(rtmp, made(30 * ms, 5 * ms, 12 * ms, 8 * ms)).empty());

    // Frames alone or hops alone give a total; neither gives none.
    Measured pictures = made(30 * ms, 5 * ms, 12 * ms, 8 * ms);
    pictures.hops.clear();
    fail_unless(budget_of(rtmp, pictures).parts.empty());
    fail_unless(is_near(budget_of(rtmp, pictures).total, 55 * ms));
    Measured hops = made(30 * ms, 5 * ms, 12 * ms, 8 * ms);
    hops.glass.clear();
    hops.here.clear();
    hops.decode.clear();
    fail_unless_equals_int(budget_of(rtmp, hops).parts.size(), 3);
    fail_unless(is_near(budget_of(rtmp, hops).total, 47 * ms));
    fail_unless_equals_int64(budget_of(rtmp, Measured()).total, 0);
    fail_unless(advice(rtmp, Measured()).empty());
}
GST_END_TEST

// Every possible hop, the player's buffer and the decoder; a missing hop leaves no gap.
GST_START_TEST(test_every_hop) {
    const Protocol &hls = named("http://a/live/b/index.m3u8");
    Measured m;
    int64_t age = 5000 * ms;
    for (const latency::Hop hop : latency::all_hops) {
        m.hops.push_back({hop, {}, {}, 0});
        for (int i = 0; i < 10; ++i) {
            m.hops.back().age.add(age);
            if (hop != latency::Hop::capture) m.hops.back().step.add(100 * ms);
        }
        age -= 100 * ms;
    }
    for (int i = 0; i < 10; ++i) {
        m.here.add(4400 * ms);
        m.decode.add(20 * ms);
        m.glass.add(5000 * ms);
    }
    Budget budget = budget_of(hls, m);
    const std::vector<std::pair<std::string, int64_t>> expected = {
        {"encoder", 100 * ms},          {"muxer", 100 * ms},  {"pacing", 100 * ms},
        {"upload", 100 * ms},           {"server", 100 * ms}, {"segment", 100 * ms},
        {"player's buffer", 4380 * ms}, {"decoder", 20 * ms}};
    fail_unless_equals_int(budget.parts.size(), expected.size());
    int64_t sum = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
        fail_unless_equals_string(budget.parts[i].name.c_str(), expected[i].first.c_str());
        fail_unless(is_near(budget.parts[i].time, expected[i].second), "%s",
                    expected[i].first.c_str());
        if (i > 0)
            fail_unless_equals_string(budget.parts[i].from.c_str(), budget.parts[i - 1].to.c_str());
        sum += budget.parts[i].time;
    }
    fail_unless(is_near(sum, budget.total));
    // The advice names a sender that waits.
    Measured paced = made(10 * ms, 0, 1 * ms, 8 * ms);
    paced.hops[1].hop = latency::Hop::mux;
    paced.hops[2].hop = latency::Hop::network;
    for (int i = 0; i < 1000; ++i) {
        paced.hops[2].step.add(600 * ms);
        paced.glass.add(620 * ms);
    }
    fail_unless(has(advice(named("rtmp://a/b"), paced).at(0), "sync=false on its sink"));
}
GST_END_TEST

// A hop on a machine whose clock is off has no time; the next hop's is measured from the last valid
// one.
GST_START_TEST(test_clock) {
    Measured m = made(30 * ms, 5 * ms, 12 * ms, 8 * ms);
    m.hops[2].age.clear();
    m.hops[2].step.clear();
    m.hops[2].clock = m.clock = 100;
    const Budget budget = budget_of(named("rtmp://a/live/b"), m);
    fail_unless_equals_int(budget.parts.size(), 4);
    for (size_t i = 0; i < 4; ++i)
        fail_unless(budget.parts[i].is_clock == (i == 1));
    fail_unless_equals_int64(budget.parts[1].time, 0);
    fail_unless_equals_string(budget.parts[1].to.c_str(), "server");
    fail_unless_equals_string(budget.parts[2].from.c_str(), "encode");
    fail_unless_equals_string(budget.parts[2].to.c_str(), "client");
    fail_unless(has(advice(named("rtmp://a/live/b"), m).at(0), "100 times are impossible"));
}
GST_END_TEST

GST_START_TEST(test_hls) {
    const Protocol &hls = named("http://a/live/b/index.m3u8");
    Measured m = made(30 * ms, 5 * ms, 14'000 * ms, 40 * ms);
    m.keyframe_interval = m.segment = 4000 * ms;
    auto said = advice(hls, m);
    fail_unless_equals_int(said.size(), 1);
    fail_unless(has(said[0], "your keyframe interval of 4 s is the largest part"), "%s",
                said[0].c_str());
    fail_unless(has(said[0], "12 s") && has(said[0], "key-int-max=25"), "%s", said[0].c_str());
    // A keyframe each second, and segments of six seconds.
    m.keyframe_interval = 1000 * ms;
    m.segment = 6000 * ms;
    said = advice(hls, m);
    fail_unless(has(said.at(0), "your segments of 6 s are the largest part"), "%s",
                said[0].c_str());
    m.segment = 1000 * ms;
    fail_unless(has(advice(hls, m).at(0), "RTMP and HTTP-FLV"));
}
GST_END_TEST

GST_START_TEST(test_others) {
    const Protocol &rtmp = named("rtmp://a/live/b"), &srt = named("srt://a:9000");
    Measured m = made(540 * ms, 5 * ms, 12 * ms, 40 * ms);
    fail_unless(has(advice(rtmp, m).at(0), "looks ahead"));
    m.is_reordered = true;
    fail_unless(has(advice(rtmp, m).at(0), "the encoder is the largest part, 540 ms") &&
                has(advice(rtmp, m).at(0), "B-frames"));
    fail_unless(has(advice(srt, made(10 * ms, 1 * ms, 180 * ms, 8 * ms)).at(0), "latency=20"));
    fail_unless(has(advice(rtmp, made(10 * ms, 1 * ms, 180 * ms, 8 * ms)).at(0), "fast-forward"));
    fail_unless(has(advice(named("udp://:1"), made(10 * ms, 0, 180 * ms, 8 * ms)).at(0), "sync"));
    fail_unless(
        has(advice(rtmp, made(10 * ms, 180 * ms, 1 * ms, 8 * ms)).at(0), "from encode to server"));
    fail_unless(has(advice(rtmp, made(10 * ms, 1 * ms, 1 * ms, 180 * ms)).at(0), "decoding here"));
    // The viewer joined a whole GOP behind, and a player would stay there.
    m = made(10 * ms, 1 * ms, 1 * ms, 8 * ms);
    m.keyframe_interval = 4000 * ms;
    m.joined = 3500 * ms;
    auto said = advice(rtmp, m);
    fail_unless_equals_int(said.size(), 1);
    fail_unless(has(said[0], "your keyframe interval of 4 s is the largest part for a player") &&
                has(said[0], "3.5 s behind"));
    m = made(10 * ms, 1 * ms, 1 * ms, 8 * ms);
    m.clock = 3;
    fail_unless(has(advice(rtmp, m).at(0), "clocks"));
    m.clock = 0;
    m.lost = 5;
    fail_unless(has(advice(rtmp, m).at(0), "5 pictures were lost"));
    m.lost = 0;
    for (int i = 0; i < 5; ++i)
        m.glass.add(900 * ms);
    fail_unless(has(advice(rtmp, m).at(0), "later than the median"));
}
GST_END_TEST

// Charts are well-formed XML for any title, and contain every point or bar.
GST_START_TEST(test_charts) {
    const auto is_xml = [](const std::string &text) {
        GMarkupParser parser{};
        GMarkupParseContext *context =
            g_markup_parse_context_new(&parser, GMarkupParseFlags(0), nullptr, nullptr);
        const bool good =
            g_markup_parse_context_parse(context, text.c_str(), gssize(text.size()), nullptr) &&
            g_markup_parse_context_end_parse(context, nullptr);
        g_markup_parse_context_free(context);
        return good;
    };
    const auto count = [](const std::string &text, const std::string &what) {
        size_t n = 0;
        for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at)
            ++n;
        return n;
    };
    const std::string trace = draw_trace(made(30 * ms, 5 * ms, 12 * ms, 8 * ms), "a <b> & \"c\"");
    fail_unless(is_xml(trace));
    fail_unless(has(trace, "a &lt;b&gt; &amp; &quot;c&quot;"));
    fail_unless(has(trace, "median 55 ms"));
    const size_t points = trace.find("points=\"") + 8;
    fail_unless_equals_int(count(trace.substr(points, trace.find('"', points) - points), ","), 100);
    fail_unless(is_xml(draw_trace(Measured(), "none")));
    Measured longer = made(30 * ms, 5 * ms, 12 * ms, 8 * ms);
    for (int i = 0; i < 50'000; ++i)
        longer.trace.push_back({(100 + i) * 40 * ms, 55 * ms});
    fail_unless(draw_trace(longer, "long").size() < 40'000);

    const std::string bars =
        draw_bars({"normal", "low"},
                  {{"RTMP", {Bar::Value{600 * ms, 610 * ms}, Bar::Value{7 * ms, 9 * ms}}},
                   {"HLS", {std::nullopt, Bar::Value{5000 * ms, 5100 * ms}}}},
                  "bars");
    fail_unless(is_xml(bars));
    fail_unless(has(bars, "600 ms") && has(bars, "7.0 ms") && has(bars, "5 s"));
    fail_unless_equals_int(count(bars, "<rect"), 1 + 2 + 3); // the ground, the legend, the bars
}
GST_END_TEST

static Suite *latency_budget_suite() {
    Suite *s = suite_create("latency_budget");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_urls);
    tcase_add_test(tc, test_words);
    tcase_add_test(tc, test_parts);
    tcase_add_test(tc, test_every_hop);
    tcase_add_test(tc, test_clock);
    tcase_add_test(tc, test_hls);
    tcase_add_test(tc, test_others);
    tcase_add_test(tc, test_charts);
    return s;
}
GST_CHECK_MAIN(latency_budget)

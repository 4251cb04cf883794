// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/budget.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace penstock::delay {
namespace {

using latency::Hop;

constexpr int64_t ms = 1'000'000;
/// Latency that is good enough: below it no advice is given.
constexpr int64_t good = 100 * ms;
/// HLS players start three segments before the last one (RFC 8216, 6.3.3).
constexpr int64_t segments_behind = 3;

int64_t median(const latency::Histogram &histogram) {
    return histogram.percentile(0.5);
}

struct Step {
    Hop from, to;
    Part::Kind kind;
    const char *name;
};
constexpr Step steps[] = {
    {Hop::capture, Hop::encode, Part::Kind::encode, "encoder"},
    {Hop::encode, Hop::mux, Part::Kind::relay, "muxer"},
    {Hop::mux, Hop::network, Part::Kind::pacing, "pacing"},
    {Hop::network, Hop::server, Part::Kind::relay, "upload"},
    {Hop::server, Hop::segment, Part::Kind::relay, "server"},
    {Hop::segment, Hop::client, Part::Kind::segment, "segment"},
};

/// The part between two hops; hops between them may be missing.
Part part_of(Hop from, Hop to) {
    Part part;
    part.from = latency::name_of(from);
    part.to = latency::name_of(to);
    for (const Step &step : steps) {
        if (step.from != from || step.to != to) continue;
        part.kind = step.kind;
        part.name = step.name;
        return part;
    }
    if (to == Hop::client) part.kind = Part::Kind::delivery;
    part.name = to == Hop::client ? "delivery" : "from " + part.from + " to " + part.to;
    return part;
}

const Part *largest_of(const Budget &budget) {
    const auto found =
        std::max_element(budget.parts.begin(), budget.parts.end(),
                         [](const Part &a, const Part &b) { return a.time < b.time; });
    return found == budget.parts.end() ? nullptr : &*found;
}

std::string pictures_in(double fps, double seconds) {
    return std::to_string(std::max(1L, std::lround((fps > 1 ? fps : 30) * seconds)));
}

std::string shorter_gop(const Measured &measured) {
    return "a keyframe each second (key-int-max=" + pictures_in(measured.fps, 1) +
           " of x264enc, latency=low of the shipped descriptions)";
}

void advise_on_hls(const Measured &measured, int64_t total, std::vector<std::string> &out) {
    const int64_t gop = measured.keyframe_interval;
    const int64_t piece = std::max(gop, measured.segment);
    if (piece <= 0 || total < good) return;
    const std::string behind = "players stay " + std::to_string(segments_behind) +
                               " segments behind, " + in_words(segments_behind * piece) +
                               " and more";
    if (gop >= 1500 * ms && gop * 10 >= measured.segment * 9)
        out.push_back("your keyframe interval of " + in_words(gop) +
                      " is the largest part: a segment is cut at a keyframe, and " + behind + "; " +
                      shorter_gop(measured) + " and segments as short make it " +
                      in_words(segments_behind * 1000 * ms));
    else if (measured.segment >= 1500 * ms)
        out.push_back("your segments of " + in_words(measured.segment) +
                      " are the largest part: " + behind + "; " +
                      (gop > 0 ? "keyframes come each " + in_words(gop) + ", and segments may be"
                               : std::string("they may be")) +
                      " as short as the keyframe interval (target-duration of the segmenter, --set "
                      "segment=1s of live)");
    else
        out.push_back("segments are the largest part: " + behind +
                      "; where that is too much, RTMP and HTTP-FLV come without segments");
}

void advise_on_encoder(const Measured &measured, int64_t time, std::vector<std::string> &out) {
    std::string why = "the encoder is the largest part, " + in_words(time) + ": ";
    if (measured.is_reordered)
        why += "it has B-frames, each of which waits for a later picture, and looks ahead; "
               "tune=zerolatency (latency=low of the shipped descriptions) leaves out both";
    else if (time > 150 * ms)
        why += "it looks ahead, or can't keep up; tune=zerolatency, a faster speed-preset or a "
               "smaller picture helps";
    else
        why += "a faster speed-preset, sliced-threads=true or a smaller picture helps";
    out.push_back(why);
}

void advise_on_delivery(const Protocol &protocol, int64_t time, std::vector<std::string> &out) {
    const std::string first = "delivery is the largest part, " + in_words(time) + ": ";
    out.push_back(first + (protocol.delivery_advice
                               ? protocol.delivery_advice
                               : "a server that coalesces writes or a client that is behind; "
                                 "join=fast-forward or keyframe lets players begin at the live "
                                 "edge"));
}

} // namespace

std::string in_words(int64_t nanoseconds) {
    char text[32];
    if (std::abs(nanoseconds) < 1000 * ms) {
        const double value = double(nanoseconds) / double(ms);
        std::snprintf(text, sizeof text, std::abs(value) < 10 ? "%.1f ms" : "%.0f ms", value);
        return text;
    }
    std::snprintf(text, sizeof text, "%.2f", double(nanoseconds) / 1e9);
    std::string out = text;
    while (out.ends_with('0'))
        out.pop_back();
    if (out.ends_with('.')) out.pop_back();
    return out + " s";
}

Budget budget_of(const Protocol &protocol, const Measured &measured) {
    Budget out;
    const auto &hops = measured.hops;
    const bool is_decoded = measured.decode.count() > 0;
    const int64_t here = is_decoded ? median(measured.here) : 0;
    const int64_t decoding = is_decoded ? median(measured.decode) : 0;
    if (measured.has_hops()) out.total = median(hops.front().age) + (protocol.is_paced ? here : 0);
    if (measured.has_pictures()) out.total = median(measured.glass);
    if (!measured.has_hops()) return out;
    int64_t sum = 0;
    bool has_clock = false;
    const HopMeasured *from = &hops.front();
    for (size_t i = 1; i < hops.size(); ++i) {
        const HopMeasured &to = hops[i];
        if (to.step.count() == 0 && !to.is_clock()) continue;
        Part part = part_of(from->hop, to.hop);
        part.is_clock = to.is_clock();
        has_clock = has_clock || part.is_clock;
        if (!part.is_clock) {
            part.time = median(to.step);
            from = &to;
        }
        sum += part.time;
        out.parts.push_back(std::move(part));
    }
    if (protocol.is_paced) {
        // A paced frame is measured when it is shown, and later frames wait in the buffer: the
        // buffer is the remainder.
        const bool is_whole =
            measured.has_pictures() && hops.front().hop == Hop::capture && !has_clock;
        out.parts.push_back(
            {Part::Kind::buffer, "player's buffer", "client", "decoder",
             std::max<int64_t>(0, is_whole ? out.total - sum - decoding : here - decoding), false});
    }
    if (is_decoded && measured.has_pictures())
        out.parts.push_back({Part::Kind::decode, "decoder", "decoder", "picture", decoding, false});
    return out;
}

std::vector<std::string> advice_for(const Protocol &protocol, const Measured &measured,
                                    const Budget &budget) {
    std::vector<std::string> out;
    if (measured.clock > 0)
        out.push_back(
            std::to_string(measured.clock) +
            " times are impossible: the clocks of the machines differ; NTP or PTP on both "
            "mends it (`chronyc tracking` says how far they are off)");
    const Part *largest = largest_of(budget);
    if (protocol.is_paced) {
        advise_on_hls(measured, budget.total, out);
    } else if (largest && budget.total >= good) {
        if (largest->kind == Part::Kind::encode)
            advise_on_encoder(measured, largest->time, out);
        else if (largest->kind == Part::Kind::delivery)
            advise_on_delivery(protocol, largest->time, out);
        else if (largest->kind == Part::Kind::decode)
            out.push_back("decoding here is the largest part, " + in_words(largest->time) +
                          ": a smaller picture, or a decoder in hardware, helps");
        else if (largest->kind == Part::Kind::pacing)
            out.push_back("the sender is the largest part, " + in_words(largest->time) +
                          ": it waits until each picture is due; sync=false on its sink "
                          "(latency=low of the shipped descriptions) sends at once");
        else
            out.push_back("the way from " + largest->from + " to " + largest->to +
                          " is the largest part, " + in_words(largest->time) +
                          ": is the network slow, or the server's machine busy?");
    }
    // A player that never catches up keeps the delay at which it began, that of the last keyframe.
    const int64_t gop = measured.keyframe_interval;
    const bool joins_behind = measured.joined > budget.total + 500 * ms;
    if (!protocol.is_paced && measured.has_pictures() && joins_behind && gop >= 1500 * ms)
        out.push_back("your keyframe interval of " + in_words(gop) +
                      " is the largest part for a player that doesn't catch up: it begins with "
                      "the last keyframe, here " +
                      in_words(measured.joined) + " behind; " + shorter_gop(measured) +
                      " or join=fast-forward of the server's sink mends that");
    const int64_t spread = measured.glass.percentile(0.99) - median(measured.glass);
    if (measured.has_pictures() && spread > std::max(good, median(measured.glass)))
        out.push_back("one picture in a hundred comes " + in_words(spread) +
                      " later than the median: a machine or a network on the way is busy");
    if (measured.lost * 100 > measured.read)
        out.push_back(std::to_string(measured.lost) +
                      " pictures were lost on the way: a machine or a network on it is overloaded");
    return out;
}

} // namespace penstock::delay

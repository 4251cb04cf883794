// SPDX-License-Identifier: LGPL-2.1-or-later
#include "expect/judge.h"

#include "description/playable.h"

#include <algorithm>
#include <cstdio>

namespace penstock::expect {
namespace {

/// Allowed relative deviation of a frame rate that is given as a single number.
constexpr double fps_tolerance = 0.05;
/// Allowed relative excess of the keyframe interval: FLV timestamps are whole milliseconds.
constexpr double keyframe_tolerance = 0.05;
/// Keyframes that are further apart are warned of where nothing is asked of them; seconds.
constexpr double long_interval = 5;
/// The same, if the measurement ended before the second keyframe.
constexpr double long_without = 4;
/// Minimum seconds of media per second of measurement.
constexpr double least_flow = 0.5;

std::string print(const char *format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

/// Formats without trailing zeros: "30", "29.97".
std::string plain(double value) {
    std::string text = print("%.2f", value);
    while (text.ends_with('0'))
        text.pop_back();
    if (text.ends_with('.')) text.pop_back();
    return text;
}

/// "75 ms", "2.04 s", "15 s"
std::string in_words(double seconds) {
    return seconds < 1 ? print("%.0f ms", seconds * 1000) : plain(seconds) + " s";
}

class Judge {
public:
    Judge(const std::string &output, std::vector<Check> &out) : output_(output), out_(out) {}

    void add(const std::string &what, const std::string &expected, const std::string &measured,
             bool good) {
        out_.push_back(
            {output_, what, expected, measured, good ? Verdict::pass : Verdict::failure});
    }
    void tell(const std::string &what, const std::string &measured) {
        out_.push_back({output_, what, "", measured, Verdict::told});
    }
    void warn(const std::string &what, const std::string &measured) {
        out_.push_back({output_, what, "", measured, Verdict::warning});
    }
    /// Checks against an upper limit; only reports the value if there is none.
    void at_most(const std::string &what, std::optional<double> limit,
                 std::optional<double> measured, const std::string &why_not) {
        if (!limit) {
            if (measured) tell(what, in_words(*measured));
            return;
        }
        add(what, "≤ " + in_words(*limit), measured ? in_words(*measured) : why_not,
            measured && *measured <= *limit);
    }
    void media(const std::string &kind, const Limits::Media &wanted, const Stream &stream) {
        if (!wanted.is_wanted)
            return add(kind, "none", stream.frames.empty() ? "none" : stream.codec,
                       stream.frames.empty());
        if (stream.frames.empty()) return add(kind, "there", "none", false);
        add(kind, wanted.codec.empty() ? "there" : wanted.codec, stream.codec,
            wanted.codec.empty() || wanted.codec == stream.codec);
        const auto exactly = [&](const char *what, std::optional<double> number, int measured) {
            if (number)
                add(kind + " " + what, plain(*number), std::to_string(measured),
                    *number == measured);
        };
        exactly("width", wanted.width, stream.width);
        exactly("height", wanted.height, stream.height);
        exactly("rate", wanted.rate, stream.rate);
        exactly("channels", wanted.channels, stream.channels);
    }

private:
    const std::string &output_;
    std::vector<Check> &out_;
};

void judge_fps(Judge &to, const Limits &limits, const Measures &measures) {
    if (!limits.fps_min && !limits.fps_max) {
        if (measures.fps) to.tell("fps", plain(*measures.fps));
        return;
    }
    const std::string expected = !limits.fps_max ? "≥ " + plain(*limits.fps_min)
                                 : !limits.fps_min
                                     ? "≤ " + plain(*limits.fps_max)
                                     : plain(*limits.fps_min) + " to " + plain(*limits.fps_max);
    to.add("fps", expected, measures.fps ? plain(*measures.fps) : "no two pictures",
           measures.fps && *measures.fps >= limits.fps_min.value_or(0) &&
               *measures.fps <= limits.fps_max.value_or(1e9));
}

void judge_keyframes(Judge &to, const Limits &limits, const Measures &measures) {
    if (!measures.keyframe) {
        if (limits.keyframe_interval)
            to.add("keyframe interval", "≤ " + in_words(*limits.keyframe_interval), "no picture",
                   false);
        return;
    }
    const std::string measured =
        (measures.keyframe_is_open ? "more than " : "") + in_words(*measures.keyframe);
    if (limits.keyframe_interval)
        to.add("keyframe interval", "≤ " + in_words(*limits.keyframe_interval), measured,
               !measures.keyframe_is_open &&
                   *measures.keyframe <= *limits.keyframe_interval + keyframe_tolerance);
    else if (*measures.keyframe > (measures.keyframe_is_open ? long_without : long_interval))
        to.warn("keyframe interval",
                measured + ": who joins, and each HLS segment, waits as long; key-int-max=60 at "
                           "the encoder makes it two seconds");
    else
        to.tell("keyframe interval", measured);
}

} // namespace

std::optional<Limits> Limits::make(const description::Expect &expect, const std::string &protocol,
                                   const description::Binding &binding, std::string *error) {
    using description::ExpectValue;
    const description::ExpectOutput output = expect.output_of(protocol);
    Limits out;
    bool good = true;
    const auto duration = [&](const std::optional<ExpectValue> &value) -> std::optional<double> {
        if (!value) return std::nullopt;
        const auto ns = description::duration_of(*value, binding, error);
        good &= ns.has_value();
        return ns ? std::optional(*ns / 1e9) : std::nullopt;
    };
    const auto number = [&](const std::optional<ExpectValue> &value) -> std::optional<double> {
        if (!value) return std::nullopt;
        const auto found = description::number_of(*value, binding, error);
        good &= found.has_value();
        return found;
    };
    out.within = duration(expect.within).value_or(out.within);
    out.keyframe_interval = duration(output.keyframe_interval);
    // The duration must contain two whole keyframe intervals.
    out.duration = std::max(duration(expect.duration).value_or(out.duration),
                            2.5 * out.keyframe_interval.value_or(0));
    out.skew = duration(output.skew);
    out.latency = duration(output.latency);
    if (output.fps) {
        out.fps_min = number(output.fps->min);
        out.fps_max = number(output.fps->max);
        if (output.fps->is_single && good) {
            *out.fps_min *= 1 - fps_tolerance;
            *out.fps_max *= 1 + fps_tolerance;
        }
    }
    const auto media = [&](const std::optional<description::ExpectMedia> &from) {
        if (!from) return std::optional<Media>();
        Media made{from->is_wanted,     "",
                   number(from->width), number(from->height),
                   number(from->rate),  number(from->channels)};
        if (from->codec) {
            const auto codec = description::word_of(*from->codec, binding, error);
            good &= codec.has_value();
            made.codec = codec.value_or("");
        }
        return std::optional(std::move(made));
    };
    out.video = media(output.video);
    out.audio = media(output.audio);
    return good ? std::optional(out) : std::nullopt;
}

std::vector<Check> judge(const std::string &output, const Limits &limits, const Received &received,
                         const Measures &measures, const std::string &failure) {
    std::vector<Check> out;
    Judge to(output, out);
    to.add("first frame", "≤ " + in_words(limits.within),
           measures.first    ? in_words(*measures.first)
           : failure.empty() ? "nothing came"
                             : "nothing came: " + failure,
           measures.first && *measures.first <= limits.within);
    if (!measures.first) return out;
    if (!failure.empty()) to.add("connection", "lasts", failure, false);
    to.add("flow", "≥ " + print("%.0f %%", least_flow * 100),
           print("%.1f s of media", measures.media) + print(" in %.1f s", measures.watched),
           measures.media >= least_flow * measures.watched && measures.watched > 0);
    to.add("timestamps", "go on",
           measures.backwards ? std::to_string(measures.backwards) + " go back" : "go on",
           measures.backwards == 0);
    if (limits.video) to.media("video", *limits.video, received.video);
    if (limits.audio) to.media("audio", *limits.audio, received.audio);
    if (received.video.is_hardly_playable)
        to.warn("video profile", received.video.profile +
                                     ": hardly a browser, phone or TV plays it; " +
                                     description::mend_unplayable);
    else if (!received.video.profile.empty())
        to.tell("video profile", received.video.profile);
    judge_fps(to, limits, measures);
    judge_keyframes(to, limits, measures);
    to.at_most("A/V skew", limits.skew, measures.skew, "picture or sound is missing");
    to.at_most("latency", limits.latency, measures.latency, "can't be measured here");
    return out;
}

} // namespace penstock::expect

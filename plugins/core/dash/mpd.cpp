// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/dash/mpd.h"

#include "core/bytes/markup.h"
#include "core/playlist/playlist.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace penstock::dash {
namespace {

/// Writes elements with their indentation; closes what is open.
class Writer {
public:
    /// The element is open until close(); its attributes follow.
    Writer &open(const char *name) {
        end_tag(">");
        text_.append(2 * names_.size(), ' ');
        text_ += "<";
        text_ += name;
        names_.push_back(name);
        in_tag_ = true;
        return *this;
    }
    Writer &set(const char *name, std::string_view value) {
        text_ += std::string(" ") + name + "=\"" + escape_markup(value) + "\"";
        return *this;
    }
    Writer &set(const char *name, uint64_t value) { return set(name, std::to_string(value)); }
    Writer &set_if(const char *name, std::string_view value) {
        return value.empty() ? *this : set(name, value);
    }
    void close() {
        const char *name = names_.back();
        names_.pop_back();
        if (in_tag_) return end_tag("/>");
        text_.append(2 * names_.size(), ' ');
        text_ += std::string("</") + name + ">\n";
    }
    /// An element that has text only.
    void leaf(const char *name, std::string_view content) {
        end_tag(">");
        text_.append(2 * names_.size(), ' ');
        text_ += std::string("<") + name + ">" + escape_markup(content) + "</" + name + ">\n";
    }
    std::string take() { return std::move(text_); }

private:
    void end_tag(const char *with) {
        if (in_tag_) text_ += std::string(with) + "\n";
        in_tag_ = false;
    }
    std::string text_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    std::vector<const char *> names_;
    bool in_tag_ = false;
};

/// "30" or "30000/1001".
std::string frame_rate(unsigned per_1000_s) {
    if (per_1000_s % 1000 == 0) return std::to_string(per_1000_s / 1000);
    const unsigned up = (per_1000_s + 999) / 1000 * 1000;
    // 23.976, 29.970 and 59.940 are 1000/1001 of a whole number.
    if ((up * 1000 + 500) / 1001 == per_1000_s) return std::to_string(up) + "/1001";
    return std::to_string(per_1000_s) + "/1000";
}

/// Seconds with up to six decimals.
std::string seconds(int64_t nanoseconds) {
    const int64_t micro = (std::max<int64_t>(nanoseconds, 0) + 500) / 1000;
    char text[40];
    int size =
        std::snprintf(text, sizeof text, "%lld.%06lld", static_cast<long long>(micro / 1'000'000),
                      static_cast<long long>(micro % 1'000'000));
    while (text[size - 1] == '0')
        --size;
    if (text[size - 1] == '.') --size;
    return std::string(text, static_cast<size_t>(size));
}

std::string with_query(const std::string &url, const std::string &query) {
    if (query.empty()) return url;
    return url + (url.find('?') == url.npos ? "?" : "&") + query;
}

void write_template(Writer &w, const Addressing &at, const Representation &of,
                    const std::string &query) {
    w.open("SegmentTemplate").set("timescale", static_cast<uint64_t>(timescale));
    if (at.duration > 0) w.set("duration", static_cast<uint64_t>(at.duration));
    w.set("startNumber", at.start_number);
    if (at.offset != 0)
        w.set("presentationTimeOffset", static_cast<uint64_t>(std::max<int64_t>(at.offset, 0)));
    if (at.early > 0)
        w.set("availabilityTimeOffset", seconds(at.early)).set("availabilityTimeComplete", "false");
    if (!of.init.empty()) w.set("initialization", with_query(of.init, query));
    w.set("media", with_query(of.media, query));
    if (at.duration == 0) {
        w.open("SegmentTimeline");
        for (const Span &span : at.timeline) {
            w.open("S").set("t", static_cast<uint64_t>(span.time));
            w.set("d", static_cast<uint64_t>(span.duration));
            if (span.count > 1) w.set("r", span.count - 1);
            w.close();
        }
        w.close();
    }
    w.close();
}

void write_representation(Writer &w, const Period &period, const Representation &one,
                          const std::string &query) {
    w.open("Representation")
        .set("id", one.id)
        .set("bandwidth", std::max<uint64_t>(one.bandwidth, 1));
    w.set_if("codecs", one.codecs);
    if (one.width > 0 && one.height > 0)
        w.set("width", uint64_t(one.width)).set("height", uint64_t(one.height));
    if (one.frame_rate > 0) w.set("frameRate", frame_rate(one.frame_rate));
    if (one.channels > 0) {
        w.open("AudioChannelConfiguration")
            .set("schemeIdUri", "urn:mpeg:dash:23003:3:audio_channel_configuration:2011")
            .set("value", uint64_t(one.channels));
        w.close();
    }
    write_template(w, period.addressing, one, query);
    w.close();
}

void write_set(Writer &w, const Mpd &mpd, const Period &period, const AdaptationSet &set) {
    w.open("AdaptationSet").set("id", uint64_t(set.id));
    w.set("contentType", set.is_video ? "video" : "audio");
    w.set_if("lang", set.language);
    if (!set.representations.empty()) w.set("mimeType", set.representations.front().mime_type);
    w.set("segmentAlignment", "true");
    if (set.starts_with_keyframes) w.set("startWithSAP", "1");
    if (!period.continues.empty()) {
        w.open("SupplementalProperty")
            .set("schemeIdUri", "urn:mpeg:dash:period-continuity:2015")
            .set("value", period.continues);
        w.close();
    }
    if (!set.label.empty()) w.leaf("Label", set.label);
    if (period.date && mpd.latency > 0) {
        w.open("ProducerReferenceTime").set("id", "0").set("inband", "true").set("type", "encoder");
        w.set("wallClockTime", playlist::format_date(*period.date));
        w.set("presentationTime", static_cast<uint64_t>(period.addressing.offset));
        if (!mpd.clock.empty()) {
            w.open("UTCTiming").set("schemeIdUri", "urn:mpeg:dash:utc:http-iso:2014");
            w.set("value", mpd.clock).close();
        }
        w.close();
    }
    if (set.is_main) {
        w.open("Role").set("schemeIdUri", "urn:mpeg:dash:role:2011").set("value", "main");
        w.close();
    }
    for (const Representation &one : set.representations)
        write_representation(w, period, one, mpd.query);
    w.close();
}

void write_head(Writer &w, const Mpd &mpd) {
    w.open("MPD").set("xmlns", "urn:mpeg:dash:schema:mpd:2011");
    w.set("profiles", "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019");
    w.set("type", mpd.is_static ? "static" : "dynamic");
    if (!mpd.is_static) {
        w.set("availabilityStartTime", playlist::format_date(mpd.available_since));
        w.set("publishTime", playlist::format_date(mpd.published));
        if (mpd.update_period > 0) w.set("minimumUpdatePeriod", format_duration(mpd.update_period));
        if (mpd.buffer_depth > 0) w.set("timeShiftBufferDepth", format_duration(mpd.buffer_depth));
        if (mpd.suggested_delay > 0)
            w.set("suggestedPresentationDelay", format_duration(mpd.suggested_delay));
    }
    if (mpd.duration > 0) w.set("mediaPresentationDuration", format_duration(mpd.duration));
    if (mpd.longest_segment > 0) w.set("maxSegmentDuration", format_duration(mpd.longest_segment));
    w.set("minBufferTime", format_duration(mpd.min_buffer));
    if (mpd.latency <= 0) return;
    constexpr int64_t millisecond = 1'000'000;
    const auto ms = [](int64_t nanoseconds) {
        return static_cast<uint64_t>(nanoseconds / millisecond);
    };
    w.open("ServiceDescription").set("id", "0");
    w.open("Latency").set("referenceId", "0").set("target", ms(mpd.latency));
    w.set("min", ms(mpd.latency / 2)).set("max", ms(4 * mpd.latency)).close();
    w.open("PlaybackRate").set("min", "0.96").set("max", "1.1").close();
    w.close();
}

} // namespace

std::string format_duration(int64_t nanoseconds) {
    return "PT" + seconds(nanoseconds) + "S";
}

std::string write(const Mpd &mpd) {
    Writer w;
    write_head(w, mpd);
    for (const Period &period : mpd.periods) {
        w.open("Period").set("id", period.id).set("start", format_duration(period.start));
        if (period.duration) w.set("duration", format_duration(*period.duration));
        for (const AdaptationSet &set : period.sets)
            write_set(w, mpd, period, set);
        w.close();
    }
    if (!mpd.clock.empty() && !mpd.is_static) {
        w.open("UTCTiming")
            .set("schemeIdUri", mpd.clock_is_date ? "urn:mpeg:dash:utc:http-head:2014"
                                                  : "urn:mpeg:dash:utc:http-iso:2014");
        w.set("value", mpd.clock).close();
    }
    w.close();
    return w.take();
}

} // namespace penstock::dash

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gop/flv_input.h"

#include "core/flv/config_version.h"
#include "core/timing/unwrap.h"
#include "gst/bytes.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace penstock::gop {
namespace {

// Buffer timestamps that deviate more from the tags' own progress start a new mapping.
constexpr GstClockTimeDiff most_drift = 500 * GST_MSECOND;
// Between frames.
constexpr GstClockTimeDiff longest_step = 60 * GST_SECOND;

// From one timestamp to another: they count milliseconds modulo 2^32, or 2^31 or 2^24.
GstClockTimeDiff step_of(uint32_t from, uint32_t to) {
    const auto step = GstClockTimeDiff(static_cast<int32_t>(to - from)) *
                      static_cast<GstClockTimeDiff>(GST_MSECOND);
    return step + timing::wrap_in(step, most_drift, longest_step).value_or(0);
}

/// Numbers the kinds of configuration: a repeated one replaces its predecessor.
uint16_t slot_of(const flv::Tag &tag) {
    if (tag.kind == flv::TagKind::metadata) return 1;
    const auto header = flv::parse_body(tag.type, tag.body());
    if (!header) return 2;
    return static_cast<uint16_t>(4 + (header->track << 4 | unsigned(header->packet) << 1 |
                                      unsigned(tag.type == flv::TagType::audio)));
}

bool mentions(const flv::Tag &metadata, std::string_view key) {
    const Bytes body = metadata.body();
    return std::search(body.begin(), body.end(), key.begin(), key.end()) != body.end();
}

} // namespace

void FlvInput::set_flags(GstPtr<GstBuffer> &buffer, bool delta, bool header) const {
    const bool is_delta = GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    const bool is_header = GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
    if (is_delta == delta && is_header == header) return;
    if (!gst_buffer_is_writable(buffer.get()))
        buffer = GstPtr<GstBuffer>::adopt(gst_buffer_copy(buffer.get()));
    GST_BUFFER_FLAG_UNSET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    GST_BUFFER_FLAG_UNSET(buffer.get(), GST_BUFFER_FLAG_HEADER);
    if (delta) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    if (header) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
}

// The signed difference to the anchor is exact for 24 days, and every buffer with a timestamp moves
// the anchor.
void FlvInput::stamp(GstBuffer *buffer, uint32_t timestamp) {
    if (!GST_CLOCK_TIME_IS_VALID(anchor_pts_)) {
        anchor_pts_ = timestamp * GST_MSECOND;
        anchor_ = timestamp;
    }
    const GstClockTimeDiff step = step_of(anchor_, timestamp);
    const auto pts = static_cast<GstClockTimeDiff>(anchor_pts_) + step;
    GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(std::max<GstClockTimeDiff>(pts, 0));
    GST_BUFFER_DTS(buffer) = GST_BUFFER_PTS(buffer);
    if (step > 0) {
        anchor_pts_ = GST_BUFFER_PTS(buffer);
        anchor_ = timestamp;
    }
}

void FlvInput::move_anchor(GstBuffer *buffer, uint32_t timestamp, bool whole) {
    const GstClockTime pts = GST_BUFFER_PTS(buffer);
    if (!GST_CLOCK_TIME_IS_VALID(pts)) return;
    const GstClockTimeDiff step = step_of(anchor_, timestamp);
    const auto drift = GST_CLOCK_TIME_IS_VALID(anchor_pts_)
                           ? static_cast<GstClockTimeDiff>(pts - anchor_pts_) - step
                           : most_drift + 1;
    if (!whole && drift <= most_drift && drift >= -most_drift) return;
    anchor_pts_ = pts;
    anchor_ = timestamp;
}

Result FlvInput::push(GstBuffer *buffer, std::vector<Unit> &out) {
    if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT)) flush();
    const bool is_timed = GST_BUFFER_PTS_IS_VALID(buffer);
    if (const KnownTag *known = known_tag(buffer)) {
        normalizer_.flush();
        move_anchor(buffer, known->tag.timestamp, true);
        out.push_back(unit_of(known->tag, known->config));
        auto same = GstPtr<GstBuffer>::ref(buffer);
        if (!is_timed) {
            same = GstPtr<GstBuffer>::adopt(gst_buffer_copy(buffer));
            stamp(same.get(), known->tag.timestamp);
        }
        set_buffer(out.back(), known->tag, std::move(same));
        return Result::ok();
    }
    tags_.clear();
    const Bytes input = bytes_of(buffer);
    const Result result = normalizer_.push(input, tags_);
    const bool whole = normalizer_.passed_whole();
    if (!tags_.empty()) move_anchor(buffer, tags_.front().timestamp, normalizer_.was_one_tag());
    for (const flv::Tag &tag : tags_) {
        out.push_back(unit_of(tag, 0));
        auto part = buffer_of(tag, config_);
        if (whole)
            gst_buffer_copy_into(part.get(), buffer,
                                 GstBufferCopyFlags(GST_BUFFER_COPY_FLAGS |
                                                    GST_BUFFER_COPY_TIMESTAMPS |
                                                    GST_BUFFER_COPY_META),
                                 0, gsize(-1));
        if (!whole || !is_timed) stamp(part.get(), tag.timestamp);
        if (&tag == tags_.data() && GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT))
            GST_BUFFER_FLAG_SET(part.get(), GST_BUFFER_FLAG_DISCONT);
        set_buffer(out.back(), tag, std::move(part));
    }
    tags_.clear(); // their bytes would stay alive until the next buffer
    if (result.is_error()) normalizer_.reset();
    return result;
}

/// Derives a tag's properties for goptee. `config`: that of the KnownTag, 0 if there is none.
Unit FlvInput::unit_of(const flv::Tag &tag, uint32_t config) {
    video_ |= tag.type == flv::TagType::video;
    audio_ |= tag.type == flv::TagType::audio;
    Unit unit;
    unit.header = tag.kind == flv::TagKind::metadata || tag.kind == flv::TagKind::config;
    unit.key = tag.kind == flv::TagKind::keyframe || (!video_ && tag.kind == flv::TagKind::audio);
    // A frame with an unchanged configuration carries no new information.
    if (unit.header || config == 0 || config != upstream_config_)
        unit.slot = remember(tag, unit.ends_gop);
    upstream_config_ = config;
    return unit;
}

void FlvInput::set_buffer(Unit &unit, const flv::Tag &tag, GstPtr<GstBuffer> buffer) const {
    // A stream can't start with anything that is neither a frame nor configuration.
    set_flags(buffer, video_ ? tag.kind != flv::TagKind::keyframe : tag.kind == flv::TagKind::other,
              unit.header);
    unit.buffer = std::move(buffer);
}

/// The slot of the tag's configuration, 0 if it has none. `replaces`: the frames cached so far have
/// another configuration and are unusable. New metadata alone, or the first configuration of its
/// kind, leaves cached frames valid.
uint16_t FlvInput::remember(const flv::Tag &tag, bool &replaces) {
    const unsigned version = known_.headers().version;
    known_.learn(tag);
    if (config_ == 0 || known_.headers().version != version) config_ = flv::next_config_version();
    if (known_.headers().version != version) {
        const size_t before = std::exchange(known_count_, known_.headers().list().size());
        replaces = tag.kind != flv::TagKind::metadata && known_count_ <= before;
    }
    if (tag.kind != flv::TagKind::metadata && tag.kind != flv::TagKind::config) return 0;
    return slot_of(tag);
}

std::vector<flv::Tag> FlvInput::headers_of(const GstCaps *caps) {
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const GValue *headers = gst_structure_get_value(s, "streamheader");
    std::vector<flv::Tag> tags;
    if (!headers || !GST_VALUE_HOLDS_ARRAY(headers)) return tags;
    flv::Normalizer normalizer;
    for (guint i = 0; i < gst_value_array_get_size(headers); ++i) {
        const GValue *value = gst_value_array_get_value(headers, i);
        GstBuffer *buffer = GST_VALUE_HOLDS_BUFFER(value) ? gst_value_get_buffer(value) : nullptr;
        if (buffer && normalizer.push(bytes_of(buffer), tags).is_error()) break;
    }
    std::erase_if(tags, [](const flv::Tag &tag) {
        return tag.kind != flv::TagKind::metadata && tag.kind != flv::TagKind::config;
    });
    return tags;
}

void FlvInput::learn(const GstCaps *caps) {
    for (flv::Tag &tag : headers_of(caps)) {
        std::vector<flv::Tag> known;
        normalizer_.take(std::move(tag), known);
        for (const flv::Tag &each : known)
            unit_of(each, 0);
    }
}

bool FlvInput::has_codecs_of(const GstCaps *caps) const {
    const auto codecs = [](const std::vector<flv::Tag> &tags) {
        std::vector<std::vector<uint8_t>> bodies;
        for (const flv::Tag &tag : tags)
            if (const Bytes body = tag.body(); tag.kind == flv::TagKind::config)
                bodies.emplace_back(body.begin(), body.end());
        return bodies;
    };
    return codecs(headers_of(caps)) == codecs(known_.headers().list());
}

std::vector<Unit> FlvInput::headers(GstBuffer *first, bool with_file_header) const {
    std::vector<Unit> units;
    const auto add = [&](GstPtr<GstBuffer> buffer, uint16_t slot) {
        GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_PTS(first);
        GST_BUFFER_DTS(buffer.get()) = GST_BUFFER_DTS(first);
        set_flags(buffer, video_, true);
        Unit unit;
        unit.buffer = std::move(buffer);
        unit.header = true;
        unit.slot = slot;
        units.push_back(std::move(unit));
    };
    if (with_file_header) {
        // The metadata may announce audio that has not arrived yet.
        const auto &metadata = known_.headers().metadata;
        const bool audio = audio_ || (metadata && mentions(*metadata, "audiocodecid"));
        const bool video = video_ || (metadata && mentions(*metadata, "videocodecid"));
        add(buffer_of(flv::file_header(audio, video)), 0);
    }
    for (const flv::Tag &tag : known_.headers().list())
        add(buffer_of(tag, upstream_config_ != 0 ? upstream_config_ : config_), slot_of(tag));
    return units;
}

void FlvInput::flush() {
    normalizer_.flush();
    anchor_pts_ = GST_CLOCK_TIME_NONE;
}

void FlvInput::reset() {
    *this = FlvInput();
}

} // namespace penstock::gop

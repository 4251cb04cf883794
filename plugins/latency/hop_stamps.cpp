// SPDX-License-Identifier: LGPL-2.1-or-later
#include "latency/hop_stamps.h"

#include "core/flv/tag.h"
#include "gst/bytes.h"
#include "gst/mapped.h"
#include "gst/running_time.h"
#include "latency/clock_offset.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

namespace penstock::latency {
namespace {

/// The size of NAL unit lengths in bytes from an AVC or HEVC configuration record; 0 if the record
/// is too short.
uint8_t length_size_of(Codec codec, ByteView record) {
    const size_t at = codec == Codec::h264 ? 4 : 21;
    return record.size() > at ? static_cast<uint8_t>((record[at] & 3) + 1) : uint8_t(0);
}

std::optional<Codec> codec_of(uint32_t fourcc) {
    if (fourcc == flv::fourcc("avc1")) return Codec::h264;
    if (fourcc == flv::fourcc("hvc1")) return Codec::h265;
    if (fourcc == flv::fourcc("av01")) return Codec::av1;
    return std::nullopt;
}

/// After this many consecutive frames without stamps a stream counts as not measured.
constexpr unsigned bare_stream = 60;

} // namespace

HopSettings HopStamps::settings() const {
    std::lock_guard lock(lock_);
    return settings_;
}

void HopStamps::set_settings(const HopSettings &settings) {
    std::lock_guard lock(lock_);
    settings_ = settings;
    only_stamped_ = settings.only_stamped;
}

GstPtr<GstStructure> HopStamps::stats() const {
    auto out = counters_.with_peers(0).to_structure();
    gst_structure_set(out.get(), "stamped", G_TYPE_UINT64, stamped_.load(), "unstampable",
                      G_TYPE_UINT64, unstampable_.load(), nullptr);
    hops_.fill(out.get());
    return out;
}

void HopStamps::start() {
    counters_.start();
    hops_.clear();
    stamped_ = unstampable_ = 0;
    frame_ = 0;
    bare_ = 0;
    own_source_ = static_cast<uint32_t>(g_random_int_range(1, G_MAXUINT16));
}

void HopStamps::set_caps(const GstCaps *caps) {
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const std::string_view name = gst_structure_get_name(s);
    in_flv_ = name == "video/x-flv";
    framing_ = {};
    if (name == "video/x-h265") framing_.codec = Codec::h265;
    if (name == "video/x-av1") framing_.codec = Codec::av1;
    const char *format = gst_structure_get_string(s, "stream-format");
    if (in_flv_ || framing_.codec == Codec::av1 || !format ||
        std::strcmp(format, "byte-stream") == 0)
        return;
    framing_.length_size = 4;
    const GValue *value = gst_structure_get_value(s, "codec_data");
    if (!value || !GST_VALUE_HOLDS_BUFFER(value)) return;
    const Mapped record(gst_value_get_buffer(value));
    if (const uint8_t size = length_size_of(framing_.codec, record.view()))
        framing_.length_size = size;
}

/// Returns false if the buffer contains no access unit.
bool HopStamps::find_unit(ByteView bytes, View &view) {
    view = {bytes, 0, bytes.size()};
    if (!in_flv_) return true;
    if (bytes.size() < flv::header_size + flv::trailer_size ||
        bytes[0] != static_cast<uint8_t>(flv::TagType::video))
        return false;
    const size_t size = size_t(bytes[1]) << 16 | size_t(bytes[2]) << 8 | bytes[3];
    // Buffers with several tags are passed on unchanged.
    if (bytes.size() != flv::header_size + size + flv::trailer_size) return false;
    const auto header = flv::parse_body(flv::TagType::video, bytes.subspan(flv::header_size, size));
    if (!header || header->multitrack) return false;
    const auto codec = codec_of(header->codec);
    if (!codec) return false;
    view.begin = flv::header_size + header->payload;
    view.end = view.begin + header->payload_size;
    if (header->packet == flv::PacketType::config) {
        framing_.codec = *codec;
        framing_.length_size =
            *codec == Codec::av1 ? uint8_t(0) : length_size_of(*codec, view.unit());
        return false;
    }
    // Frames before the codec configuration can't be decoded, and their framing is unknown.
    return header->packet == flv::PacketType::frame && framing_.codec == *codec &&
           (*codec == Codec::av1 || framing_.length_size != 0);
}

/// Whether to skip the buffer: of a stream that is not measured only keyframes are examined.
bool HopStamps::is_resting(GstBuffer *buffer) const {
    if (bare_ < bare_stream) return false;
    if (!in_flv_) return GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    if (const KnownTag *known = known_tag(buffer))
        return known->tag.kind == flv::TagKind::frame || known->tag.kind == flv::TagKind::audio;
    uint8_t head[flv::header_size + 1];
    if (gst_buffer_extract(buffer, 0, head, sizeof head) != sizeof head) return true;
    constexpr unsigned inter = 2;
    return head[0] != static_cast<uint8_t>(flv::TagType::video) ||
           (head[flv::header_size] >> 4 & 7) == inter;
}

bool HopStamps::passes_by(GstBuffer *buffer) {
    if (!only_stamped_ || !is_resting(buffer)) return false;
    const gsize size = gst_buffer_get_size(buffer);
    counters_.in(size);
    counters_.out(size);
    return true;
}

GstPtr<GstBuffer> HopStamps::process(GstPtr<GstBuffer> buffer) {
    counters_.in(gst_buffer_get_size(buffer.get()));
    const HopSettings settings = this->settings();
    GstPtr<GstBuffer> out;
    if (!settings.only_stamped || !is_resting(buffer.get())) {
        const Mapped mapped(buffer.get());
        View view;
        if (find_unit(mapped.view(), view)) {
            const auto place = find_stamps(framing_, view.unit());
            const bool is_left = settings.only_stamped && !(place && place->stamps);
            if (place) bare_ = place->stamps ? 0 : std::min(bare_ + 1, bare_stream);
            if (settings.hops == 0)
                read(buffer.get(), place.value_or(StampPlace{}), settings);
            else if (place && !is_left)
                out = write(buffer.get(), view, *place, settings);
            if (settings.hops != 0 && !is_left) ++(out ? stamped_ : unstampable_);
        }
    }
    if (!out) out = std::move(buffer);
    counters_.out(gst_buffer_get_size(out.get()));
    return out;
}

/// The time when a live source captured the frame, from the buffer's timestamp; UTC, µs.
std::optional<int64_t> HopStamps::capture_time(GstBuffer *buffer, int64_t now) const {
    const auto running = running_time(element_->segment, GST_BUFFER_PTS(buffer));
    const auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(GST_ELEMENT(element_)));
    if (!running || !clock) return std::nullopt;
    const int64_t here = GST_CLOCK_DIFF(gst_element_get_base_time(GST_ELEMENT(element_)),
                                        gst_clock_get_time(clock.get()));
    const int64_t age = (here - *running) / 1000;
    if (age < 0 || age > HopStats::most) return std::nullopt;
    return now - age;
}

/// A copy of the buffer with the stamps inserted; empty if they do not fit.
GstPtr<GstBuffer> HopStamps::write(GstBuffer *buffer, const View &view, const StampPlace &place,
                                   const HopSettings &settings) {
    const int64_t now = utc_now(settings.clock_offset);
    FrameStamps stamps;
    if (place.stamps) {
        stamps = *place.stamps;
    } else {
        stamps.source = settings.source_id ? settings.source_id : own_source_;
        stamps.frame = frame_;
    }
    ++frame_;
    for (const Hop hop : all_hops) {
        if (!(settings.hops >> (static_cast<guint>(hop) - 1) & 1)) continue;
        const auto time = hop == Hop::capture ? capture_time(buffer, now) : now;
        if (time) stamps.hops.push_back({hop, *time});
    }
    const std::vector<uint8_t> bytes = build_stamps(framing_, place, stamps);
    const size_t size = view.all.size() - (place.end - place.begin) + bytes.size();
    constexpr size_t around = flv::header_size + flv::trailer_size;
    if (bytes.empty() || (in_flv_ && size - around > flv::max_body_size)) return {};

    auto out = GstPtr<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, size, nullptr));
    GstMapInfo map;
    if (!out || !gst_buffer_map(out.get(), &map, GST_MAP_WRITE)) return {};
    const size_t begin = view.begin + place.begin, end = view.begin + place.end;
    std::memcpy(map.data, view.all.data(), begin);
    std::memcpy(map.data + begin, bytes.data(), bytes.size());
    std::memcpy(map.data + begin + bytes.size(), view.all.data() + end, view.all.size() - end);
    if (in_flv_) {
        const auto body = static_cast<uint32_t>(size - around);
        for (int i = 0; i < 3; ++i)
            map.data[1 + i] = static_cast<uint8_t>(body >> (8 * (2 - i)));
        flv::write_trailer(map.data + size - flv::trailer_size, body);
    }
    gst_buffer_unmap(out.get(), &map);
    gst_buffer_copy_into(out.get(), buffer,
                         GstBufferCopyFlags(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS |
                                            GST_BUFFER_COPY_META),
                         0, gsize(-1));
    return out;
}

void HopStamps::read(GstBuffer *buffer, const StampPlace &place, const HopSettings &settings) {
    const int64_t now = utc_now(settings.clock_offset);
    if (place.stamps) {
        hops_.add(*place.stamps, now);
        if (settings.messages) post(buffer, *place.stamps, now);
    } else if (place.damaged) {
        hops_.add_damaged();
    } else {
        hops_.add_unstamped();
    }
}

void HopStamps::post(GstBuffer *buffer, const FrameStamps &stamps, int64_t now) {
    const auto running = running_time(element_->segment, GST_BUFFER_PTS(buffer));
    GstStructure *s =
        gst_structure_new("penstock-latency-hops", "source-id", G_TYPE_UINT, stamps.source, "frame",
                          G_TYPE_UINT, stamps.frame, "running-time", G_TYPE_INT64,
                          gint64(running.value_or(-1)), "utc", G_TYPE_INT64, gint64(now), nullptr);
    for (const HopStamp &stamp : stamps.hops)
        gst_structure_set(s, name_of(stamp.hop), G_TYPE_INT64, gint64(stamp.utc), nullptr);
    gst_element_post_message(GST_ELEMENT(element_),
                             gst_message_new_element(GST_OBJECT(element_), s));
}

} // namespace penstock::latency

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "media.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <stdexcept>

namespace load {
namespace {

constexpr uint32_t frames_per_second = 30, frames_in_gop = 60;
constexpr double sound_rate = 44100, sound_samples = 1024;
constexpr size_t sound_body = 372; // 128 kbit/s
constexpr double keyframe_weight = 10;

// Written by x264 for 1280x720, Main profile, level 3.1.
constexpr std::string_view avc_configuration(
    "\x01\x4d\x40\x1f\xff\xe1\x00\x19\x67\x4d\x40\x1f\xec\xa0\x28\x02\xdd\x80\x88\x00\x00\x03\x00"
    "\x08\x00\x00\x03\x01\xe0\x78\xc1\x8c\xb0\x01\x00\x05\x68\xeb\xe3\xcb\x20",
    41);

constexpr char sei_head[] = {0x06, 0x05, 16 + 24}; // SEI, user data unregistered, its size
constexpr std::string_view sei_uuid("penstock-fanout\x01", 16);

/// Bytes that look like coded data: incompressible, and never a start code.
const std::string &coded_data() {
    static const std::string bytes = [] {
        std::string out(4 << 20, 0);
        std::minstd_rand random(1);
        for (char &byte : out)
            byte = char(0x80 | (random() >> 8 & 0x7f));
        return out;
    }();
    return bytes;
}

void put_hex(std::string &out, uint64_t value, int digits) {
    while (digits-- > 0)
        out.push_back("0123456789abcdef"[value >> (4 * digits) & 15]);
}

std::string video_body(bool key, uint32_t sequence, int64_t sent_ns, size_t size) {
    std::string out;
    out.reserve(size);
    out += key ? "\x17\x01" : "\x27\x01";
    put(out, 0, 3); // composition time
    constexpr size_t sei_size = sizeof sei_head + 16 + 24 + 1;
    put(out, sei_size, 4);
    out.append(sei_head, sizeof sei_head);
    out += sei_uuid;
    put_hex(out, uint64_t(sent_ns), 16);
    put_hex(out, sequence, 8);
    out.push_back(char(0x80)); // trailing bits
    const size_t slice = size - out.size() - 4;
    put(out, slice, 4);
    out.push_back(key ? 0x65 : 0x41);
    const std::string &data = coded_data();
    out.append(data, size_t(sequence) * 7919 % (data.size() - slice), slice - 1);
    return out;
}

template <typename Number>
bool parse_hex(const uint8_t *at, int digits, Number &out) {
    const char *begin = reinterpret_cast<const char *>(at);
    return std::from_chars(begin, begin + digits, out, 16).ptr == begin + digits;
}

} // namespace

std::optional<Stamp> read_stamp(const uint8_t *unit, size_t size) {
    if (size < stamp_size || std::memcmp(unit, sei_head, sizeof sei_head) ||
        std::memcmp(unit + sizeof sei_head, sei_uuid.data(), sei_uuid.size()))
        return std::nullopt;
    const uint8_t *digits = unit + sizeof sei_head + sei_uuid.size();
    Stamp stamp;
    if (!parse_hex(digits, 16, stamp.sent_ns) || !parse_hex(digits + 16, 8, stamp.sequence))
        return std::nullopt;
    return stamp;
}

std::optional<Stamp> find_stamp(const uint8_t *body, size_t size) {
    if (size < stamp_reach || body[1] != 1) return std::nullopt;
    return read_stamp(body + 5 + 4, size - 5 - 4);
}

void write_flv_header(Buffer &out) {
    out.append("FLV\x01\x05\0\0\0\x09\0\0\0\0", 13);
}

void write_flv_tag(Buffer &out, const Tag &tag) {
    put(out, uint8_t(tag.type), 1);
    put(out, tag.body.size(), 3);
    put(out, tag.ms & 0xffffff, 3);
    put(out, tag.ms >> 24, 1);
    put(out, 0, 3);
    out += tag.body;
    put(out, tag.body.size() + 11, 4);
}

Programme::Programme(double bits_per_second) {
    const double sound_bits = sound_rate / sound_samples * sound_body * 8;
    gop_bytes_ = (bits_per_second - sound_bits) / 8 * frames_in_gop / frames_per_second;
    std::minstd_rand random(7);
    std::uniform_real_distribution<double> size(0.5, 1.5);
    weights_.push_back(keyframe_weight);
    while (weights_.size() < frames_in_gop)
        weights_.push_back(size(random));
    for (const double weight : weights_)
        gop_weight_ += weight;
    if (gop_bytes_ * 0.5 / gop_weight_ < 2 * stamp_reach)
        throw std::invalid_argument("the bitrate is too low: 300 kbit/s is the least");
}

std::vector<Tag> Programme::beginning() const {
    std::string metadata;
    amf::string(metadata, "onMetaData");
    amf::begin_object(metadata);
    const auto field = [&](const char *name, double value) {
        amf::key(metadata, name);
        amf::number(metadata, value);
    };
    field("width", 1280);
    field("height", 720);
    field("framerate", frames_per_second);
    field("videocodecid", 7);
    field("audiocodecid", 10);
    field("audiosamplerate", sound_rate);
    amf::end_object(metadata);
    std::string video("\x17\0\0\0\0", 5);
    video += avc_configuration;
    return {{TagType::script, 0, false, std::move(metadata)},
            {TagType::video, 0, false, std::move(video)},
            {TagType::audio, 0, false, std::string("\xaf\0\x12\x10", 4)}};
}

bool Programme::video_is_next() const {
    return double(frame_) / frames_per_second <= sound_ * sound_samples / sound_rate;
}

std::chrono::nanoseconds Programme::next_due() const {
    const double seconds =
        std::min(double(frame_) / frames_per_second, sound_ * sound_samples / sound_rate);
    return std::chrono::nanoseconds(int64_t(seconds * 1e9));
}

size_t Programme::frame_size() {
    return size_t(gop_bytes_ * weights_[frame_ % frames_in_gop] / gop_weight_);
}

Tag Programme::next(int64_t sent_ns) {
    const auto ms = uint32_t(next_due().count() / 1'000'000);
    if (video_is_next()) {
        const bool key = frame_ % frames_in_gop == 0;
        std::string body = video_body(key, frame_, sent_ns, frame_size());
        ++frame_;
        return {TagType::video, ms, key, std::move(body)};
    }
    std::string body("\xaf\x01\x21", 3);
    body.append(coded_data(), size_t(sound_) * 383 % 100'000, sound_body - body.size());
    ++sound_;
    return {TagType::audio, ms, false, std::move(body)};
}

} // namespace load

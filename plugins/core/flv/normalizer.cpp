// SPDX-License-Identifier: LGPL-2.1-or-later
// Splits an FLV byte stream into tags and collects the headers for joining viewers.
#include "core/flv/normalizer.h"

#include "core/bytes/reader.h"

#include <algorithm>
#include <string>

namespace penstock::flv {
namespace {

// Limit of the file header's self-declared size, normally nine bytes.
constexpr uint32_t max_data_offset = 4096;
constexpr size_t max_more = 64;
constexpr size_t reserve_at_once = 256 << 10;

bool same_body(const Tag &a, const Tag &b) {
    const ByteView x = a.body().view(), y = b.body().view();
    return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

// Copies the tag, so that a small header does not keep a large input buffer in memory.
Tag own_copy(const Tag &tag) {
    Tag copy = tag;
    copy.bytes = Bytes::copy_of(tag.bytes.view());
    return copy;
}

// The codec id in the first byte of a legacy header, plus 1; 0 for an extended header, which must
// be parsed.
uint8_t plain_codec(const Tag &tag) {
    if (tag.bytes.size() <= header_size) return 0;
    const uint8_t first = tag.bytes[header_size];
    if (tag.type == TagType::video) return (first & 0x80) != 0 ? 0 : 1 + (first & 15);
    return first >> 4 == 9 ? 0 : 1 + (first >> 4);
}

} // namespace

std::vector<Tag> Normalizer::Headers::list() const {
    std::vector<Tag> tags;
    for (const auto *tag : {&metadata, &video_config, &audio_config})
        if (*tag) tags.push_back(**tag);
    tags.insert(tags.end(), more.begin(), more.end());
    return tags;
}

// Determines the size of the unit (tag or file header) that begins here; need_more if unknown.
Result Normalizer::measure(ByteView unit, size_t &size) const {
    if (unit.empty()) return Result::need_more();
    const char *what = started_ ? "not an FLV tag" : "not FLV";
    // 'F' has a reserved bit set, so a file header can't be confused with a tag.
    if (unit[0] == 'F') {
        constexpr uint8_t signature[] = {'F', 'L', 'V'};
        const size_t known = std::min<size_t>(unit.size(), 3);
        if (!std::equal(signature, signature + known, unit.begin())) return Result::error(what);
        if (unit.size() < 9) return Result::need_more();
        Reader r(unit.subspan(5));
        const uint32_t offset = r.u32();
        if (offset < 9 || offset > max_data_offset)
            return Result::error("FLV header of " + std::to_string(offset) + " bytes");
        size = offset + trailer_size;
        return Result::ok();
    }
    if ((unit[0] & 0xE0) == 0x20) return Result::error("encrypted FLV tag");
    const uint8_t type = unit[0];
    if (type != uint8_t(TagType::audio) && type != uint8_t(TagType::video) &&
        type != uint8_t(TagType::script))
        return Result::error(what + std::string(" (type byte ") + std::to_string(type) + ")");
    if (unit.size() < header_size) return Result::need_more();
    Reader r(unit.subspan(1));
    size = header_size + r.u24() + trailer_size;
    if (size > max_tag_size)
        return Result::error("FLV tag of " + std::to_string(size) + " bytes, more than " +
                             std::to_string(max_tag_size));
    return Result::ok();
}

void Normalizer::emit(Bytes unit, std::vector<Tag> &out) {
    started_ = true;
    if (unit[0] == 'F') return;
    Reader r(unit.view().subspan(4));
    Tag tag;
    tag.type = static_cast<TagType>(unit[0]);
    tag.timestamp = r.u24();
    tag.timestamp |= uint32_t(r.u8()) << 24;
    tag.bytes = std::move(unit);
    Reader trailer(tag.bytes.view().subspan(tag.bytes.size() - trailer_size));
    if (trailer.u32() != tag.bytes.size() - trailer_size) {
        // Some writers set PreviousTagSize to zero; it is corrected here.
        std::vector<uint8_t> mended(tag.bytes.begin(), tag.bytes.end());
        write_trailer(mended.data() + mended.size() - trailer_size,
                      static_cast<uint32_t>(mended.size() - header_size - trailer_size));
        tag.bytes = Bytes::adopt(std::move(mended));
    }
    take(std::move(tag), out);
}

void Normalizer::take(Tag &&tag, std::vector<Tag> &out) {
    const size_t before = out.size();
    mender_.take(std::move(tag), out);
    for (size_t i = before; i < out.size(); ++i)
        learn(out[i]);
}

Result Normalizer::push(Bytes input, std::vector<Tag> &out) {
    const size_t before = out.size();
    was_one_tag_ = false;
    const Result result = split(input, out);
    passed_whole_ = was_one_tag_ && out.size() == before + 1 &&
                    out.back().bytes.data() == input.data() &&
                    out.back().bytes.size() == input.size();
    return result;
}

Result Normalizer::split(const Bytes &input, std::vector<Tag> &out) {
    size_t position = 0;
    while (position < input.size()) {
        const size_t left = input.size() - position;
        size_t size = 0;
        if (partial_.empty()) {
            Result result = measure(input.view().subspan(position), size);
            if (result.is_error()) return result;
            if (result.is_ok() && size <= left) {
                was_one_tag_ = size == input.size() && input[0] != 'F';
                emit(input.sub(position, size), out);
                position += size;
                continue;
            }
            if (result.is_ok()) partial_.reserve(std::min(size, reserve_at_once));
            partial_.insert(partial_.end(), input.begin() + position, input.end());
            break;
        }
        Result result = measure(partial_, size);
        if (result.is_error()) {
            partial_.clear();
            return result;
        }
        // Takes only the missing bytes; one byte while the size is unknown.
        const size_t lacks = result.is_ok() ? size - partial_.size() : 1;
        // The size is only claimed by a header, so memory is not reserved for all of it.
        if (result.is_ok()) partial_.reserve(std::min(size, reserve_at_once));
        const size_t taken = std::min(lacks, left);
        partial_.insert(partial_.end(), input.begin() + position, input.begin() + position + taken);
        position += taken;
        if (result.is_ok() && taken == lacks) {
            Bytes unit = Bytes::adopt(std::move(partial_));
            partial_ = {};
            emit(std::move(unit), out);
        }
    }
    // Reports a wrong byte at once instead of with the next input.
    size_t size = 0;
    Result result = measure(partial_, size);
    if (!result.is_error()) return Result::ok();
    partial_.clear();
    return result;
}

void Normalizer::learn_config(const Tag &tag) {
    const auto header = parse_body(tag.type, tag.body());
    if (!header) return;
    const bool audio = tag.type == TagType::audio;
    if (header->track == 0 && header->packet == PacketType::config) {
        auto &slot = audio ? headers_.audio_config : headers_.video_config;
        if (slot && same_body(*slot, tag)) return;
        if (slot && header->payload_size == 0) {
            // An empty configuration says nothing new about the same codec.
            const auto known = parse_body(slot->type, slot->body());
            if (known && known->codec == header->codec) return;
        }
        slot = own_copy(tag);
        // The colours and layouts of another configuration's track follow it.
        std::erase_if(headers_.more, [&](const Tag &other) {
            const auto h = parse_body(other.type, other.body());
            return h && other.type == tag.type && h->track == 0 && h->codec != header->codec;
        });
        (audio ? audio_codec_ : video_codec_) = plain_codec(tag);
        ++headers_.version;
        return;
    }
    auto same_place = [&](const Tag &other) {
        const auto h = parse_body(other.type, other.body());
        return h && other.type == tag.type && h->track == header->track &&
               h->packet == header->packet;
    };
    auto known = std::find_if(headers_.more.begin(), headers_.more.end(), same_place);
    if (known == headers_.more.end()) {
        if (headers_.more.size() == max_more) return;
        headers_.more.push_back(own_copy(tag));
    } else {
        if (same_body(*known, tag)) return;
        *known = own_copy(tag);
    }
    ++headers_.version;
}

// Discards a configuration when frames of another codec arrive (for example MP3 after AAC).
void Normalizer::forget_stale_config(const Tag &tag) {
    const bool audio = tag.type == TagType::audio;
    uint8_t &codec = audio ? audio_codec_ : video_codec_;
    if (codec == no_config || (codec != 0 && codec == plain_codec(tag))) return;
    auto &slot = audio ? headers_.audio_config : headers_.video_config;
    const auto now = parse_body(tag.type, tag.body());
    const auto then = parse_body(slot->type, slot->body());
    if (!now || !then || now->track != 0 || now->codec == then->codec) return;
    slot.reset();
    codec = no_config;
    ++headers_.version;
}

void Normalizer::learn(const Tag &tag) {
    switch (tag.kind) {
    case TagKind::metadata:
        if (headers_.metadata && same_body(*headers_.metadata, tag)) return;
        headers_.metadata = own_copy(tag);
        ++headers_.version;
        return;
    case TagKind::config:
        learn_config(tag);
        return;
    case TagKind::keyframe:
    case TagKind::frame:
    case TagKind::audio:
        forget_stale_config(tag);
        return;
    case TagKind::other:
        return;
    }
}

void Normalizer::flush() {
    partial_.clear();
}

void Normalizer::reset() {
    headers_ = {};
    video_codec_ = audio_codec_ = no_config;
    partial_.clear();
    mender_.reset();
    started_ = false;
}

} // namespace penstock::flv

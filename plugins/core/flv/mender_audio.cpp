// SPDX-License-Identifier: LGPL-2.1-or-later
// Corrects AAC: replaces ADTS headers by a configuration.
#include "core/codec/bits.h"
#include "core/flv/mender.h"
#include "core/flv/mender_notes.h"

#include <algorithm>
#include <string_view>

namespace penstock::flv {
namespace {

constexpr uint32_t aac = fourcc("mp4a");

// No raw AAC frame starts like this: its first element would be the end of the frame.
bool looks_like_adts(ByteView bytes) {
    return bytes.size() >= codec::adts_header_size && bytes[0] == 0xFF && (bytes[1] & 0xF6) == 0xF0;
}

// Returns why a configuration is invalid, or nullptr. Unknown object types are accepted, because
// players may support them.
const char *fault_of(ByteView config) {
    if (config.size() < 2) return "truncated";
    codec::BitReader r(config);
    if (r.u(5) == 0) return "no object type";
    const uint32_t rate = r.u(4);
    return rate == 13 || rate == 14 ? "a reserved sample rate" : nullptr;
}

bool is_opus_comment(const Tag &tag, const BodyHeader &header) {
    constexpr std::string_view magic = "OpusTags";
    const ByteView payload = tag.body_view().subspan(header.payload, header.payload_size);
    return header.codec == fourcc("Opus") && payload.size() >= magic.size() &&
           std::equal(magic.begin(), magic.end(), payload.begin());
}

} // namespace

void Mender::take_audio(Tag &&tag, const BodyHeader &header, std::vector<Tag> &out) {
    if (header.codec != aac) {
        audio_ = {};
        // Opus' comment header may come in a SequenceStart of its own; it is no configuration.
        if (header.packet == PacketType::config && is_opus_comment(tag, header)) return;
        out.push_back(std::move(tag));
        return;
    }
    if (header.packet == PacketType::config) return take_aac_config(std::move(tag), header, out);
    const ByteView payload = tag.body_view().subspan(header.payload, header.payload_size);
    if (looks_like_adts(payload)) return take_adts(tag, header, out);
    if (!audio_.configured) note(no_aac_config, "AAC without a configuration");
    out.push_back(std::move(tag));
}

void Mender::take_aac_config(Tag &&tag, const BodyHeader &header, std::vector<Tag> &out) {
    const ByteView payload = tag.body_view().subspan(header.payload, header.payload_size);
    if (looks_like_adts(payload)) {
        codec::AdtsHeader adts;
        if (codec::parse_adts(payload, adts).is_ok()) emit_aac_config(tag, adts.config, out);
        return;
    }
    if (const char *fault = fault_of(payload)) {
        note(aac_config_broken, std::string("AAC configuration left out: ") + fault);
        return;
    }
    audio_.configured = true;
    audio_.config = {};
    (void)codec::parse_aac_config(payload, audio_.config);
    out.push_back(std::move(tag));
}

void Mender::emit_aac_config(const Tag &tag, const codec::AacConfig &config,
                             std::vector<Tag> &out) {
    // In that case the frames contain the layout.
    if (config.channel_config == 0) {
        note(adts_broken, "AAC in ADTS without a channel layout: left out");
        return;
    }
    note(adts_config, "AAC configuration made of ADTS headers");
    const auto record =
        codec::build_aac_config(config.object_type, config.rate, config.channel_config);
    out.push_back(make_config_tag(tag, aac, record));
    audio_.configured = true;
    audio_.config = config;
}

void Mender::take_adts(const Tag &tag, const BodyHeader &header, std::vector<Tag> &out) {
    const ByteView body = tag.body_view();
    ByteView rest = body.subspan(header.payload, header.payload_size);
    note(adts_headers, "AAC with ADTS headers: taken off");
    for (uint64_t samples = 0; looks_like_adts(rest);) {
        codec::AdtsHeader adts;
        if (!codec::parse_adts(rest, adts).is_ok() || adts.frame_size > rest.size())
            return note(adts_broken, "AAC in broken ADTS frames: left out");
        const ByteView frame = rest.subspan(adts.header_size, adts.frame_size - adts.header_size);
        if (looks_like_adts(frame))
            return note(adts_broken, "ADTS frames inside ADTS frames: left out");
        // The publisher's own configuration is kept if it extends the ADTS header, for example by
        // SBR.
        const codec::AacConfig &known = audio_.config;
        if (!audio_.configured || known.rate != adts.config.rate ||
            (adts.config.channel_config != 0 && known.channel_config != adts.config.channel_config))
            emit_aac_config(tag, adts.config, out);
        if (!audio_.configured) return;
        std::vector<uint8_t> framed(header_size);
        framed.reserve(header_size + header.payload + frame.size() + trailer_size);
        framed.insert(framed.end(), body.begin(), body.begin() + ptrdiff_t(header.payload));
        framed.insert(framed.end(), frame.begin(), frame.end());
        framed.resize(framed.size() + trailer_size);
        const auto time = static_cast<uint32_t>(samples * 1000 / adts.config.rate);
        if (!frame.empty())
            out.push_back(frame_tag(tag.type, tag.timestamp + time, std::move(framed)));
        samples += uint64_t(1024) * adts.raw_blocks;
        rest = rest.subspan(adts.frame_size);
    }
}

} // namespace penstock::flv

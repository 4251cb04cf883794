// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as an FLV stream. The first byte determines how it is cut. Laws: the resulting tags do
// not depend on the cuts; every tag is framed correctly and classified by its body; frames consist
// of complete NAL units with lengths as configured, and AAC has no ADTS header.
#include "core/codec/aac.h"
#include "core/codec/nal_config.h"
#include "core/flv/enhanced.h"
#include "core/flv/normalizer.h"

#include "fuzz/law.h"

#include <algorithm>

using namespace penstock;

namespace {

std::vector<flv::Tag> read(const Bytes &stream, size_t piece, bool &broken) {
    flv::Normalizer normalizer;
    normalizer.max_tag_size = 1 << 16;
    std::vector<flv::Tag> tags;
    broken = false;
    for (size_t at = 0; at < stream.size() && !broken; at += piece) {
        const Result result = normalizer.push(stream.sub(at, piece), tags);
        broken = result.is_error();
        fuzz::law(!broken || !result.reason().empty(), "an error has a reason");
    }
    fuzz::law(normalizer.headers().more.size() <= 64, "headers are bounded");
    for (const flv::Tag &tag : normalizer.headers().list())
        fuzz::law(tag.kind == flv::TagKind::config || tag.kind == flv::TagKind::metadata,
                  "headers are configuration");
    return tags;
}

bool same(const flv::Tag &a, const flv::Tag &b) {
    return a.type == b.type && a.kind == b.kind && a.timestamp == b.timestamp &&
           std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
}

/// Collects the normalizer's output, one tag after the other.
class Mended {
public:
    void check(const flv::Tag &tag) {
        const auto header = flv::parse_body(tag.type, tag.body_view());
        if (!header || header->multitrack) return;
        // Data that is neither keeps the codec, as does an empty packet of a codec that needs a
        // configuration.
        if (tag.kind == flv::TagKind::other) return;
        if (header->packet != flv::PacketType::config && header->packet != flv::PacketType::frame)
            return;
        const ByteView payload = tag.body_view().subspan(header->payload, header->payload_size);
        if (tag.type == flv::TagType::video &&
            std::exchange(codec_, header->codec) != header->codec)
            length_size_ = 4;
        const bool video = tag.type == flv::TagType::video;
        if (video && header->codec == flv::fourcc("avc1"))
            check_nals(codec::NalCodec::avc, *header, payload);
        if (video && header->codec == flv::fourcc("hvc1"))
            check_nals(codec::NalCodec::hevc, *header, payload);
        if (!video && header->codec == flv::fourcc("mp4a") &&
            payload.size() >= codec::adts_header_size)
            fuzz::law(payload[0] != 0xFF || (payload[1] & 0xF6) != 0xF0 ||
                          header->packet != flv::PacketType::frame,
                      "no ADTS header is left");
    }

private:
    void check_nals(codec::NalCodec codec, const flv::BodyHeader &header, ByteView payload) {
        if (header.packet == flv::PacketType::config) {
            codec::NalConfig config;
            fuzz::law(codec::parse_nal_config(codec, payload, config).is_ok(),
                      "configuration can be read");
            length_size_ = config.length_size;
        }
        if (header.packet != flv::PacketType::frame) return;
        const codec::NalScan scan = codec::scan_nals(codec, payload, length_size_);
        fuzz::law(scan.whole == payload.size() && !scan.empty && scan.slices,
                  "a frame consists of whole NAL units");
    }
    uint32_t codec_ = 0;
    unsigned length_size_ = 4;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const Bytes stream = Bytes::copy_of(ByteView(data + 1, size - 1));
    bool broken_whole = false, broken_cut = false;
    const auto whole = read(stream, stream.size() + 1, broken_whole);
    const auto cut = read(stream, size_t(data[0]) + 1, broken_cut);
    fuzz::law(broken_whole == broken_cut, "a cut makes no error");
    fuzz::law(std::equal(whole.begin(), whole.end(), cut.begin(), cut.end(), same),
              "a cut changes no tag");
    Mended mended;
    for (const flv::Tag &tag : whole) {
        mended.check(tag);
        fuzz::law(same(tag, flv::make_tag(tag.type, tag.timestamp, tag.body())) || tag.bytes[8] ||
                      tag.bytes[9] || tag.bytes[10],
                  "a tag can be made again from its body");
        const auto header = flv::parse_body(tag.type, tag.body());
        if (!header) continue;
        fuzz::law(header->payload + header->payload_size <= tag.body().size(),
                  "the payload lies in the body");
        flv::Tag simple = tag;
        fuzz::law(!flv::simplify(simple, *header), "a tag has its simplest form");
        const flv::Tag plain = flv::without_mod_ex(tag);
        if (!header->mod_ex) continue;
        const auto left = flv::parse_body(plain.type, plain.body_view());
        fuzz::law(left && !left->mod_ex && left->codec == header->codec &&
                      left->track == header->track && left->payload_size == header->payload_size,
                  "only the prefixes are taken off");
    }
    return 0;
}

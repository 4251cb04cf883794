// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as an FLV stream. The first byte says how it is cut. Laws: however it is cut, the same
// tags come out; every tag is framed right and means what its body says.
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
    for (const flv::Tag &tag : whole) {
        fuzz::law(same(tag, flv::make_tag(tag.type, tag.timestamp, tag.body())) || tag.bytes[8] ||
                      tag.bytes[9] || tag.bytes[10],
                  "a tag can be made again from its body");
        const auto header = flv::parse_body(tag.type, tag.body());
        if (header)
            fuzz::law(header->payload + header->payload_size <= tag.body().size(),
                      "the payload lies in the body");
    }
    return 0;
}

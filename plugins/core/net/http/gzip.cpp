// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/gzip.h"

#include <zlib.h>

namespace penstock::net {

Bytes gzip(ByteView bytes) {
    z_stream stream{};
    constexpr int window_bits = 15, with_gzip = 16, memory = 8;
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_bits + with_gzip, memory,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return {};
    std::vector<uint8_t> out(deflateBound(&stream, static_cast<uLong>(bytes.size())));
    stream.next_in = const_cast<uint8_t *>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (result != Z_STREAM_END) return {};
    return Bytes::adopt(std::move(out));
}

} // namespace penstock::net

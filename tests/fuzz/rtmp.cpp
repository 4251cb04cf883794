// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a client of an RTMP server session. Laws: cutting the input changes neither events
// nor the result; tags are framed as FLV; a packet made of a tag contains every byte.
#include "core/rtmp/packet.h"
#include "core/rtmp/server_session.h"

#include "fuzz/law.h"
#include "fuzz/rtmp_cuts.h"

#include <algorithm>
#include <string>
#include <vector>

using namespace penstock;

namespace {

class Peer : public rtmp::ServerSession::Handler {
public:
    explicit Peer(uint8_t choice) : choice_(choice), session_(*this, fuzz::small_limits()) {}

    void on_request(const rtmp::StreamRequest &request) override {
        events += request.publish ? 'P' : 'V';
        events += request.path + '?' + request.query;
        // The answer comes late, or never.
        if (choice_ % 4 == 0)
            session_.refuse(rtmp::Refusal(choice_ / 4 % 4), "no");
        else if (choice_ % 4 != 1)
            session_.accept();
    }
    void on_tag(flv::Tag &&tag) override {
        events += 'T' + std::to_string(tag.timestamp) + ':';
        fuzz::law(tag.bytes.size() > flv::header_size + flv::trailer_size, "a tag has a body");
        events.append(tag.bytes.begin(), tag.bytes.end());
        for (const uint32_t chunk_size : {1u + choice_, rtmp::ServerSession::out_chunk_size}) {
            const auto packet = rtmp::make_packet(tag, tag.timestamp, chunk_size);
            size_t size = 0;
            for (const ByteView piece : packet->pieces)
                size += piece.size();
            fuzz::law(size == packet->size, "a packet's size is that of its pieces");
        }
    }
    void on_stop() override { events += 'S'; }
    void on_warning(const std::string &text) override { events += 'W' + text; }

    void feed(ByteView input) {
        if (!error.empty()) return;
        error = session_.feed(input).reason();
        session_.take_output();
    }
    void finish() {
        session_.accept();
        session_.notify_unpublished();
        session_.notify_kicked(rtmp::Refusal::failed, "end");
        feed({});
    }

    std::string events, error;

private:
    const uint8_t choice_;
    rtmp::ServerSession session_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const ByteView input(data, size);
    // The last byte decides what the server does and how the input is cut.
    const uint8_t choice = size ? data[size - 1] : 0;
    Peer whole(choice), parts(choice);
    fuzz::check_cuts(input, choice, whole, parts);
    return 0;
}

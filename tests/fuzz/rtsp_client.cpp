// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as what a server of RTSP sends to a client that plays: answers, descriptions, packets.
// Laws: what is read is bounded, every end has a reason, times of tags never go back.
#include "core/rtsp/client/session.h"

#include "fuzz/law.h"

#include <algorithm>
#include <array>
#include <optional>

using namespace penstock;
using namespace penstock::rtsp;

namespace {

constexpr size_t max_tracks = 2;

class Client final : private ClientSession::Handler, private ClientMedia::Handler {
public:
    explicit Client(uint8_t way) {
        ClientSessionOptions options;
        options.url = *parse_url("rtsp://user:word@camera/live");
        options.protocols = {Lower::tcp, Lower::udp, Lower::multicast};
        options.first_protocol = way % 3;
        options.hashes = {[](std::string_view) { return std::string("0"); },
                          [](std::string_view) { return std::string("1"); }};
        options.random = [](std::span<uint8_t> bytes) { std::ranges::fill(bytes, 1); };
        session_.emplace(std::move(options), static_cast<ClientSession::Handler &>(*this));
        session_->start(0);
    }
    bool feed(ByteView bytes) {
        now_ += 10'000'000;
        const Result result = session_->feed(bytes, now_ / 1'000'000);
        fuzz::law(!result.is_error() || !result.reason().empty(), "an end has a reason");
        if (media_) media_->check(now_);
        session_->check(now_ / 1'000'000);
        fuzz::law(session_->take_output().size() < 1 << 20, "what is sent is bounded");
        return !result.is_error();
    }

private:
    void on_tracks(const std::vector<ClientTrack> &tracks) override {
        fuzz::law(!tracks.empty() && tracks.size() <= max_tracks && !media_, "tracks, once");
        media_.emplace(tracks, ClientMedia::Options(), static_cast<ClientMedia::Handler &>(*this));
    }
    std::optional<PortPair> open_ports(size_t) override { return PortPair{5000, 5001}; }
    void on_server_ports(size_t, const std::string &, PortPair) override {}
    bool join(size_t, const sdp::MulticastGroup &group) override {
        fuzz::law(!group.address.empty() && group.port != 0, "a group");
        return true;
    }
    void on_playing() override {}
    void on_packet(size_t track, bool is_rtcp, ByteView packet) override {
        fuzz::law(media_ && track < max_tracks, "packets of tracks");
        is_rtcp ? media_->on_rtcp(track, packet, now_) : media_->on_rtp(track, packet, now_);
    }
    void on_oddity(const std::string &text) override { fuzz::law(text.size() < 1000, "short"); }
    void on_tag(flv::Tag &&tag, std::optional<int64_t>) override {
        uint32_t &last = last_[tag.type == flv::TagType::video];
        fuzz::law(tag.timestamp >= last, "times never go back");
        last = tag.timestamp;
    }
    void on_frame(size_t, const TrackCodec &codec, ElementaryFrame &&frame) override {
        fuzz::law(!rtc::is_in_flv(codec.codec) && frame.time >= 0, "what FLV does not have");
    }
    void on_report(size_t track, ByteView compound) override {
        session_->send_report(track, compound);
    }

    std::optional<ClientSession> session_;
    std::optional<ClientMedia> media_;
    int64_t now_ = 0;
    std::array<uint32_t, 2> last_{};
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    Client client(data[0]);
    const size_t step = data[1] == 0 ? size : size_t(data[1]) * 16;
    for (ByteView rest(data + 2, size - 2); !rest.empty();) {
        const ByteView part = rest.first(std::min(step, rest.size()));
        if (!client.feed(part)) break;
        rest = rest.subspan(part.size());
    }
    return 0;
}

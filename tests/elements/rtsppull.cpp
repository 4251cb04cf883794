// SPDX-License-Identifier: LGPL-2.1-or-later
// rtsppullsrc in a harness, with a camera of a few lines in the test. tests/rtsp has odd ones.
#include "core/rtsp/message.h"
#include "rtmp_rig.hpp"

#include <atomic>
#include <map>
#include <thread>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace rtmp_rig;

namespace {

using Packet = std::vector<uint8_t>;

/// Answers one client after another, each request with the text of its method, and sends all
/// packets in answer to PLAY.
class Camera {
public:
    explicit Camera(std::string sdp) : sdp_(std::move(sdp)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fail_unless(::bind(listener_, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
        socklen_t size = sizeof address;
        ::getsockname(listener_, reinterpret_cast<sockaddr *>(&address), &size);
        ::listen(listener_, 8);
        port = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~Camera() {
        ends_ = true;
        thread_.join();
        ::close(listener_);
    }
    /// A packet of the track that the next client gets. Before it is there.
    void add(uint8_t channel, uint8_t payload_type, uint32_t timestamp, const Packet &payload,
             bool marker = true) {
        auto &data = packets_;
        const auto size = static_cast<uint16_t>(12 + payload.size());
        const auto sequence = static_cast<uint8_t>(++sequences_[channel]);
        for (const uint8_t byte : rtsp::frame_head(channel, size))
            data.push_back(byte);
        const Packet head = {0x80,
                             static_cast<uint8_t>((marker ? 0x80 : 0) | payload_type),
                             0,
                             sequence,
                             static_cast<uint8_t>(timestamp >> 24),
                             static_cast<uint8_t>(timestamp >> 16),
                             static_cast<uint8_t>(timestamp >> 8),
                             static_cast<uint8_t>(timestamp),
                             0,
                             0,
                             0,
                             channel};
        data.insert(data.end(), head.begin(), head.end());
        data.insert(data.end(), payload.begin(), payload.end());
    }
    std::string url() const { return "rtsp://u:p@127.0.0.1:" + std::to_string(port) + "/live"; }

    uint16_t port = 0;
    std::atomic<bool> closes{false}; ///< the connection, after the packets
    std::atomic<unsigned> clients{0};

private:
    bool wait(int socket) {
        pollfd one{socket, POLLIN, 0};
        while (!ends_)
            if (::poll(&one, 1, 20) > 0) return true;
        return false;
    }
    void serve() {
        while (wait(listener_)) {
            const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            ++clients;
            std::string text;
            char buffer[4096];
            while (wait(client)) {
                const ssize_t size = ::recv(client, buffer, sizeof buffer, 0);
                if (size <= 0) break;
                text.append(buffer, static_cast<size_t>(size));
                for (size_t end; (end = text.find("\r\n\r\n")) != text.npos; text.erase(0, end + 4))
                    answer(client, text.substr(0, end));
                if (closes && played_) break;
            }
            played_ = false;
            ::close(client);
        }
    }
    void answer(int client, const std::string &request) {
        const size_t at = request.find("CSeq: ");
        const std::string cseq =
            at == request.npos ? "" : request.substr(at, request.find("\r\n", at) - at);
        std::string out = "RTSP/1.0 200 OK\r\n" + cseq + "\r\nSession: 1\r\n";
        const bool describes = request.starts_with("DESCRIBE");
        if (describes) out += "Content-Length: " + std::to_string(sdp_.size()) + "\r\n";
        out += "\r\n";
        if (describes) out += sdp_;
        if (request.starts_with("PLAY")) {
            out.append(packets_.begin(), packets_.end());
            played_ = true;
        }
        (void)::send(client, out.data(), out.size(), MSG_NOSIGNAL);
    }

    const std::string sdp_;
    int listener_ = -1;
    std::vector<uint8_t> packets_;
    std::map<uint8_t, unsigned> sequences_; ///< by channel
    std::atomic<bool> ends_{false};
    bool played_ = false;
    std::thread thread_;
};

const std::string description =
    "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:1\r\n"
    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000\r\n"
    "a=fmtp:97 config=1190;sizelength=13;indexlength=3;indexdeltalength=3\r\n"
    "a=control:2\r\n";

/// A GOP of two frames, and two frames of AAC in one packet.
void fill(Camera &camera) {
    camera.add(0, 96, 900, samples::from_hex("6742c00cd905067e8440000003004000000c83c50a92"),
               false);
    camera.add(0, 96, 900, samples::from_hex("68cb83cb20"), false);
    camera.add(0, 96, 900, samples::from_hex("6588840010"));
    camera.add(2, 97, 5, samples::from_hex("00200018001821210021210011"));
    camera.add(0, 96, 4500, samples::from_hex("419a0010"));
}

class Pull {
public:
    explicit Pull(const std::string &location) {
        const auto element = make_element("rtsppullsrc");
        g_object_set(element.get(), "location", location.c_str(), "reconnect-delay",
                     guint64(20 * GST_MSECOND), "reconnect-max-delay", guint64(40 * GST_MSECOND),
                     nullptr);
        h = gst_harness_new_with_element(element.get(), nullptr, "src");
        gst_harness_use_systemclock(h);
        gst_harness_play(h);
    }
    ~Pull() { gst_harness_teardown(h); }
    GstPtr<GstBuffer> pull_frame() {
        GstPtr<GstBuffer> buffer;
        do
            buffer = GstPtr<GstBuffer>::adopt(gst_harness_pull(h));
        while (buffer && GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_HEADER));
        fail_unless(buffer, "nothing came");
        return buffer;
    }
    GstHarness *h;
};

bool is_delta(const GstPtr<GstBuffer> &buffer) {
    return GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
}

} // namespace

GST_START_TEST(test_contract) {
    Camera camera(description);
    fill(camera);
    Pull pull(camera.url());
    const auto key = pull.pull_frame(), first = pull.pull_frame(), second = pull.pull_frame(),
               delta = pull.pull_frame();
    fail_if(is_delta(key));
    fail_unless(GST_BUFFER_FLAG_IS_SET(key.get(), GST_BUFFER_FLAG_DISCONT));
    fail_unless(is_delta(first) && is_delta(second) && is_delta(delta));
    // 1024 samples of 48 kHz, in FLV's milliseconds.
    const GstClockTime apart = GST_BUFFER_PTS(second.get()) - GST_BUFFER_PTS(first.get());
    fail_unless(apart >= 21 * GST_MSECOND && apart <= 22 * GST_MSECOND);
    fail_unless_equals_uint64(GST_BUFFER_PTS(delta.get()) - GST_BUFFER_PTS(key.get()),
                              40 * GST_MSECOND);
    fail_unless_equals_int(stat(pull.h->element, "peers"), 1);
    fail_unless_equals_uint64(stat(pull.h->element, "connections"), 1);
    GstPtr<GstCaps> caps =
        GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(GST_PAD_PEER(pull.h->sinkpad)));
    GOwned<> text(gst_caps_to_string(caps.get()));
    fail_unless(strstr(text.get(), "1190"), "no AudioSpecificConfig in %s", text.get());
}
GST_END_TEST

GST_START_TEST(test_reconnects) {
    Camera camera(description);
    fill(camera);
    camera.closes = true;
    Pull pull(camera.url());
    GstClockTime last = 0;
    unsigned discontinuities = 0;
    for (int i = 0; i < 12; ++i) {
        const auto buffer = pull.pull_frame();
        discontinuities += GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
        if (!is_delta(buffer)) {
            fail_unless(GST_BUFFER_PTS(buffer.get()) >= last);
            last = GST_BUFFER_PTS(buffer.get());
        }
    }
    fail_unless_equals_int(discontinuities, 3);
    fail_unless(camera.clients >= 3);
}
GST_END_TEST

GST_START_TEST(test_nobody_there) {
    Pull pull("rtsp://127.0.0.1:1/x");
    fail_unless_equals_int(stat(pull.h->element, "peers"), 0);
}
GST_END_TEST

GST_START_TEST(test_bad_settings) {
    for (const auto &[name, value] : {std::pair("location", "rtmp://127.0.0.1/x"),
                                      std::pair("protocols", "tcp+smoke signals")}) {
        const auto element = make_element("rtsppullsrc");
        Bus bus(element.get());
        g_object_set(element.get(), "location", "rtsp://127.0.0.1:1/x", name, value, nullptr);
        fail_unless_equals_int(gst_element_set_state(element.get(), GST_STATE_PAUSED),
                               GST_STATE_CHANGE_FAILURE);
        fail_unless(bus.wait(GST_MESSAGE_ERROR));
        gst_element_set_state(element.get(), GST_STATE_NULL);
    }
}
GST_END_TEST

// A password is never shown.
GST_START_TEST(test_key_is_hidden) {
    const auto element = make_element("rtsppullsrc");
    g_object_set(element.get(), "key", "secret", nullptr);
    fail_unless_equals_string(string_property(element.get(), "key"), "(set)");
}
GST_END_TEST

static Suite *rtsppull_suite() {
    Suite *s = suite_create("rtsppull");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_contract);
    tcase_add_test(tc, test_reconnects);
    tcase_add_test(tc, test_nobody_there);
    tcase_add_test(tc, test_bad_settings);
    tcase_add_test(tc, test_key_is_hidden);
    return s;
}
GST_CHECK_MAIN(rtsppull)

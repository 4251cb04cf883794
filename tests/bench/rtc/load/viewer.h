// SPDX-License-Identifier: LGPL-2.1-or-later
// A viewer: its request, connection and observations.
#pragma once

#include "frames.h"

#include "../../fanout/load/histogram.h"

#include "rtc/http.hpp"
#include "rtc/reception.hpp"
#include "rtc/udp.hpp"

#include <memory>
#include <optional>
#include <string>

namespace load {

/// Measurements of all viewers.
struct Tally {
    Histogram latency; ///< of frames that were sent within the window
    /// Since the request was begun: until its answer, until DTLS is done, until a keyframe is
    /// whole.
    Histogram answered, connected, first_keyframe;
    uint64_t packets = 0, bytes = 0; ///< of RTP within the window, as they came from the socket
    uint64_t frames = 0;             ///< that are whole, within the window
};

/// Latency is measured in frames sent from `begin_ns` to `end_ns`.
struct Window {
    int64_t begin_ns = INT64_MAX, end_ns = INT64_MAX;
    bool is_open = false;
};

class Viewer final : public rtc_test::RtcClient::Handler {
public:
    struct Settings {
        rtc_test::HttpUrl url;
        rtc_test::RtcClient::Settings rtc;
        bool asks = false; ///< for what is missing (NACK)
    };
    enum class State : uint8_t { asking, connecting, waiting, playing, failed };

    /// Does nothing before start(). `is_sample`: it decrypts everything, and not only until its
    /// first keyframe is whole.
    Viewer(const Settings &settings, bool is_sample, Tally &tally, const Window &window)
        : settings_(settings), tally_(tally), window_(window), is_sample_(is_sample) {}

    void start(rtc_test::Loop &loop, std::shared_ptr<penstock::dtls::Context> context);
    /// A receiver report; to be sent each second once it is connected.
    void send_reports();
    /// Asks for what is missing and due; false: nothing is missing.
    bool send_nack();
    /// Ends its session at the server (DELETE).
    void leave(rtc_test::Loop &loop);
    bool is_leaving() const { return request_ != nullptr; }

    State state() const { return state_; }
    bool is_connected() const { return client_ && client_->rtc().is_connected(); }
    bool has_missing() const { return settings_.asks && video_.has_missing(); }
    bool has_keyframe() const { return has_keyframe_; }
    bool has_connected() const { return has_connected_; }
    /// Why it failed.
    const std::string &error() const { return error_; }
    const rtc_test::Reception &video() const { return video_; }
    const rtc_test::Reception &audio() const { return audio_; }
    const FrameReader &frames() const { return frames_; }
    uint64_t refused() const { return client_ ? client_->rtc().refused() : 0; }
    uint64_t dropped() const { return client_ ? client_->socket().dropped() : 0; }
    std::optional<penstock::srtp::Profile> profile() const {
        return client_ ? client_->rtc().profile() : std::nullopt;
    }
    /// Numbers of the publisher's frames that did not come whole, between the first and the last.
    uint64_t missing_frames() const { return missing_frames_; }

private:
    void on_connected() override;
    void on_rtp(penstock::ByteView bytes) override;
    void on_rtcp(penstock::ByteView bytes) override;
    void on_ended(const std::string &reason) override { fail(reason); }

    void take_answer(const rtc_test::HttpExchange &exchange);
    void take_video(const penstock::rtp::Packet &packet, int64_t now);
    void take_rtx(const penstock::rtp::Packet &packet, int64_t now);
    void take_frame(const FrameReader::Frame &frame, int64_t now);
    void fail(std::string why);

    const Settings &settings_;
    Tally &tally_;
    const Window &window_;
    std::unique_ptr<rtc_test::HttpExchange> request_;
    std::unique_ptr<rtc_test::UdpClient> client_;
    rtc_test::Reception video_{90'000}, audio_{48'000};
    FrameReader frames_;
    std::string error_, location_;
    int64_t began_ns_ = 0;
    uint64_t missing_frames_ = 0;
    std::optional<uint32_t> last_frame_;
    State state_ = State::asking;
    bool is_sample_, decrypts_ = true, has_keyframe_ = false, has_connected_ = false;
};

} // namespace load

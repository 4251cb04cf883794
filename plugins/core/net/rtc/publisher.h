// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher by WHIP: its key, its admission, the hand-over to a receiver, and its media.
#pragma once

#include "core/net/rtc/session.h"
#include "core/net/stream/publish_slot.h"
#include "core/rtc/ingest.h"

#include <memory>
#include <optional>
#include <string>

namespace penstock::net {

class RtcPublisher final : public RtcSession, public Publisher, public rtc::Ingest::Handler {
public:
    RtcPublisher(std::shared_ptr<RtcState> state, size_t loop, PeerInfo peer, Seats seats);

    void check(uint64_t now_ms) override;
    void close(const std::string &reason) override { RtcSession::close(reason); }

private:
    // RtcSession
    void admit() override;
    void on_connected() override;
    void on_rtp(std::span<uint8_t> packet, uint64_t now) override;
    void on_rtcp(std::span<const uint8_t> compound, uint64_t now) override;
    void on_closed(const std::string &reason) override;
    bool tick_media(uint64_t now) override;
    bool sends_media() const override { return true; }

    // Publisher
    const std::string &name() const override { return name_; }
    bool has_key(std::string_view key) const override;
    bool is_backup() const override { return is_backup_; }
    void accept_publish() override;
    void ask_receiver() override;
    void refuse_publish(const std::string &reason) override;
    void give_way(const std::string &reason) override;
    void resume() override;
    bool want_keyframe() override;

    // rtc::Ingest::Handler
    void on_tag(flv::Tag &&tag) override;
    void on_rtcp(std::span<const uint8_t> compound) override { send_rtcp(compound); }

    bool may_publish(const std::string &path, std::shared_ptr<const LeaseOptions> &lease);
    void publish_as(const std::string &path);
    void admit_publish(const std::string &path, const std::shared_ptr<const LeaseOptions> &lease);
    void refuse_name();
    void begin_media();

    const std::string name_;
    const std::string key_;
    const bool is_backup_;
    std::shared_ptr<RtcMount> mount_;
    std::unique_ptr<rtc::Ingest> ingest_;
    bool publishes_ = false;
    /// The receiver was full: video is dropped up to a keyframe, since it can't be made to wait.
    bool is_full_ = false, lacks_keyframe_ = false;
    uint64_t heard_ms_ = 0;    ///< when media last came
    uint64_t keyframe_at_ = 0; ///< ns; when one last came or was asked for
};

} // namespace penstock::net

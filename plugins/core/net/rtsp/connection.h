// SPDX-License-Identifier: LGPL-2.1-or-later
// One RTSP peer on its loop: moves bytes between the socket, the session and the mount. What it
// does as a player is in play_side.cpp, as a publisher in publish_side.cpp, within HTTP in
// tunnel_side.cpp.
#pragma once

#include "core/net/loop/log.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/rtsp/mount.h"
#include "core/net/rtsp/multicast.h"
#include "core/net/rtsp/publication.h"
#include "core/net/rtsp/udp_outlet.h"
#include "core/net/rtsp/udp_ports.h"
#include "core/net/stream/admission.h"
#include "core/net/stream/path_rules.h"
#include "core/net/stream/roster.h"
#include "core/net/stream/silent_room.h"
#include "core/net/stream/viewer.h"
#include "core/net/stream/waiting_room.h"
#include "core/net/tls/peer_stream.h"
#include "core/rtsp/server_authentication.h"
#include "core/rtsp/server_session.h"
#include "core/rtsp/tunnel.h"

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::net {

class RtspState;

/// Everything runs on the connection's loop but for the methods marked "any thread".
class RtspConnection final : public std::enable_shared_from_this<RtspConnection>,
                             public Viewer,
                             public RosterMember,
                             public Publisher,
                             public UdpPlayer,
                             private Polled,
                             private Publication::Owner,
                             private rtsp::ServerSession::Handler {
public:
    RtspConnection(tcp::socket &&socket, size_t loop, std::shared_ptr<RtspState> state);
    ~RtspConnection() override;

    /// Places that it occupies: as long as it is open, and until it publishes or plays.
    void hold(std::unique_ptr<WaitingRoom::Seat> place, std::unique_ptr<SilentRoom::Seat> silent) {
        place_ = std::move(place);
        silent_ = std::move(silent);
    }
    /// Closes it if it still has not published or played: its place is another's. Any thread.
    void make_room();
    void start();
    /// "rtsp-publish-3 127.0.0.1:53412"; fixed once the peer has said what it wants.
    const std::string &name() const override { return name_; }
    size_t loop() const override { return loop_; }
    // As a Publisher; any thread. The key does not change while it waits to be claimed.
    bool has_key(std::string_view key) const override;
    void accept_publish() override;
    void ask_receiver() override;
    void refuse_publish(const std::string &reason) override;
    void resume() override;
    bool is_backup() const override { return is_backup_; }
    void give_way(const std::string &reason) override;
    size_t udp_loop() const override { return loop_; }

    void close(const std::string &reason) override; ///< any thread; not the peer's fault
    void check(uint64_t now_ms) override;
    void close_now(LogLevel level, const std::string &reason) override;

private:
    enum class Role { none, player, publish_pending, publisher };
    enum class Lower { none, interleaved, udp, multicast };

    // rtsp::ServerSession::Handler
    void on_describe(const rtsp::Request &request, const rtsp::Target &target) override;
    void on_announce(const rtsp::Request &request, const rtsp::Target &target) override;
    void on_setup(const rtsp::Request &request, const rtsp::Target &target, size_t track,
                  const std::vector<rtsp::Transport> &transports) override;
    void on_play(const rtsp::Request &request) override;
    void on_pause() override;
    void on_record(const rtsp::Request &request) override;
    void on_teardown() override;
    void on_keepalive() override;
    bool on_interleaved(uint8_t channel, ByteView payload) override;
    void on_http(const rtsp::Request &request) override;

    void on_ready(uint32_t events) override;
    void lost(int error);
    void read();
    bool greet();
    void feed(ByteView input);
    void take_result(const Result &result);
    /// Goes on reading, after an answer that came later than its request.
    void go_on();
    /// Whether nothing may be read now: a request is pending, or the receiver's queue is full.
    bool is_read_held() const;
    bool is_reset();

    boost::asio::io_context &context() const;
    void rename(const char *kind);
    void say(LogLevel level, const std::string &text) const;

    // --- as a Viewer, and for whatever is answered --------------------------------------------
    PeerInfo peer_info() const override;
    bool is_admitted() override;
    bool prepare(fanout::Outlet::Source &source, bool admitted) override;
    fanout::Outlet::Status write(const fanout::Outlet::Source &source, fanout::BatchCache &cache,
                                 uint64_t &sent, int &error) override;
    void wait_writable(fanout::Outlet::Status why) override;
    void say_ended() override;
    void finish() override;
    uint64_t skips() const override;
    uint64_t completed() const override;
    void rewind() override;
    void answer();
    void pump_on();
    void stop_pacing();

    // --- playing (play_side.cpp) --------------------------------------------------------------
    /// Admits a player of the target, once its tracks are known, and calls `then`.
    void begin_play(const rtsp::Request &request, const rtsp::Target &target,
                    std::function<void()> then);
    void admit_play();
    void ask_to_play(const DemandOptions &demand);
    void wait_for_tracks();
    void use_tracks();
    bool is_known(const std::string &path) const;
    void refuse_unknown();
    void describe(const rtsp::Target &target);
    void setup(size_t track, const std::vector<rtsp::Transport> &transports);
    bool choose_transport(size_t track, const std::vector<rtsp::Transport> &transports,
                          rtsp::Transport &chosen);
    bool set_up_multicast(size_t track, rtsp::Transport &chosen) const;
    bool set_up_udp(size_t track, const rtsp::Transport &offered, rtsp::Transport &chosen);
    void drop_udp();
    void play();
    void play_multicast(bool is_new);
    std::vector<rtsp::RtpInfo> join_stream(std::vector<fanout::PacketPtr> &first);
    void send_reports();
    void take_reports(ByteView compound);
    void send_rtcp(size_t track, std::vector<uint8_t> &&bytes);
    bool has_changed_tracks();
    void on_rtcp(ByteView datagram) override;
    void on_turn() override;

    // --- publishing (publish_side.cpp) --------------------------------------------------------
    bool may_publish(const std::string &path, std::shared_ptr<const LeaseOptions> &lease,
                     const rtsp::Credentials &given, const rtsp::Request &request);
    void publish_as(const std::string &path);
    void refuse_name();
    void admit_publish(const std::string &path, const std::shared_ptr<const LeaseOptions> &lease);
    void set_up_publisher(size_t stream, const std::vector<rtsp::Transport> &transports);
    void check_publisher(uint64_t now_ms);
    void on_published_tag(flv::Tag &&tag) override;
    void send_report(uint8_t channel, ByteView compound) override;
    void on_media_oddity(const std::string &text) override;
    bool is_held() const override { return is_held_; }

    // --- within HTTP (tunnel_side.cpp) --------------------------------------------------------
    void refuse_http(const char *status, const std::string &why);
    void feed_tunnel(ByteView text);
    void take_tunnelled();
    void check_tunnel();
    void settle();

    // --- admission ----------------------------------------------------------------------------
    void ask(const Authority &path, std::function<void()> admit);
    void ask_again(const Authority &path, std::function<void()> admit);
    void on_answer(bool allowed, const std::string &reason);
    void deny(const std::string &reason);
    /// Refuses with a status, and a line for the log.
    void refuse(unsigned status, const std::string &text, LogLevel level = LogLevel::warning);
    bool read_credentials(const rtsp::Request &request, const rtsp::Target &target,
                          rtsp::Credentials &given);
    /// Asks for a password. `with_digest`: it is known here.
    void challenge(const std::string &why, bool with_digest);
    void leave(const std::string &reason);

    const std::string endpoint_;
    const boost::asio::ip::address peer_, local_;
    const int socket_; ///< closed by close_now()
    const std::shared_ptr<RtspState> state_;
    PeerStream stream_;
    rtsp::ServerSession session_;
    rtsp::ServerAuthentication authentication_;
    std::shared_ptr<RtspMount> mount_; ///< that it plays, or will
    std::string name_;
    PeerInfo request_; ///< what it asked for last
    bool has_authorization_ = false, is_stale_ = false;
    Admission admission_;
    std::function<void()> admit_; ///< what follows when the open question is answered
    std::function<void()> then_;  ///< what follows when the tracks are known
    std::unique_ptr<WaitingRoom::Seat> place_;
    std::unique_ptr<SilentRoom::Seat> silent_;
    // Of a player:
    Lower lower_ = Lower::none;
    std::vector<rtsp::PlayTrack> described_;               ///< what it knows of the tracks
    unsigned version_ = 0;                                 ///< of these, RtspMount::version()
    std::array<std::string, rtsp::max_tracks> track_urls_; ///< of those that are set up
    uint8_t tracks_set_ = 0;                               ///< track_bit()s
    std::unique_ptr<UdpOutlet> udp_;
    std::shared_ptr<RtspMulticast> multicast_; ///< that sends to the group
    uint64_t reported_ms_ = 0;
    // Of a publisher:
    std::shared_ptr<Publication> publication_;
    std::deque<flv::Tag> waiting_tags_; ///< until the receiver has room
    uint64_t media_ms_ = 0;             ///< when its last media came
    bool is_backup_ = false;            ///< it came with ?backup=1; fixed like the key
    bool is_held_ = false;              ///< the receiver's queue is full
    bool lacks_keyframe_ = false;       ///< frames were dropped
    // Within HTTP:
    std::string tunnel_cookie_;                ///< of a GET
    std::weak_ptr<RtspConnection> tunnel_out_; ///< of a POST: the connection with the GET
    rtsp::TunnelDecoder decoder_;
    std::vector<uint8_t> tunnelled_;      ///< requests that wait
    std::atomic<size_t> tunnel_bytes_{0}; ///< of these, and of those on their way
    std::atomic<bool> is_settled_{false}; ///< it has published or played
    bool is_post_ = false;
    unsigned questions_ = 0;
    uint64_t deadline_ms_ = 0; ///< 0: none; not looked at while a question is open
    uint64_t heard_ms_ = 0;    ///< when it sent a request or a report
    Role role_ = Role::none;
    bool is_paced_ = false; ///< waits for its turn by UDP
    bool reading_ = false;  ///< will read on after others' turn
    bool ended_ = false;    ///< the peer sends nothing but what is there to be read
};

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// The work of all server sources: takes a publisher's tags from the network and pushes them as FLV;
// of a publisher and its backup, those of the one that is on air. What one of them adds is a
// protocol: a ServerSourceKind.
#pragma once

#include "core/gop/failover.h"
#include "core/net/loop/address.h"
#include "core/net/stream/flv_stream.h"
#include "core/net/tls/files.h"
#include "gst/ptr.h"
#include "gst/publish_side.h"
#include "gst/tag_source.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace penstock {

/// A listener that takes publishers; it stays open as long as this exists.
class PublishListener {
public:
    virtual ~PublishListener() = default;
    /// As RtmpServer::claim().
    virtual std::unique_ptr<net::PublishClaim> claim(const std::string &path,
                                                     net::TagReceiver &receiver,
                                                     const net::ClaimOptions &options,
                                                     std::string *error) = 0;
    /// "rtmp://127.0.0.1:1935", with the port that is really listened on. Any thread.
    virtual std::string origin() const = 0;
};

/// That of a server of core.
template <class Server>
class PublishListenerOf final : public PublishListener {
public:
    explicit PublishListenerOf(std::shared_ptr<Server> server) : server_(std::move(server)) {}
    std::unique_ptr<net::PublishClaim> claim(const std::string &path, net::TagReceiver &receiver,
                                             const net::ClaimOptions &options,
                                             std::string *error) override {
        return server_->claim(path, receiver, options, error);
    }
    std::string origin() const override {
        return std::string(server_->scheme()) + "://" + server_->address().to_string();
    }

private:
    const std::shared_ptr<Server> server_;
};

/// The arguments for opening a PublishListener.
struct ListenRequest {
    GstElement *element; ///< has the properties that only this kind has
    const net::Location &location;
    const net::TlsFiles &tls; ///< those that the scheme uses
};

/// The differences between server sources; a constant of each source's file.
struct ServerSourceKind {
    std::vector<std::string> schemes; ///< of `location`
    uint16_t default_port;
    const char *default_location;
    const char *location_form; ///< for messages: "rtmp://host:port/app/name"
    const char *location_blurb;
    const char *key_blurb; ///< of `publish-key`
    const char *long_name;
    const char *description;
    /// On failure nullptr, and `error` says what is wrong and how to mend it.
    std::unique_ptr<PublishListener> (*open)(const ListenRequest &request, std::string *error);
};

class ServerSource final : public TagSource, public net::TagReceiver {
public:
    struct Settings {
        std::string location;
        net::TlsFiles tls;
        std::string publish_key;
        OnUnpublish on_unpublish = OnUnpublish::wait;
        size_t max_bytes = 4 << 20; ///< queued before the publisher is made to wait
        uint64_t silence_timeout = net::ClaimOptions().silence_timeout;
        net::Republish republish = net::ClaimOptions().republish;
        // With net::Republish::backup; ns.
        uint64_t backup_timeout = gop::Failover::Settings().timeout;
        uint64_t return_after = 5'000'000'000;
    };

    /// `kind` must live as long as the process.
    ServerSource(GstElement *element, GstPad *pad, const ServerSourceKind &kind);

    // From state changes; each posts its own error.
    bool open();
    /// `watch` is asked about publishers.
    bool start(std::shared_ptr<net::PeerWatch> watch);
    void stop();
    void close();
    bool want_keyframe() override;

    GstPtr<GstStructure> stats();
    std::string bound_location();

    /// Lock order: settings_mutex, mutex_, failover_mutex_. None is held across a push or a
    /// message.
    std::mutex settings_mutex;
    Settings settings;

private:
    /// The receiver of the second publisher of the name.
    class Second final : public net::TagReceiver {
    public:
        explicit Second(ServerSource &source) : source_(source) {}
        void on_published(const net::Publisher &who) override { source_.published(1, who); }
        bool on_tag(flv::Tag &&tag) override { return source_.take(1, std::move(tag)); }
        void on_unpublished(const std::string &why) override { source_.unpublished(1, why); }

    private:
        ServerSource &source_;
    };
    /// A publisher beside which there may be another. Used in calls of the network, of which there
    /// is one at a time.
    struct Lane {
        std::string name;
        flv::Normalizer normalizer; ///< tells keyframes from others, and has its configuration
        gop::HeldGop<flv::Tag> held;
        gop::Tracks tracks;
    };

    void on_published(const net::Publisher &who) override { published(0, who); }
    bool on_tag(flv::Tag &&tag) override { return take(0, std::move(tag)); }
    void on_unpublished(const std::string &reason) override { unpublished(0, reason); }
    net::PublishReceiver *second() override { return decides_ ? &second_ : nullptr; }
    bool is_second_on_air() const override;

    std::string check(Settings &wanted, const net::Location &location) const;
    void published(size_t index, const net::Publisher &who);
    bool take(size_t index, flv::Tag &&tag);
    bool take_mended(size_t index, flv::Tag &&tag);
    void unpublished(size_t index, const std::string &reason);
    void warn_of_misfit(size_t index);
    void go_on_air(size_t index, gop::Failover::Action how);
    void reset_lanes();
    void set_busy(size_t index, bool busy);
    void on_began(const std::string &who) override;
    bool on_ended(const std::string &reason) override;
    void on_room() override;
    std::string stream_name() const override { return path_; }
    void post_state(bool publishing, const std::string &text);

    /// Set while its opener has the queue's turn; reset when the queue is closed and idle: whoever
    /// has the turn may use it.
    std::unique_ptr<net::PublishClaim> claim_;
    std::mutex claim_mutex_; ///< guards claim_ where somebody without the turn uses or changes it

    const ServerSourceKind &kind_;
    std::mutex mutex_; ///< guards the pointer, between state changes and other threads
    std::unique_ptr<PublishListener> listener_;
    std::string path_; ///< changes below READY only

    Second second_{*this};
    std::array<std::atomic<bool>, 2> publishing_{};
    bool decides_ = false; ///< there may be two publishers; changes while there is no claim
    std::array<Lane, 2> lanes_;
    std::vector<flv::Tag> mended_;
    mutable std::mutex failover_mutex_; ///< guards failover_; innermost
    gop::Failover failover_;
};

} // namespace penstock

// SPDX-License-Identifier: LGPL-2.1-or-later
// The work of srtliveserversrc: takes a publisher's packets from the core library's SRT server and
// pushes them.
#pragma once

#include "core/net/srt/server.h"
#include "gst/publish_side.h"
#include "srt/ts_source.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

namespace penstock::srt {

class ServerSource final : public TsSource, public net::TsReceiver {
public:
    struct Settings {
        std::string location = "srt://127.0.0.1:8890/live/stream";
        net::SrtTraits traits;
        std::string publish_key;
        OnUnpublish on_unpublish = OnUnpublish::wait;
        size_t max_bytes = 4 << 20; ///< queued before the publisher is made to wait
        uint64_t silence_timeout = net::ClaimOptions().silence_timeout;
        net::Republish republish = net::ClaimOptions().republish;
    };

    ServerSource(GstElement *element, GstPad *pad);

    // From state changes; each posts its own error.
    bool open();
    /// `watch` is asked about publishers.
    bool start(std::shared_ptr<net::PeerWatch> watch);
    void stop();
    void close();

    GstPtr<GstStructure> stats();
    std::string bound_location();

    /// Lock order: settings_mutex, mutex_. Neither is held across a push or a message.
    std::mutex settings_mutex;
    Settings settings;

private:
    // On a network loop.
    void on_published(const net::Publisher &who) override;
    bool on_packets(Bytes &&packets) override { return put_packets(std::move(packets)); }
    void on_unpublished(const std::string &reason) override;
    // On the thread that has the queue's turn.
    void on_began(const std::string &who) override;
    bool on_ended(const std::string &reason) override;
    void on_room() override { claim_->resume(); }
    std::string stream_name() const override { return path_; }
    void post_state(bool publishing, const std::string &text);

    /// Set while its opener has the queue's turn; reset when the queue is closed and idle: whoever
    /// has the turn may use it.
    std::unique_ptr<net::SrtClaim> claim_;
    std::mutex mutex_; ///< guards the pointers, between state changes and other threads
    std::shared_ptr<net::SrtServer> server_;
    std::string path_; ///< changes below READY only
    std::atomic<bool> publishing_{false};
};

} // namespace penstock::srt

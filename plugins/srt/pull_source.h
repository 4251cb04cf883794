// SPDX-License-Identifier: LGPL-2.1-or-later
// The work of srtpullsrc: receives a stream from another end, for ever.
#pragma once

#include "core/net/srt/client.h"
#include "srt/client_settings.h"
#include "srt/ts_source.h"

#include <memory>
#include <mutex>
#include <string>

namespace penstock::srt {

class PullSource final : public TsSource, public net::SrtClientEvents {
public:
    struct Settings : ClientSettings {
        size_t max_bytes = 4 << 20;
        uint64_t silence_timeout = 30 * GST_SECOND;
    };

    PullSource(GstElement *element, GstPad *pad) : TsSource(element, pad) {}

    /// From the pad's activation; posts its own error.
    bool start();
    void stop();
    GstPtr<GstStructure> stats();

    std::mutex settings_mutex; ///< not held across a push, a message or a wait
    Settings settings;

private:
    // On the client's thread.
    void on_change(const net::ClientChange &change) override;
    bool on_packets(Bytes &&packets) override { return put_packets(std::move(packets)); }
    void on_warning(const std::string &text) override;

    void on_began(const std::string &) override {}
    bool on_ended(const std::string &) override { return false; }
    void on_room() override { client_->resume(); }
    std::string stream_name() const override { return shown_; }

    std::string shown_;       ///< the location without its query; changes in start() only
    std::mutex client_mutex_; ///< the pointer, between state changes and stats()
    /// Set while start() has the queue's turn; reset when the queue is closed and idle.
    std::unique_ptr<net::SrtClient> client_;
    // On the client's thread.
    bool live_ = false;
    std::string last_reason_;
};

} // namespace penstock::srt

// SPDX-License-Identifier: LGPL-2.1-or-later
// What rtmpserversrc does: takes one publisher's tags from the network and pushes them as FLV.
#pragma once

#include "core/flv/normalizer.h"
#include "core/net/rtmp/server.h"
#include "core/rtmp/timeline.h"
#include "gst/ptr.h"
#include "gst/push_queue.h"
#include "gst/stats.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

namespace penstock::rtmp {

enum class OnUnpublish { wait, eos };

class ServerSource final : public net::TagReceiver {
public:
    struct Settings {
        std::string location = "rtmp://127.0.0.1:1935/live/stream";
        std::string publish_key;
        OnUnpublish on_unpublish = OnUnpublish::wait;
        size_t max_bytes = 4 << 20; ///< queued before the publisher is made to wait
        uint64_t silence_timeout = net::ClaimOptions().silence_timeout;
    };

    ServerSource(GstElement *element, GstPad *pad);

    // From state changes; each posts its own error.
    bool open();
    /// `watch` is asked about publishers.
    bool start(std::shared_ptr<net::PeerWatch> watch);
    void stop();
    void close();
    void set_playing(bool playing);
    void end_of_stream();
    /// What is downstream has changed: it may have to wait now.
    void reconfigure();

    GstPtr<GstStructure> stats();
    std::string bound_location();

    /// Lock order: settings_mutex, mutex_. Neither is held across a push or a message.
    std::mutex settings_mutex;
    Settings settings;

private:
    struct Item {
        enum Kind { published, tag, unpublished, eos } kind;
        flv::Tag flv{};
        std::string text{};
    };

    void on_published(const std::string &peer) override;
    bool on_tag(flv::Tag &&tag) override;
    void on_unpublished(const std::string &reason) override;
    void enqueue(Item &&item);
    void resume_publisher(bool room);

    // Pushing: the network loop pushes what it has just brought if nothing downstream can block,
    // else a task does. push_queue.h says whose turn it is.
    void loop(); ///< the task
    bool start_task();
    void drain();
    void drain_elsewhere();
    void handle(Item &&item);

    void begin(const std::string &peer);
    GstFlowReturn take_tag(flv::Tag &&tag);
    GstFlowReturn push_tag(const flv::Tag &tag);
    void post_notes();
    GstFlowReturn push_headers();
    GstFlowReturn push(GstPtr<GstBuffer> buffer);
    void finish(GstFlowReturn flow);
    GstClockTime running_time() const;
    GstClockTime time_of(const flv::Tag &tag);
    void post_state(bool publishing, const std::string &text);

    GstElement *element_;
    GstPad *pad_;

    PushQueue<Item> queue_;
    /// Set while its opener has the queue's turn; reset when the queue is closed and idle: whoever
    /// has the turn may use it.
    std::unique_ptr<net::PublishClaim> claim_;

    std::mutex mutex_; ///< guards the server
    std::shared_ptr<net::RtmpServer> server_;
    std::string path_; ///< changes below READY only

    // Belongs to the thread that has the queue's turn.
    flv::Normalizer normalizer_;
    std::vector<flv::Tag> tags_; ///< what became of the tag at hand
    unsigned headers_version_ = 0;
    uint32_t config_ = 0;  ///< of the headers that are out, see KnownTag
    bool started_ = false; ///< stream-start is out
    bool has_video_ = false;
    bool discont_ = true;
    std::optional<rtmp::Timeline> timeline_; ///< to running time; since start()

    Counters counters_;
    std::atomic<bool> publishing_{false};
};

} // namespace penstock::rtmp

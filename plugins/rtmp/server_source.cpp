// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp/server_source.h"

#include "core/flv/config_version.h"
#include "gst/bytes.h"
#include "gst/guard.h"
#include "gst/nonblocking.h"

GST_DEBUG_CATEGORY_EXTERN(penstock_rtmp_server_src_debug);
#define GST_CAT_DEFAULT penstock_rtmp_server_src_debug

namespace penstock::rtmp {
namespace {

void append_header(GValue *array, const Bytes &bytes) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_BUFFER);
    auto buffer = buffer_of(bytes);
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
    gst_value_take_buffer(&value, buffer.release());
    gst_value_array_append_and_take_value(array, &value);
}

} // namespace

ServerSource::ServerSource(GstElement *element, GstPad *pad) : element_(element), pad_(pad) {
}

// --- states -------------------------------------------------------------------------------

bool ServerSource::open() {
    Settings wanted;
    {
        std::lock_guard lock(settings_mutex);
        wanted = settings;
    }
    std::string error;
    const auto location = net::parse_location(wanted.location, 1935, &error);
    if (location && location->scheme != "rtmp")
        error = "'" + wanted.location + "' does not begin with rtmp://";
    if (error.empty() && !net::is_safe_path(location->path))
        error = "'" + wanted.location +
                "' has no legal stream name: write rtmp://host:port/app/name, the name of letters, "
                "digits and ._~-";
    if (!error.empty()) {
        GST_ELEMENT_ERROR(element_, RESOURCE, SETTINGS, ("location: %s", error.c_str()), (nullptr));
        return false;
    }
    auto server = net::RtmpServer::open(location->address, &error);
    if (!server) {
        GST_ELEMENT_ERROR(element_, RESOURCE, OPEN_READ, ("%s", error.c_str()), (nullptr));
        return false;
    }
    std::lock_guard lock(mutex_);
    server_ = std::move(server);
    path_ = location->path;
    return true;
}

bool ServerSource::start(std::shared_ptr<net::PeerWatch> watch) {
    net::ClaimOptions options{.watch = std::move(watch)};
    size_t max_bytes;
    {
        std::lock_guard lock(settings_mutex);
        options.key = settings.publish_key;
        options.silence_timeout = settings.silence_timeout;
        max_bytes = settings.max_bytes;
    }
    queue_.open(!peer_is_nonblocking(pad_), max_bytes);
    started_ = has_video_ = false;
    discont_ = true;
    normalizer_.reset();
    headers_version_ = normalizer_.headers().version;
    timeline_.emplace(rtmp::Timeline::Resume::at_arrival);
    counters_.start();
    std::string error;
    claim_ = server_->claim(path_, *this, options, &error);
    if (!claim_) {
        queue_.close();
        queue_.release();
        GST_ELEMENT_ERROR(element_, RESOURCE, BUSY, ("%s", error.c_str()), (nullptr));
        return false;
    }
    switch (queue_.release()) {
    case PushNext::item:
        drain_elsewhere();
        return true;
    case PushNext::task:
        return start_task();
    case PushNext::nothing:
        return true;
    }
    return true;
}

bool ServerSource::start_task() {
    const bool started = gst_pad_start_task(
        pad_,
        [](gpointer p) {
            auto *self = static_cast<ServerSource *>(p);
            guard(self->element_, [self] { self->loop(); });
        },
        this, nullptr);
    queue_.hand_to_task();
    return started;
}

void ServerSource::stop() {
    queue_.close();
    queue_.wait_idle();
    gst_pad_stop_task(pad_);
    claim_.reset();
    publishing_ = false;
}

void ServerSource::close() {
    std::unique_lock lock(mutex_);
    const auto server = std::move(server_);
    lock.unlock();
}

void ServerSource::set_playing(bool playing) {
    if (queue_.set_playing(playing)) drain_elsewhere();
}

void ServerSource::end_of_stream() {
    enqueue({Item::eos});
    drain_elsewhere();
}

void ServerSource::reconfigure() {
    if (!peer_is_nonblocking(pad_) && queue_.want_task()) start_task();
}

// --- network loop -------------------------------------------------------------------------

void ServerSource::enqueue(Item &&item) {
    const size_t size = item.flv.bytes.size();
    queue_.put(std::move(item), size);
}

void ServerSource::on_published(const std::string &peer) {
    publishing_ = true;
    enqueue({Item::published, {}, peer});
    drain();
}

bool ServerSource::on_tag(flv::Tag &&tag) {
    counters_.in(tag.bytes.size());
    enqueue({Item::tag, std::move(tag)});
    drain();
    return queue_.has_room(); // if not, resume_publisher() tells when there is
}

void ServerSource::on_unpublished(const std::string &reason) {
    publishing_ = false;
    enqueue({Item::unpublished, {}, reason});
    drain();
}

// --- pushing ------------------------------------------------------------------------------

void ServerSource::loop() {
    Item item;
    bool room = false;
    if (!queue_.wait(item, room)) {
        gst_pad_pause_task(pad_);
        return;
    }
    resume_publisher(room);
    handle(std::move(item));
}

/// Pushes what is queued, unless another thread has the turn, or is to have it.
void ServerSource::drain() {
    if (!queue_.begin()) return;
    Item item;
    bool room = false;
    PushNext next;
    GST_PAD_STREAM_LOCK(pad_);
    while ((next = queue_.next(item, room)) == PushNext::item) {
        resume_publisher(room);
        handle(std::move(item));
    }
    GST_PAD_STREAM_UNLOCK(pad_);
    if (next == PushNext::task) start_task();
}

/// Lets another thread push: this one must not.
void ServerSource::drain_elsewhere() {
    gst_element_call_async(
        element_,
        [](GstElement *element, gpointer self) {
            guard(element, [self] { static_cast<ServerSource *>(self)->drain(); });
        },
        this, nullptr);
}

void ServerSource::resume_publisher(bool room) {
    if (room) claim_->resume();
}

void ServerSource::handle(Item &&item) {
    switch (item.kind) {
    case Item::published:
        begin(item.text);
        return;
    case Item::tag:
        if (const GstFlowReturn flow = take_tag(std::move(item.flv)); flow != GST_FLOW_OK)
            finish(flow);
        return;
    case Item::unpublished: {
        post_state(false, item.text);
        std::lock_guard lock(settings_mutex);
        if (settings.on_unpublish == OnUnpublish::wait) return;
        break;
    }
    case Item::eos:
        break;
    }
    finish(GST_FLOW_EOS);
}

void ServerSource::begin(const std::string &peer) {
    normalizer_.reset();
    headers_version_ = normalizer_.headers().version;
    has_video_ = false;
    discont_ = true;
    timeline_->restart();
    post_state(true, peer);
}

void ServerSource::post_state(bool publishing, const std::string &text) {
    GST_INFO_OBJECT(element_, "%s %s", publishing ? "published by" : "unpublished:", text.c_str());
    gst_element_post_message(
        element_, gst_message_new_element(GST_OBJECT(element_),
                                          gst_structure_new("penstock-publish-state", "publishing",
                                                            G_TYPE_BOOLEAN, gboolean(publishing),
                                                            "path", G_TYPE_STRING, path_.c_str(),
                                                            publishing ? "peer" : "reason",
                                                            G_TYPE_STRING, text.c_str(), nullptr)));
}

GstClockTime ServerSource::running_time() const {
    const auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(element_));
    if (!clock) return 0;
    const GstClockTime now = gst_clock_get_time(clock.get());
    const GstClockTime base = gst_element_get_base_time(element_);
    return now > base ? now - base : 0;
}

GstClockTime ServerSource::time_of(const flv::Tag &tag) {
    const auto track =
        tag.type == flv::TagType::audio ? rtmp::Timeline::audio : rtmp::Timeline::video;
    const auto now = static_cast<int64_t>(running_time() / GST_MSECOND);
    const int64_t time = timeline_->map(track, tag.timestamp, 0, now);
    if (timeline_->jumped())
        GST_WARNING_OBJECT(element_, "%s timestamp jumped by %d ms; carried on without the jump",
                           track == rtmp::Timeline::audio ? "audio" : "video", timeline_->jump());
    return static_cast<GstClockTime>(time) * GST_MSECOND;
}

GstFlowReturn ServerSource::take_tag(flv::Tag &&tag) {
    tags_.clear();
    normalizer_.take(std::move(tag), tags_);
    if (normalizer_.has_notes()) post_notes();
    for (const flv::Tag &each : tags_)
        if (const GstFlowReturn flow = push_tag(each); flow != GST_FLOW_OK) return flow;
    return GST_FLOW_OK;
}

void ServerSource::post_notes() {
    for (const std::string &note : normalizer_.take_notes())
        GST_ELEMENT_WARNING(element_, STREAM, FORMAT, ("Odd publisher: %s.", note.c_str()),
                            ("%s", path_.c_str()));
}

GstFlowReturn ServerSource::push_tag(const flv::Tag &tag) {
    // Headers wait for the first frame behind them: then the caps can hold them all.
    if (tag.type == flv::TagType::video) has_video_ = true;
    if (tag.kind != flv::TagKind::keyframe && tag.kind != flv::TagKind::frame &&
        tag.kind != flv::TagKind::audio)
        return GST_FLOW_OK;
    const GstClockTime time = time_of(tag);
    if (!started_ || headers_version_ != normalizer_.headers().version)
        if (const GstFlowReturn flow = push_headers(); flow != GST_FLOW_OK) return flow;
    auto buffer = buffer_of(tag, config_);
    GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = time;
    if (!flv::starts_gop(tag, has_video_))
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    if (std::exchange(discont_, false)) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    return push(std::move(buffer));
}

GstFlowReturn ServerSource::push_headers() {
    const auto &headers = normalizer_.headers();
    headers_version_ = headers.version;
    config_ = flv::next_config_version();
    const Bytes file_header = flv::file_header(headers.audio_config.has_value() || !has_video_,
                                               headers.video_config.has_value() || has_video_);
    if (!started_) {
        GOwned<> id(gst_pad_create_stream_id(pad_, element_, path_.c_str()));
        gst_pad_push_event(pad_, gst_event_new_stream_start(id.get()));
    }
    auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_empty_simple("video/x-flv"));
    GValue array = G_VALUE_INIT;
    g_value_init(&array, GST_TYPE_ARRAY);
    append_header(&array, file_header);
    for (const flv::Tag &tag : headers.list())
        append_header(&array, tag.bytes);
    gst_structure_take_value(gst_caps_get_structure(caps.get(), 0), "streamheader", &array);
    gst_pad_push_event(pad_, gst_event_new_caps(caps.get()));
    if (!started_) {
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_pad_push_event(pad_, gst_event_new_segment(&segment));
    }
    const auto push_header = [this](GstPtr<GstBuffer> buffer) {
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
        return push(std::move(buffer));
    };
    if (!std::exchange(started_, true))
        if (const GstFlowReturn flow = push_header(buffer_of(file_header)); flow != GST_FLOW_OK)
            return flow;
    for (const flv::Tag &tag : headers.list())
        if (const GstFlowReturn flow = push_header(buffer_of(tag, config_)); flow != GST_FLOW_OK)
            return flow;
    return GST_FLOW_OK;
}

GstFlowReturn ServerSource::push(GstPtr<GstBuffer> buffer) {
    counters_.out(gst_buffer_get_size(buffer.get()));
    return gst_pad_push(pad_, buffer.release());
}

void ServerSource::finish(GstFlowReturn flow) {
    gst_pad_pause_task(pad_);
    queue_.end();
    if (flow == GST_FLOW_FLUSHING) return;
    if (flow == GST_FLOW_EOS) {
        if (!started_) {
            GOwned<> id(gst_pad_create_stream_id(pad_, element_, path_.c_str()));
            gst_pad_push_event(pad_, gst_event_new_stream_start(id.get()));
            started_ = true;
        }
        gst_pad_push_event(pad_, gst_event_new_eos());
        return;
    }
    GST_ELEMENT_FLOW_ERROR(element_, flow);
    gst_pad_push_event(pad_, gst_event_new_eos());
}

// --- reports ------------------------------------------------------------------------------

GstPtr<GstStructure> ServerSource::stats() {
    return counters_.with_peers(publishing_ ? 1 : 0).to_structure();
}

std::string ServerSource::bound_location() {
    std::lock_guard lock(mutex_);
    return server_ ? "rtmp://" + server_->address().to_string() + "/" + path_ : std::string();
}

} // namespace penstock::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/room_source.h"

#include "gst/guard.h"
#include "gst/tls_files.h"

#include <utility>
#include <vector>

GST_DEBUG_CATEGORY_STATIC(room_source_debug);
#define GST_CAT_DEFAULT room_source_debug

namespace penstock {
namespace {

constexpr uint16_t default_port = 80;
/// Streams that have pads: two for each participant.
constexpr size_t most_pads = 200;

/// Calls a member on another thread than this one, which may be a network loop or the pad's own.
template <class Call>
void call_elsewhere(GstElement *element, Call call) {
    gst_element_call_async(
        element,
        [](GstElement *self, gpointer data) {
            guard(self, [data] { (*static_cast<Call *>(data))(); });
        },
        new Call(std::move(call)), [](gpointer data) { delete static_cast<Call *>(data); });
}

} // namespace

// --- states -------------------------------------------------------------------------------

bool RoomSource::open(const rtc::Settings &server_settings) {
    [[maybe_unused]] static const bool registered = [] {
        GST_DEBUG_CATEGORY_INIT(room_source_debug, "rtcroom", 0, "WebRTC rooms");
        return true;
    }();
    Settings wanted;
    {
        std::lock_guard lock(settings_mutex);
        wanted = settings;
    }
    std::string error;
    const auto location = net::parse_location(wanted.location, default_port, &error);
    std::optional<net::TlsFiles> tls;
    if (location && location->scheme != "http" && location->scheme != "https")
        error = "'" + wanted.location + "' does not begin with http:// or https://";
    else if (location)
        tls = net::tls_for(location->scheme, wanted.tls, &error);
    if (!tls) {
        GST_ELEMENT_ERROR(element_, RESOURCE, SETTINGS, ("location: %s", error.c_str()), (nullptr));
        return false;
    }
    auto server = server_settings.open(*location, *tls, "/join", &error, "room");
    if (!server) {
        GST_ELEMENT_ERROR(element_, RESOURCE, OPEN_READ, ("%s", error.c_str()), (nullptr));
        return false;
    }
    warn_of_idle_tls(element_, wanted.location, wanted.tls);
    takes_media_ = wanted.outputs == RoomOutputs::participants;
    // Its pipeline has no other sink then, whose EOS would end it.
    if (takes_media_)
        GST_OBJECT_FLAG_UNSET(element_, GST_ELEMENT_FLAG_SINK);
    else
        GST_OBJECT_FLAG_SET(element_, GST_ELEMENT_FLAG_SINK);
    std::lock_guard lock(server_mutex_);
    server_ = std::move(server);
    path_ = location->path;
    return true;
}

bool RoomSource::start() {
    net::RoomOptions options;
    {
        std::lock_guard lock(settings_mutex);
        options.host_key = settings.host_key;
        options.may_speak = settings.default_role == RoomRole::speaker;
        options.is_h264 = settings.codec == RoomCodec::h264;
        options.max_participants = settings.max_participants;
        options.last_n = settings.last_n;
    }
    std::string error;
    {
        // With the lock: who is told of something by the room finds the claim.
        std::lock_guard lock(server_mutex_);
        claim_ = server_->room(path_, *this, options, &error);
        is_occupied_ = false;
    }
    if (!error.empty()) {
        GST_ELEMENT_ERROR(element_, RESOURCE, BUSY, ("%s", error.c_str()), (nullptr));
        return false;
    }
    since_ = g_get_monotonic_time();
    on_occupied(); // who shares a room is not told of those who are there
    return true;
}

void RoomSource::set_playing(bool playing) {
    std::vector<PadPtr> pads;
    {
        std::lock_guard lock(pads_mutex_);
        is_playing_ = playing;
        for (const auto &[stream, pad] : pads_)
            pads.push_back(pad);
    }
    for (const PadPtr &pad : pads)
        pad->set_playing(playing);
}

void RoomSource::stop() {
    std::unique_ptr<net::RoomClaim> claim;
    {
        std::lock_guard lock(server_mutex_);
        claim = std::move(claim_);
    }
    claim.reset(); // behind it nothing comes any more
    std::vector<uint64_t> streams;
    {
        std::lock_guard lock(pads_mutex_);
        for (const auto &[stream, pad] : pads_)
            streams.push_back(stream);
    }
    for (const uint64_t stream : streams)
        remove_pad(stream);
    since_ = 0;
}

void RoomSource::close() {
    std::unique_lock lock(server_mutex_);
    const auto server = std::move(server_);
    lock.unlock();
}

void RoomSource::end_of_stream() {
    std::vector<PadPtr> pads;
    {
        std::lock_guard lock(pads_mutex_);
        for (const auto &[stream, pad] : pads_)
            pads.push_back(pad);
    }
    for (const PadPtr &pad : pads)
        pad->end_of_stream();
    // Without pads nothing downstream tells the pipeline.
    if (!takes_media_)
        gst_element_post_message(element_, gst_message_new_eos(GST_OBJECT(element_)));
}

// --- network loop -------------------------------------------------------------------------

RoomSource::PadPtr RoomSource::pad_of(uint64_t stream) {
    std::lock_guard lock(pads_mutex_);
    const auto found = pads_.find(stream);
    return found == pads_.end() ? nullptr : found->second;
}

void RoomSource::on_stream(const net::RoomStream &stream) {
    GstPadTemplate *const pad_template =
        gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(element_), "participant_%u");
    RoomPad::Calls calls;
    calls.want_keyframe = [this](uint64_t number) { want_keyframe(number); };
    calls.remove = [this](uint64_t number) {
        call_elsewhere(element_, [this, number] { remove_pad(number); });
    };
    {
        std::lock_guard lock(pads_mutex_);
        if (pads_.size() >= most_pads) return;
        pads_[stream.number] = RoomPad::make(element_, pad_template, stream, std::move(calls));
    }
    GST_INFO_OBJECT(element_, "stream %" G_GUINT64_FORMAT " of %s%s", stream.number,
                    stream.participant.c_str(), stream.is_screen ? " (screen)" : "");
    call_elsewhere(element_, [this, number = stream.number] { add_pad(number); });
}

void RoomSource::on_tag(uint64_t stream, flv::Tag &&tag) {
    if (const PadPtr pad = pad_of(stream)) pad->take(std::move(tag));
}

void RoomSource::on_changed(const net::RoomStream &stream) {
    if (const PadPtr pad = pad_of(stream.number)) pad->describe(stream);
}

void RoomSource::on_stream_ended(uint64_t stream) {
    if (const PadPtr pad = pad_of(stream)) pad->end();
}

void RoomSource::on_occupied() {
    call_elsewhere(element_, [this] { tell_occupied(); });
}

/// For the launcher, whose rules end a pipeline that nobody publishes to. Calls come on threads of
/// a pool, in any order: each tells how it is then.
void RoomSource::tell_occupied() {
    std::lock_guard order(telling_mutex_);
    bool is_occupied = false;
    {
        std::lock_guard lock(server_mutex_);
        if (!claim_) return;
        is_occupied = claim_->stats().participants > 0;
        if (std::exchange(is_occupied_, is_occupied) == is_occupied) return;
    }
    GST_INFO_OBJECT(element_, "%s", is_occupied ? "somebody has come" : "nobody is left");
    gst_element_post_message(
        element_, gst_message_new_element(
                      GST_OBJECT(element_),
                      gst_structure_new("penstock-publish-state", "publishing", G_TYPE_BOOLEAN,
                                        gboolean(is_occupied), "path", G_TYPE_STRING, path_.c_str(),
                                        is_occupied ? "peer" : "reason", G_TYPE_STRING,
                                        is_occupied ? "participants" : "nobody is left", nullptr)));
}

// --- pads ---------------------------------------------------------------------------------

void RoomSource::add_pad(uint64_t stream) {
    const PadPtr pad = pad_of(stream);
    if (!pad) return;
    pad->add();
    // It is asked for a keyframe, as it may have waited long.
    std::unique_lock lock(pads_mutex_);
    const bool is_playing = is_playing_;
    lock.unlock();
    pad->set_playing(is_playing);
}

void RoomSource::remove_pad(uint64_t stream) {
    PadPtr pad;
    {
        std::lock_guard lock(pads_mutex_);
        const auto found = pads_.find(stream);
        if (found == pads_.end()) return;
        pad = std::move(found->second);
        pads_.erase(found);
    }
    pad->remove();
    std::lock_guard lock(pads_mutex_);
    gone_bytes_ += pad->counters().bytes_out;
    gone_buffers_ += pad->counters().buffers_out;
    gone_drops_ += pad->counters().drops;
}

/// With the lock: the last reference to the claim must not end in a call of the room's.
void RoomSource::want_keyframe(uint64_t stream) {
    std::lock_guard lock(server_mutex_);
    if (claim_) claim_->want_keyframe(stream);
}

// --- reports ------------------------------------------------------------------------------

GstPtr<GstStructure> RoomSource::stats() {
    net::RoomStats room;
    {
        std::lock_guard lock(server_mutex_);
        if (claim_) room = claim_->stats();
    }
    Stats out;
    out.bytes_in = room.bytes_in;
    out.buffers_in = room.packets_in;
    out.peers = room.participants;
    out.since = since_;
    guint streams = 0;
    {
        std::lock_guard lock(pads_mutex_);
        out.bytes_out = gone_bytes_;
        out.buffers_out = gone_buffers_;
        out.drops = gone_drops_;
        for (const auto &[stream, pad] : pads_) {
            out.bytes_out += pad->counters().bytes_out;
            out.buffers_out += pad->counters().buffers_out;
            out.drops += pad->counters().drops;
        }
        streams = static_cast<guint>(pads_.size());
    }
    auto structure = out.to_structure();
    gst_structure_set(
        structure.get(), "participants", G_TYPE_UINT, room.participants, "speakers", G_TYPE_UINT,
        room.speakers, "joined", G_TYPE_UINT64, guint64(room.joined), "streams", G_TYPE_UINT,
        streams, "forwarded-bytes", G_TYPE_UINT64, guint64(room.bytes_out), "forwarded-packets",
        G_TYPE_UINT64, guint64(room.packets_out), "repeated-packets", G_TYPE_UINT64,
        guint64(room.repeated), "dropped-packets", G_TYPE_UINT64, guint64(room.dropped), "messages",
        G_TYPE_UINT64, guint64(room.messages), nullptr);
    return structure;
}

std::string RoomSource::bound_location() {
    std::lock_guard lock(server_mutex_);
    return server_ ? std::string(server_->scheme()) + "://" + server_->address().to_string() + "/" +
                         path_
                   : "";
}

} // namespace penstock

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/room_pad.h"

#include "gst/guard.h"

#include <utility>

namespace penstock {
namespace {

/// Of tags that wait: some seconds of a good camera.
constexpr size_t max_queued = 8 << 20;

GstPad *new_pad(GstPadTemplate *pad_template, const net::RoomStream &stream) {
    const std::string name = "participant_" + std::to_string(stream.number);
    return GST_PAD(gst_object_ref_sink(gst_pad_new_from_template(pad_template, name.c_str())));
}

/// What the pad knows of its stream, which it may outlive: a thread that has an event for it has
/// the pad alone.
using Known = std::weak_ptr<RoomPad>;

std::shared_ptr<RoomPad> self_of(gpointer known) {
    return static_cast<Known *>(known)->lock();
}

void free_known(gpointer known) {
    delete static_cast<Known *>(known);
}

gboolean take_event(GstPad *pad, GstObject *parent, GstEvent *event) {
    if (const auto self = self_of(pad->eventdata)) return tag_source_event(parent, event, *self);
    gst_event_unref(event);
    return FALSE;
}

/// Whoever deactivates the pad waits for its task, which waits for tags.
gboolean activate(GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active) {
    return guard(parent, FALSE, [&]() -> gboolean {
        if (mode != GST_PAD_MODE_PUSH) return FALSE;
        const auto self = active ? nullptr : self_of(pad->activatemodedata);
        if (self) self->deactivate();
        return TRUE;
    });
}

} // namespace

std::shared_ptr<RoomPad> RoomPad::make(GstElement *element, GstPadTemplate *pad_template,
                                       const net::RoomStream &stream, Calls calls) {
    auto pad = GstPtr<GstPad>::adopt(new_pad(pad_template, stream));
    GstPad *const raw = pad.get();
    auto self = std::make_shared<RoomPad>(element, std::move(pad), stream, std::move(calls));
    gst_pad_set_event_function_full(raw, take_event, new Known(self), free_known);
    gst_pad_set_activatemode_function_full(raw, activate, new Known(self), free_known);
    return self;
}

RoomPad::RoomPad(GstElement *element, GstPtr<GstPad> pad, const net::RoomStream &stream,
                 Calls calls)
    : TagSource(element, pad.get()), held_(std::move(pad)), stream_(stream),
      calls_(std::move(calls)) {
    gst_pad_set_query_function(pad_, tag_source_query);
    gst_pad_use_fixed_caps(pad_);
    open_queue(max_queued);
    put_began(stream_.participant);
}

RoomPad::~RoomPad() = default;

/// False, and nothing changes, if it is not in that state.
bool RoomPad::live(Life from, Life to) {
    std::lock_guard lock(life_mutex_);
    if (life_ != from) return false;
    life_ = to;
    return true;
}

void RoomPad::add() {
    if (!live(Life::unborn, Life::appearing)) return;
    gst_pad_set_active(pad_, TRUE);
    gst_element_add_pad(element_, pad_);
    set_playing(GST_STATE(element_) == GST_STATE_PLAYING ||
                GST_STATE_PENDING(element_) == GST_STATE_PLAYING);
    release_queue();
    // It was decided before there was anything downstream.
    reconfigure();
    if (!live(Life::appearing, Life::there)) take_away();
}

void RoomPad::remove() {
    if (live(Life::unborn, Life::gone)) return cancel_queue();
    if (live(Life::appearing, Life::unwanted)) return;
    if (live(Life::there, Life::gone)) take_away();
}

void RoomPad::take_away() {
    gst_pad_set_active(pad_, FALSE); // closes the queue
    gst_element_remove_pad(element_, pad_);
}

void RoomPad::take(flv::Tag &&tag) {
    const bool is_frame = tag.kind == flv::TagKind::keyframe || tag.kind == flv::TagKind::frame;
    if (is_full_ && tag.kind != flv::TagKind::config) {
        lacks_keyframe_ = lacks_keyframe_ || is_frame;
        ++counters_.drops;
        return;
    }
    if (lacks_keyframe_ && is_frame) {
        if (tag.kind != flv::TagKind::keyframe) return;
        lacks_keyframe_ = false;
    }
    if (put_tag(std::move(tag))) return;
    is_full_ = true;
    // The room may have come in between, and is not told of again.
    if (queue_has_room()) is_full_ = false;
}

bool RoomPad::on_ended(const std::string &) {
    calls_.remove(stream_.number);
    return true;
}

void RoomPad::on_room() {
    is_full_ = false;
    calls_.want_keyframe(stream_.number);
}

bool RoomPad::want_keyframe() {
    calls_.want_keyframe(stream_.number);
    return true;
}

std::string RoomPad::stream_name() const {
    return stream_.participant + (stream_.is_screen ? "-screen" : "");
}

void RoomPad::describe(const net::RoomStream &stream) {
    {
        std::lock_guard lock(tags_mutex_);
        stream_.name = stream.name;
        stream_.is_muted = stream.is_muted;
    }
    if (!has_tags_queued_.exchange(true)) put_tags();
}

GstEvent *RoomPad::tags() {
    has_tags_queued_ = false;
    std::unique_lock lock(tags_mutex_);
    GstTagList *list = gst_tag_list_new(GST_TAG_TITLE, stream_.name.c_str(), nullptr);
    const bool is_muted = stream_.is_muted;
    lock.unlock();
    if (stream_.is_screen)
        gst_tag_list_add(list, GST_TAG_MERGE_APPEND, GST_TAG_KEYWORDS, "screen", nullptr);
    else if (is_muted)
        gst_tag_list_add(list, GST_TAG_MERGE_APPEND, GST_TAG_KEYWORDS, "muted", nullptr);
    gst_tag_list_set_scope(list, GST_TAG_SCOPE_GLOBAL);
    return gst_event_new_tag(list);
}

} // namespace penstock

// SPDX-License-Identifier: LGPL-2.1-or-later
// The pad of an input, its tags, its states; input_media.cpp has what it does with encoded media.
#include "room/input.h"

#include "core/layout/loudest.h"
#include "gst/guard.h"
#include "gst/nonblocking.h"
#include "gst/steady_time.h"

#include <cmath>
#include <cstring>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_roommixer_debug);
#define GST_CAT_DEFAULT penstock_roommixer_debug

namespace penstock::room {
namespace {

/// Without video for so long, a tile shows the name.
constexpr guint64 stale = 3 * GST_SECOND;
constexpr size_t most_title = 512; ///< bytes

Input &input_of(GstPad *pad) {
    return *static_cast<Input *>(gst_pad_get_element_private(pad));
}

GstFlowReturn pad_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) noexcept {
    auto owned = GstPtr<GstBuffer>::adopt(buffer);
    return guard(parent, GST_FLOW_ERROR, [&] { return input_of(pad).chain(std::move(owned)); });
}

GstFlowReturn pad_chain_list(GstPad *pad, GstObject *, GstBufferList *list) noexcept {
    GstFlowReturn flow = GST_FLOW_OK;
    for (guint i = 0; i < gst_buffer_list_length(list) && flow == GST_FLOW_OK; ++i)
        flow = gst_pad_chain(pad, gst_buffer_ref(gst_buffer_list_get(list, i)));
    gst_buffer_list_unref(list);
    return flow;
}

gboolean pad_event(GstPad *pad, GstObject *parent, GstEvent *event) noexcept {
    auto owned = GstPtr<GstEvent>::adopt(event);
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return input_of(pad).take_event(std::move(owned)); });
}

gboolean pad_query(GstPad *pad, GstObject *parent, GstQuery *query) noexcept {
    if (!is_nonblocking_query(query)) return gst_pad_query_default(pad, parent, query);
    answer_nonblocking(query, false);
    return TRUE;
}

} // namespace

Input::Input(InputOwner &owner, uint32_t id, GstPad *pad, int64_t latency)
    : owner_(owner), id_(id), pad_(GstPtr<GstPad>::ref(pad)),
      arrival_(std::max<int64_t>(latency / 2, GST_MSECOND)) {
    for (Path &path : paths_)
        gst_segment_init(&path.segment, GST_FORMAT_TIME);
    gst_pad_set_element_private(pad_.get(), this);
    gst_pad_set_chain_function(pad_.get(), pad_chain);
    gst_pad_set_chain_list_function(pad_.get(), pad_chain_list);
    gst_pad_set_event_function(pad_.get(), pad_event);
    gst_pad_set_query_function(pad_.get(), pad_query);
    counters_.start();
}

Input::~Input() = default;

bool Input::build() {
    demuxer_ = GstPtr<GstElement>::ref(gst_element_factory_make("flvlivedemux", nullptr));
    if (!demuxer_) return false;
    g_signal_connect(demuxer_.get(), "pad-added",
                     G_CALLBACK(+[](GstElement *, GstPad *added, gpointer data) {
                         auto *self = static_cast<Input *>(data);
                         guard(self->owner_.bin(), [&] { self->on_coded_pad(added); });
                     }),
                     this);
    gst_bin_add(owner_.bin(), demuxer_.get());
    const auto in = GstPtr<GstPad>::adopt(gst_element_get_static_pad(demuxer_.get(), "sink"));
    gst_ghost_pad_set_target(GST_GHOST_PAD(pad_.get()), in.get());
    gst_element_sync_state_with_parent(demuxer_.get());
    return true;
}

void Input::remove() {
    is_removed_ = true;
    // Upstream may wait for a queue: it goes on when that is gone.
    drop_track(Medium::video);
    drop_track(Medium::audio);
    gst_pad_set_active(pad_.get(), FALSE);
    gst_element_set_locked_state(demuxer_.get(), TRUE);
    gst_element_set_state(demuxer_.get(), GST_STATE_NULL);
    gst_bin_remove(owner_.bin(), demuxer_.get());
    std::lock_guard lock(mutex_);
    for (Path &path : paths_)
        path.coded.reset();
}

void Input::reset() {
    for (const Medium medium : {Medium::video, Medium::audio}) {
        drop_track(medium);
        Path &path = path_of(medium);
        path.has_segment = false;
        path.needs_start = true;
        path.failed = false;
        path.type.clear();
        std::lock_guard lock(mutex_);
        path.coded.reset();
    }
    arrival_.reset();
    orientation_.reset();
    is_live_.reset();
    begun_ = ended_ = is_broken_ = false;
}

GstFlowReturn Input::chain(GstPtr<GstBuffer> buffer) {
    if (ended_) return GST_FLOW_EOS;
    if (!is_live_) {
        const auto query = GstPtr<GstQuery>::adopt(gst_query_new_latency());
        gboolean live = TRUE;
        if (gst_pad_peer_query(pad_.get(), query.get()))
            gst_query_parse_latency(query.get(), &live, nullptr, nullptr);
        is_live_ = live;
    }
    counters_.in(gst_buffer_get_size(buffer.get()));
    if (!begun_.exchange(true)) owner_.note_change();
    if (is_broken_) return GST_FLOW_OK;
    const GstFlowReturn flow =
        gst_proxy_pad_chain_default(pad_.get(), GST_OBJECT(owner_.bin()), buffer.release());
    // A medium that fails has said so by itself, and is no reason for upstream to end.
    return flow == GST_FLOW_FLUSHING && is_removed_ ? GST_FLOW_FLUSHING : GST_FLOW_OK;
}

gboolean Input::take_event(GstPtr<GstEvent> event) {
    switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_STREAM_START:
        orientation_.reset();
        ended_ = is_broken_ = false;
        is_live_.reset();
        arrival_.reset();
        break;
    case GST_EVENT_TAG:
        read_tags(event.get());
        break;
    // The others go on. What waits for the decoders is not worth the wait.
    case GST_EVENT_EOS:
        ended_ = true;
        owner_.note_change();
        for (const Medium medium : {Medium::video, Medium::audio})
            call_async([](Input &input, Medium which) { input.drop_track(which); }, medium);
        return TRUE;
    default:
        break;
    }
    return gst_pad_event_default(pad_.get(), GST_OBJECT(owner_.bin()), event.release());
}

/// The title is the name; the keywords say of a shared screen that it is one, and whether the
/// participant is muted: without them, it is not.
void Input::read_tags(GstEvent *event) {
    GstTagList *tags = nullptr;
    gst_event_parse_tag(event, &tags);
    gchar *raw = nullptr;
    if (gst_tag_list_get_string(tags, GST_TAG_TITLE, &raw)) {
        const GOwned<> title(raw);
        std::lock_guard lock(mutex_);
        title_.assign(title.get(), strnlen(title.get(), most_title));
        is_muted_ = false;
    }
    if (gst_tag_list_get_string(tags, GST_TAG_KEYWORDS, &raw)) {
        const GOwned<> keywords(raw);
        is_screen_ = strstr(keywords.get(), "screen") != nullptr;
        is_muted_ = strstr(keywords.get(), "muted") != nullptr;
    }
    turn(tags);
    owner_.note_change();
}

/// The demuxer passes on no tags of the container, and this one is the video's.
void Input::turn(GstTagList *tags) {
    gchar *raw = nullptr;
    if (!gst_tag_list_get_string(tags, GST_TAG_IMAGE_ORIENTATION, &raw)) return;
    const GOwned<> orientation(raw);
    GstTagList *own = gst_tag_list_new(GST_TAG_IMAGE_ORIENTATION, orientation.get(), nullptr);
    orientation_ = GstPtr<GstEvent>::adopt(gst_event_new_tag(own));
    GstPtr<GstPad> pad;
    {
        std::lock_guard lock(mutex_);
        pad = path_of(Medium::video).coded;
    }
    if (pad) gst_pad_push_event(pad.get(), gst_event_ref(orientation_.get()));
}

std::string Input::title() const {
    std::lock_guard lock(mutex_);
    return title_;
}

std::string Input::label() const {
    const std::string name = title();
    return is_screen_ && !name.empty() ? name + "\u2019s screen" : name;
}

/// The name for messages: the title, and the pad.
std::string Input::who() const {
    const GOwned<> name(gst_pad_get_name(pad_.get()));
    const GOwned<> valid(g_utf8_make_valid(title().c_str(), -1));
    return *valid ? std::string(valid.get()) + " (" + name.get() + ")" : std::string(name.get());
}

bool Input::has_video(guint64 now) const {
    const auto track = video();
    return track && track->last() != 0 && track->shape() && now < track->last() + stale;
}

double Input::level(guint64 now) const {
    const auto track = std::static_pointer_cast<AudioTrack>(track_of(Medium::audio));
    return track ? track->level(now) : layout::silence;
}

void Input::set_wanted(bool wanted) {
    wanted_ = wanted;
}

GstPtr<GstStructure> Input::stats(guint64 now) const {
    const auto frames = [&](Medium medium) {
        const auto track = track_of(medium);
        return track ? track->frames() : guint64(0);
    };
    const char *state = !is_there() ? "absent" : has_video(now) ? "video" : "name";
    const GOwned<> name(gst_pad_get_name(pad_.get()));
    const GOwned<> title_text(g_utf8_make_valid(title().c_str(), -1));
    const auto shape = has_video(now) ? video()->shape().value_or(layout::Size{}) : layout::Size{};
    return GstPtr<GstStructure>::adopt(gst_structure_new(
        "input", "pad", G_TYPE_STRING, name.get(), "title", G_TYPE_STRING, title_text.get(),
        "screen", G_TYPE_BOOLEAN, gboolean(is_screen_), "state", G_TYPE_STRING, state, "width",
        G_TYPE_UINT, shape.width, "height", G_TYPE_UINT, shape.height, "bytes-in", G_TYPE_UINT64,
        guint64(counters_.bytes_in), "video-frames", G_TYPE_UINT64, frames(Medium::video),
        "audio-frames", G_TYPE_UINT64, frames(Medium::audio), "drops", G_TYPE_UINT64,
        guint64(paths_[0].drops) + paths_[1].drops, "moves", G_TYPE_UINT64, guint64(moves_),
        "level", G_TYPE_DOUBLE, level(now), nullptr));
}

} // namespace penstock::room

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/auto_sync.h"

#include "gst/ptr.h"

namespace penstock {
namespace {

bool is_upstream_live(GstBaseSink *sink) {
    auto query = GstPtr<GstQuery>::adopt(gst_query_new_latency());
    gboolean live = FALSE;
    if (gst_pad_peer_query(sink->sinkpad, query.get()))
        gst_query_parse_latency(query.get(), &live, nullptr, nullptr);
    return live;
}

} // namespace

void AutoSync::watch(GstBaseSink *sink) {
    g_signal_connect(sink, "notify::sync", G_CALLBACK(+[](GObject *, GParamSpec *, gpointer data) {
                         auto *self = static_cast<AutoSync *>(data);
                         if (!self->setting_) self->set_by_user_ = true;
                     }),
                     this);
}

void AutoSync::decide(GstBaseSink *sink) {
    if (!undecided_.exchange(false) || set_by_user_) return;
    const bool live = is_upstream_live(sink);
    setting_ = true;
    gst_base_sink_set_sync(sink, !live);
    setting_ = false;
    GST_DEBUG_OBJECT(sink, "upstream is %s", live ? "live: no sync" : "not live: sync");
}

bool AutoSync::is_nonblocking(GstBaseSink *sink) const {
    return undecided_ && !set_by_user_ ? is_upstream_live(sink) : !gst_base_sink_get_sync(sink);
}

} // namespace penstock

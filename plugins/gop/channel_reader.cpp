// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gop/channel_reader.h"

#include "core/net/loop/address.h"
#include "gop/goptee.h"
#include "gop/tee.h"
#include "gop/tee_source.h"
#include "gst/guard.h"
#include "gst/nonblocking.h"

#include <cstdlib>

GST_DEBUG_CATEGORY_EXTERN(penstock_gop_src_debug);
#define GST_CAT_DEFAULT penstock_gop_src_debug

namespace penstock::gop {
namespace {

ChannelReader &reader_of(GstPad *inlet) {
    return *static_cast<ChannelReader *>(gst_pad_get_element_private(inlet));
}

// The current running time of an element's pipeline; GST_CLOCK_STIME_NONE without a clock.
GstClockTimeDiff running_time_now(GstElement *element) {
    const auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(element));
    if (!clock) return GST_CLOCK_STIME_NONE;
    return GST_CLOCK_DIFF(gst_element_get_base_time(element), gst_clock_get_time(clock.get()));
}

} // namespace

ChannelReader::ChannelReader(GstElement *element, GstPad *src)
    : element_(element), src_(src),
      inlet_(
          GstPtr<GstPad>::adopt(GST_PAD(gst_object_ref_sink(gst_pad_new("inlet", GST_PAD_SINK))))) {
    gst_pad_set_element_private(inlet_.get(), this);
    gst_pad_set_chain_function(inlet_.get(),
                               [](GstPad *inlet, GstObject *, GstBuffer *buffer) -> GstFlowReturn {
                                   ChannelReader &reader = reader_of(inlet);
                                   auto owned = GstPtr<GstBuffer>::adopt(buffer);
                                   return guard(reader.element_, GST_FLOW_ERROR,
                                                [&] { return reader.chain(std::move(owned)); });
                               });
    gst_pad_set_event_function(
        inlet_.get(), [](GstPad *inlet, GstObject *, GstEvent *event) -> gboolean {
            ChannelReader &reader = reader_of(inlet);
            auto owned = GstPtr<GstEvent>::adopt(event);
            return guard(reader.element_, gboolean(FALSE),
                         [&]() -> gboolean { return reader.event(std::move(owned)); });
        });
    gst_pad_set_query_function(inlet_.get(),
                               [](GstPad *, GstObject *, GstQuery *query) -> gboolean {
                                   if (!is_nonblocking_query(query)) return FALSE;
                                   // The branch must use its own thread, so that nothing waits for
                                   // this pipeline.
                                   answer_nonblocking(query, false);
                                   return TRUE;
                               });
}

ChannelReader::~ChannelReader() = default;

std::string ChannelReader::channel() const {
    std::lock_guard lock(lock_);
    return channel_;
}

void ChannelReader::set_channel(const std::string &name) {
    std::lock_guard lock(lock_);
    channel_ = name;
}

ChannelReader::Source ChannelReader::source() const {
    std::lock_guard lock(lock_);
    return source_;
}

bool ChannelReader::start(std::string *error) {
    const std::string name = channel();
    if (!net::is_safe_path(name)) {
        *error = name.empty() ? "no channel is given: set channel=app/name to that of a goptee"
                              : "'" + name +
                                    "' is not a legal channel: write app/name, as in live/cam, "
                                    "with letters, digits and ._~- only";
        return false;
    }
    counters_.start();
    ended_ = false;
    gst_pad_set_active(inlet_.get(), TRUE);
    return true;
}

void ChannelReader::listen() {
    if (!subscription_) subscription_ = Channels::listen(channel(), *this);
}

void ChannelReader::stop() {
    subscription_.reset(); // no further calls from now on
    gst_pad_set_active(inlet_.get(), FALSE);
    Source gone;
    {
        std::lock_guard lock(lock_);
        gone = std::exchange(source_, {});
    }
    if (gone.tee) tee_of(gone.tee.get()).detach(gone.branch);
    counters_.stop();
}

void ChannelReader::on_source(const std::shared_ptr<ChannelSource> &source) {
    Source found;
    found.tee = static_cast<TeeSource &>(*source).tee();
    GST_INFO_OBJECT(element_, "channel %s: %" GST_PTR_FORMAT, channel().c_str(), found.tee.get());
    {
        // Set before its first event arrives.
        std::lock_guard lock(lock_);
        source_.tee = found.tee;
    }
    found.branch = tee_of(found.tee.get()).attach(inlet_.get());
    {
        std::lock_guard lock(lock_);
        source_.branch = std::move(found.branch);
    }
    gst_element_post_message(element_, gst_message_new_latency(GST_OBJECT(element_)));
}

void ChannelReader::on_lost() {
    Source gone;
    {
        std::lock_guard lock(lock_);
        gone = std::exchange(source_, {});
    }
    GST_INFO_OBJECT(element_, "channel %s has gone", channel().c_str());
    // The thread that withdraws the channel must not wait for this pipeline.
    if (gone.tee) tee_of(gone.tee.get()).detach(gone.branch);
    if (on_loss_ == OnLoss::eos)
        gst_element_call_async(
            element_,
            [](GstElement *element, gpointer self) {
                guard(element, [&] { static_cast<ChannelReader *>(self)->end(); });
            },
            this, nullptr);
}

void ChannelReader::end() {
    if (!ended_.exchange(true)) gst_pad_push_event(src_, gst_event_new_eos());
}

GstFlowReturn ChannelReader::chain(GstPtr<GstBuffer> buffer) {
    const gsize size = gst_buffer_get_size(buffer.get());
    counters_.in(size);
    const GstFlowReturn flow = gst_pad_push(src_, buffer.release());
    if (flow == GST_FLOW_OK)
        counters_.out(size);
    else if (flow < GST_FLOW_EOS)
        GST_ELEMENT_FLOW_ERROR(element_, flow);
    return flow;
}

bool ChannelReader::event(GstPtr<GstEvent> event) {
    switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_EOS:
        if (on_loss_ == OnLoss::eos) end();
        return true;
    case GST_EVENT_SEGMENT:
        event = moved(std::move(event));
        break;
    case GST_EVENT_STREAM_START:
        ended_ = false;
        break;
    default:
        break;
    }
    return gst_pad_push_event(src_, event.release());
}

// Pipelines that started at different times have different running times at the same moment.
GstPtr<GstEvent> ChannelReader::moved(GstPtr<GstEvent> event) const {
    GstSegment segment;
    gst_event_copy_segment(event.get(), &segment);
    const Source from = source();
    const GstClockTimeDiff here = running_time_now(element_);
    const GstClockTimeDiff there =
        from.tee ? running_time_now(from.tee.get()) : GST_CLOCK_STIME_NONE;
    if (segment.format != GST_FORMAT_TIME || !GST_CLOCK_STIME_IS_VALID(here) ||
        !GST_CLOCK_STIME_IS_VALID(there))
        return event;
    // A difference below a millisecond is the same time read twice.
    const GstClockTimeDiff offset = here - there;
    if (std::abs(offset) < GstClockTimeDiff(GST_MSECOND)) return event;
    if (!gst_segment_offset_running_time(&segment, GST_FORMAT_TIME, offset))
        GST_WARNING_OBJECT(element_, "the channel's segment can't be moved by %" GST_STIME_FORMAT,
                           GST_STIME_ARGS(offset));
    auto changed = GstPtr<GstEvent>::adopt(gst_event_new_segment(&segment));
    gst_event_set_seqnum(changed.get(), gst_event_get_seqnum(event.get()));
    return changed;
}

bool ChannelReader::src_query(GstQuery *query) {
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_LATENCY: {
        // Adds the latency of the source's pipeline; the branch's queue holds early buffers.
        const Source from = source();
        gboolean live = FALSE;
        GstClockTime min = 0, max = GST_CLOCK_TIME_NONE;
        if (from.tee && tee_of(from.tee.get()).upstream_latency(query))
            gst_query_parse_latency(query, &live, &min, &max);
        gst_query_set_latency(query, TRUE, live ? min : 0, GST_CLOCK_TIME_NONE);
        return true;
    }
    case GST_QUERY_CAPS: {
        GstCaps *filter;
        gst_query_parse_caps(query, &filter);
        auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(src_));
        if (!caps) caps = GstPtr<GstCaps>::adopt(gst_caps_new_any());
        if (filter)
            caps = GstPtr<GstCaps>::adopt(
                gst_caps_intersect_full(filter, caps.get(), GST_CAPS_INTERSECT_FIRST));
        gst_query_set_caps_result(query, caps.get());
        return true;
    }
    case GST_QUERY_SCHEDULING:
    case GST_QUERY_SEEKING:
    case GST_QUERY_ALLOCATION:
        return false;
    default:
        return gst_pad_query_default(src_, GST_OBJECT(element_), query);
    }
}

GstPtr<GstStructure> ChannelReader::stats() const {
    const Source from = source();
    auto stats = counters_.with_peers(from.branch ? 1 : 0).to_structure();
    if (from.branch) {
        const auto branch = from.branch->stats();
        for (const char *field :
             {"drops", "skips", "queued-buffers", "queued-bytes", "queued-time"})
            gst_structure_set_value(stats.get(), field,
                                    gst_structure_get_value(branch.get(), field));
    }
    return stats;
}

} // namespace penstock::gop

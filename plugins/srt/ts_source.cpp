// SPDX-License-Identifier: LGPL-2.1-or-later
#include "srt/ts_source.h"

#include "core/mpegts/aligner.h"
#include "gst/bytes.h"

namespace penstock::srt {

using mpegts::packet_size;

namespace {

/// µs between two changes of the caps. Each may make what is behind begin anew, and a sender can
/// change its tables with every packet.
constexpr gint64 caps_interval = 250'000;

} // namespace

void TsSource::on_open() {
    joins_.reset();
    tables_version_ = 0;
    next_caps_ = 0;
    discont_ = true;
}

void TsSource::begin(const std::string &who) {
    on_open();
    on_began(who);
}

/// Those who join behind this (goptee, httpserversink) need the program tables first.
void TsSource::push_caps() {
    auto caps = GstPtr<GstCaps>::adopt(gst_caps_from_string(ts_caps));
    if (!joins_.tables().empty()) {
        GValue array = G_VALUE_INIT, value = G_VALUE_INIT;
        g_value_init(&array, GST_TYPE_ARRAY);
        g_value_init(&value, GST_TYPE_BUFFER);
        auto buffer = buffer_of(Bytes::copy_of(ByteView(joins_.tables())));
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
        gst_value_take_buffer(&value, buffer.release());
        gst_value_array_append_and_take_value(&array, &value);
        gst_structure_take_value(gst_caps_get_structure(caps.get(), 0), "streamheader", &array);
    }
    start_.push(caps.get());
}

GstFlowReturn TsSource::take_media(Bytes &&packets) {
    size_t begin = 0;
    bool joinable = false;
    for (size_t at = 0; at + packet_size <= packets.size(); at += packet_size) {
        const bool may_join = joins_.take(packets.view().subspan(at, packet_size));
        const bool has_tables =
            joins_.version() != tables_version_ && g_get_monotonic_time() >= next_caps_;
        if ((may_join || has_tables) && at > begin) {
            const auto flow = push_packets(packets.sub(begin, at - begin), joinable);
            if (flow != GST_FLOW_OK) return flow;
            begin = at;
            joinable = false;
        }
        if (has_tables) {
            tables_version_ = joins_.version();
            next_caps_ = g_get_monotonic_time() + caps_interval;
            push_caps();
        }
        joinable = joinable || may_join;
    }
    return push_packets(packets.sub(begin), joinable);
}

GstFlowReturn TsSource::push_packets(const Bytes &packets, bool joinable) {
    if (packets.empty()) return GST_FLOW_OK;
    if (!start_.has_started()) push_caps();
    auto buffer = buffer_of(packets);
    GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = running_time();
    if (!joinable) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    if (std::exchange(discont_, false)) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    return push(std::move(buffer));
}

} // namespace penstock::srt

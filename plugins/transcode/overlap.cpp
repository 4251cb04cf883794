// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transcode/overlap.h"

namespace penstock::transcode {
namespace {

/// Timestamps in FLV and Matroska are whole milliseconds.
constexpr int64_t grain = 2 * GST_MSECOND;
/// A larger step back is a new timeline, not an overlap.
constexpr int64_t longest = 250 * GST_MSECOND;

} // namespace

void Overlap::set_caps(const GstCaps *caps) {
    is_known_ = gst_audio_info_from_caps(&info_, caps);
}

GstPtr<GstBuffer> Overlap::cut(GstPtr<GstBuffer> buffer) {
    const GstClockTime pts = GST_BUFFER_PTS(buffer.get());
    if (!is_known_ || !GST_CLOCK_TIME_IS_VALID(pts)) return buffer;
    const auto bpf = gsize(GST_AUDIO_INFO_BPF(&info_));
    const auto rate = guint64(GST_AUDIO_INFO_RATE(&info_));
    const gsize samples = gst_buffer_get_size(buffer.get()) / bpf;
    const auto length_of = [rate](gsize count) {
        return int64_t(gst_util_uint64_scale_round(count, GST_SECOND, rate));
    };
    const int64_t begin = int64_t(pts), end = begin + length_of(samples);
    const int64_t over = end_ ? *end_ - begin : 0;
    if (over <= grain || over > longest) {
        end_ = end;
        return buffer;
    }
    const gsize trim = gst_util_uint64_scale_round(guint64(over), rate, GST_SECOND);
    if (trim >= samples) return {};
    end_ = end;
    auto rest = GstPtr<GstBuffer>::adopt(
        gst_audio_buffer_truncate(buffer.release(), int(bpf), trim, samples - trim));
    GST_BUFFER_PTS(rest.get()) = GstClockTime(begin + length_of(trim));
    GST_BUFFER_DURATION(rest.get()) = GstClockTime(length_of(samples - trim));
    return rest;
}

} // namespace penstock::transcode

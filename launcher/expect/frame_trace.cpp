// SPDX-License-Identifier: LGPL-2.1-or-later
#include "expect/frame_trace.h"

#include "supervisor/children.h"

#include <algorithm>
#include <string_view>

namespace penstock::expect {
namespace {

/// Enough to distinguish frames: entropy is highest at the end of a slice.
constexpr gsize tail = 64;

/// Returns 0 if the frame is too short to be distinguished.
uint64_t fingerprint(GstBuffer *picture) {
    guint8 bytes[tail];
    const gsize size = gst_buffer_get_size(picture);
    if (size < tail || gst_buffer_extract(picture, size - tail, bytes, tail) != tail) return 0;
    uint64_t hash = 14695981039346656037u; // FNV-1a
    for (const guint8 byte : bytes)
        hash = (hash ^ byte) * 1099511628211u;
    return hash;
}

bool is_encoded_picture(GstPad *pad) {
    const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    if (!caps || gst_caps_get_size(caps.get()) == 0) return false;
    const std::string_view name = gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
    for (const char *codec :
         {"video/x-h264", "video/x-h265", "video/x-av1", "video/x-vp8", "video/x-vp9"})
        if (name == codec) return true;
    return false;
}

} // namespace

void FrameTrace::State::add(GstBuffer *picture) {
    const uint64_t hash = fingerprint(picture);
    if (!hash) return;
    std::lock_guard guard(lock);
    if (!seen.emplace(hash, g_get_monotonic_time() * 1000).second) return;
    order.push_back(hash);
    if (order.size() <= most) return;
    seen.erase(order.front());
    order.pop_front();
}

void FrameTrace::watch(GstElement *pipeline) {
    for (const auto &element : supervisor::children_of(pipeline)) {
        for (const auto &pad : supervisor::source_pads_of(element.get())) {
            const bool known = std::any_of(probes_.begin(), probes_.end(), [&](const Probe &p) {
                return p.pad.get() == pad.get();
            });
            if (known || !is_encoded_picture(pad.get())) continue;
            const gulong id = gst_pad_add_probe(
                pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
                [](GstPad *, GstPadProbeInfo *info, gpointer data) {
                    (*static_cast<std::shared_ptr<State> *>(data))
                        ->add(GST_PAD_PROBE_INFO_BUFFER(info));
                    return GST_PAD_PROBE_OK;
                },
                new std::shared_ptr<State>(state_),
                [](gpointer data) { delete static_cast<std::shared_ptr<State> *>(data); });
            probes_.push_back({pad, id});
        }
    }
}

int64_t FrameTrace::State::find(GstBuffer *picture) const {
    const uint64_t hash = fingerprint(picture);
    std::lock_guard guard(lock);
    const auto found = seen.find(hash);
    return hash && found != seen.end() ? found->second : -1;
}

FrameTrace::Finder FrameTrace::finder() const {
    return [state = state_](GstBuffer *picture) { return state->find(picture); };
}

FrameTrace::~FrameTrace() {
    for (const Probe &probe : probes_)
        gst_pad_remove_probe(probe.pad.get(), probe.id);
}

} // namespace penstock::expect

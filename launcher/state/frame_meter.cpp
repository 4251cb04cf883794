// SPDX-License-Identifier: LGPL-2.1-or-later
#include "state/frame_meter.h"

#include "supervisor/children.h"

#include <atomic>
#include <memory>
#include <string_view>

namespace penstock::state {
namespace {

/// First byte of an FLV video tag.
constexpr guint8 video_tag = 9;

struct Count {
    std::atomic<uint64_t> frames = 0;
    std::atomic<bool> is_flv = false;

    void add(GstBuffer *buffer) {
        guint8 type = 0;
        if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_HEADER) ||
            (is_flv &&
             (gst_buffer_extract(buffer, 0, &type, 1) != 1 || (type & 0x1f) != video_tag)))
            return;
        ++frames;
    }
};

GstPadProbeReturn on_data(GstPad *, GstPadProbeInfo *info, gpointer data) {
    auto *count = static_cast<std::shared_ptr<Count> *>(data)->get();
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER)
        count->add(GST_PAD_PROBE_INFO_BUFFER(info));
    else if (GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info))
        for (guint i = 0; i < gst_buffer_list_length(list); ++i)
            count->add(gst_buffer_list_get(list, i));
    return GST_PAD_PROBE_OK;
}

/// Suitability of a pad for counting; 0: frames can't be counted there.
int grade_of(GstPad *pad, bool *is_flv) {
    const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    if (!caps || gst_caps_get_size(caps.get()) == 0 || !gst_pad_is_linked(pad)) return 0;
    const std::string_view name = gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
    *is_flv = name == "video/x-flv";
    if (name == "video/x-raw") return 1;
    if (*is_flv) return 2;
    const bool container = name == "video/mpegts" || name == "video/quicktime" ||
                           name == "video/x-matroska" || name == "video/webm";
    return name.starts_with("video/") && !container ? 3 : 0;
}

/// Attached to its pipeline as object data.
class Meter {
public:
    ~Meter() { detach(); }
    uint64_t read(GstElement *pipeline) {
        // The pad was removed together with its branch.
        if (pad_ && !gst_pad_is_linked(pad_.get())) detach();
        if (!pad_) attach(pipeline);
        return count_->frames;
    }

private:
    void attach(GstElement *pipeline) {
        int best = 0;
        for (const auto &element : supervisor::children_of(pipeline)) {
            for (const auto &pad : supervisor::source_pads_of(element.get())) {
                bool is_flv = false;
                const int grade = grade_of(pad.get(), &is_flv);
                if (grade <= best) continue;
                best = grade;
                pad_ = pad;
                count_->is_flv = is_flv;
            }
        }
        if (!pad_) return;
        const auto type = static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER |
                                                       GST_PAD_PROBE_TYPE_BUFFER_LIST);
        probe_ = gst_pad_add_probe(
            pad_.get(), type, on_data, new std::shared_ptr<Count>(count_),
            [](gpointer data) { delete static_cast<std::shared_ptr<Count> *>(data); });
    }
    void detach() {
        if (pad_ && probe_) gst_pad_remove_probe(pad_.get(), probe_);
        probe_ = 0;
        pad_.reset();
    }

    GstPtr<GstPad> pad_;
    gulong probe_ = 0;
    std::shared_ptr<Count> count_ = std::make_shared<Count>();
};

} // namespace

uint64_t count_frames(GstElement *pipeline) {
    static const char *key = "penstock-frame-meter";
    auto *meter = static_cast<Meter *>(g_object_get_data(G_OBJECT(pipeline), key));
    if (!meter) {
        meter = new Meter;
        g_object_set_data_full(G_OBJECT(pipeline), key, meter,
                               [](gpointer data) { delete static_cast<Meter *>(data); });
    }
    return meter->read(pipeline);
}

} // namespace penstock::state

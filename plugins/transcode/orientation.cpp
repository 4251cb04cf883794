// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transcode/orientation.h"

namespace penstock::transcode {

std::optional<Orientation> orientation_of(GstEvent *tag_event) {
    GstTagList *tags = nullptr;
    gst_event_parse_tag(tag_event, &tags);
    Orientation orientation = GST_VIDEO_ORIENTATION_IDENTITY;
    if (!gst_video_orientation_from_tag(tags, &orientation)) return std::nullopt;
    return orientation;
}

GstPtr<GstEvent> as_upright(GstEvent *tag_event) {
    GstTagList *tags = nullptr;
    gst_event_parse_tag(tag_event, &tags);
    GstTagList *upright = gst_tag_list_copy(tags);
    gst_tag_list_add(upright, GST_TAG_MERGE_REPLACE, GST_TAG_IMAGE_ORIENTATION, "rotate-0",
                     nullptr);
    auto event = GstPtr<GstEvent>::adopt(gst_event_new_tag(upright)); // takes the list
    gst_event_set_seqnum(event.get(), gst_event_get_seqnum(tag_event));
    return event;
}

std::string say_orientation(Orientation orientation) {
    switch (orientation) {
    case GST_VIDEO_ORIENTATION_90R:
        return "rotated by 90° clockwise";
    case GST_VIDEO_ORIENTATION_180:
        return "rotated by 180°";
    case GST_VIDEO_ORIENTATION_90L:
        return "rotated by 90° counterclockwise";
    case GST_VIDEO_ORIENTATION_HORIZ:
        return "mirrored left to right";
    case GST_VIDEO_ORIENTATION_VERT:
        return "mirrored top to bottom";
    case GST_VIDEO_ORIENTATION_UL_LR:
        return "mirrored left to right and rotated by 90° counterclockwise";
    case GST_VIDEO_ORIENTATION_UR_LL:
        return "mirrored left to right and rotated by 90° clockwise";
    default:
        return "";
    }
}

} // namespace penstock::transcode

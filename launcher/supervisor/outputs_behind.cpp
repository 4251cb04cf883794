// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/outputs_behind.h"

#include "gst/ptr.h"

#include <set>

namespace penstock::supervisor {
namespace {

using Pads = std::vector<GstPtr<GstPad>>;

Pads pads_of(GstElement *element, GstPadDirection direction) {
    Pads pads;
    GST_OBJECT_LOCK(element);
    for (const GList *each = element->pads; each; each = each->next)
        if (auto *pad = static_cast<GstPad *>(each->data); GST_PAD_DIRECTION(pad) == direction)
            pads.push_back(GstPtr<GstPad>::ref(pad));
    GST_OBJECT_UNLOCK(element);
    return pads;
}

} // namespace

std::vector<std::string> outputs_behind(GstElement *element, const char *name) {
    std::vector<std::string> locations;
    std::set<GstElement *> seen;
    Pads open;
    if (GstPad *first = gst_element_get_static_pad(element, name))
        open.push_back(GstPtr<GstPad>::adopt(first));
    while (!open.empty()) {
        const GstPtr<GstPad> pad = std::move(open.back());
        open.pop_back();
        const auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(pad.get()));
        if (!peer) continue;
        const auto next = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(peer.get()));
        if (!next || !seen.insert(next.get()).second) continue;
        Pads further = pads_of(next.get(), GST_PAD_SRC);
        const bool has_location =
            g_object_class_find_property(G_OBJECT_GET_CLASS(next.get()), "location") != nullptr;
        if (further.empty() && has_location && pads_of(next.get(), GST_PAD_SINK).size() == 1) {
            gchar *location = nullptr;
            g_object_get(next.get(), "location", &location, nullptr);
            if (const GOwned<> text(location); text) locations.push_back(text.get());
        }
        for (GstPtr<GstPad> &each : further)
            open.push_back(std::move(each));
    }
    return locations;
}

} // namespace penstock::supervisor

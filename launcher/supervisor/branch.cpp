// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/branch.h"

#include "gst/object_lock.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>

namespace penstock::supervisor {
namespace {

std::string factory_name(GstElement *element) {
    GstElementFactory *factory = gst_element_get_factory(element);
    return factory ? GST_OBJECT_NAME(factory) : "";
}

bool is_goptee(GstElement *element) {
    return factory_name(element) == "goptee";
}

std::vector<GstPtr<GstPad>> pads_of(GstElement *element) {
    std::vector<GstPtr<GstPad>> pads;
    const ObjectLock lock(element);
    for (GList *l = element->pads; l; l = l->next)
        pads.push_back(GstPtr<GstPad>::ref(GST_PAD(l->data)));
    return pads;
}

std::string label_of(const Branch &branch) {
    std::string label;
    for (const auto &pad : branch.tee_pads) {
        if (!label.empty()) label += ", ";
        const auto tee = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(pad.get()));
        if (tee) label += std::string(GST_OBJECT_NAME(tee.get())) + ".";
        label += GST_OBJECT_NAME(pad.get());
    }
    std::string elements;
    for (const auto &element : branch.elements) {
        if (!elements.empty()) elements += ", ";
        elements += factory_name(element.get()) + " '" + GST_OBJECT_NAME(element.get()) + "'";
    }
    return label + " (" + elements + ")";
}

/// Sinks come first, so that no element waits for a stopped one downstream.
void sort_sinks_first(std::vector<GstPtr<GstElement>> &elements) {
    std::vector<GstPtr<GstElement>> sorted;
    const auto waits = [&](const GstPtr<GstElement> &element) {
        for (const auto &pad : pads_of(element.get())) {
            if (gst_pad_get_direction(pad.get()) != GST_PAD_SRC) continue;
            const auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(pad.get()));
            if (!peer) continue;
            const auto next = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(peer.get()));
            for (const auto &other : elements)
                if (next && other.get() == next.get() && other.get() != element.get()) return true;
        }
        return false;
    };
    while (!elements.empty()) {
        auto found = std::find_if_not(elements.begin(), elements.end(), waits);
        if (found == elements.end()) found = elements.begin();
        sorted.push_back(std::move(*found));
        elements.erase(found);
    }
    elements = std::move(sorted);
}

} // namespace

GstPtr<GstElement> child_of(GstElement *pipeline, GstObject *object) {
    auto current = GstPtr<GstObject>::ref(object);
    while (current) {
        auto parent = GstPtr<GstObject>::adopt(gst_object_get_parent(current.get()));
        if (parent && parent.get() == GST_OBJECT(pipeline))
            return GST_IS_ELEMENT(current.get())
                       ? GstPtr<GstElement>::adopt(GST_ELEMENT(current.release()))
                       : GstPtr<GstElement>();
        current = std::move(parent);
    }
    return {};
}

std::optional<Branch> find_branch(GstElement *pipeline, GstObject *failed) {
    auto first = child_of(pipeline, failed);
    if (!first) return std::nullopt;
    Branch branch;
    std::deque<GstPtr<GstElement>> open;
    open.push_back(std::move(first));
    const auto known = [&](GstElement *element) {
        const auto is_it = [&](const auto &other) { return other.get() == element; };
        return std::any_of(branch.elements.begin(), branch.elements.end(), is_it) ||
               std::any_of(open.begin(), open.end(), is_it);
    };
    // Collects all linked elements in both directions; goptees bound the search upstream.
    while (!open.empty()) {
        branch.elements.push_back(std::move(open.front()));
        open.pop_front();
        for (const auto &pad : pads_of(branch.elements.back().get())) {
            const auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(pad.get()));
            if (!peer) continue;
            auto next = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(peer.get()));
            if (!next) continue;
            if (gst_pad_get_direction(pad.get()) == GST_PAD_SINK && is_goptee(next.get())) {
                branch.tee_pads.push_back(peer);
                continue;
            }
            if (!known(next.get())) open.push_back(std::move(next));
        }
    }
    // If the elements lead back into their own goptee, they are not a separate branch.
    for (const auto &pad : branch.tee_pads) {
        const auto tee = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(pad.get()));
        if (tee && known(tee.get())) return std::nullopt;
    }
    if (branch.tee_pads.empty()) return std::nullopt;
    sort_sinks_first(branch.elements);
    branch.label = label_of(branch);
    return branch;
}

void remove_branch(GstElement *pipeline, Branch branch, Task gone) {
    for (const auto &pad : branch.tee_pads) {
        const auto tee = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(pad.get()));
        if (!tee) continue;
        if (g_signal_lookup("remove-branch", G_OBJECT_TYPE(tee.get()))) {
            gboolean idle = FALSE;
            g_signal_emit_by_name(tee.get(), "remove-branch", pad.get(), &idle);
        } else {
            const auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(pad.get()));
            if (peer) gst_pad_unlink(pad.get(), peer.get());
            gst_element_release_request_pad(tee.get(), pad.get());
        }
    }
    // The pipeline's state changes no longer apply to them.
    for (const auto &element : branch.elements)
        gst_element_set_locked_state(element.get(), TRUE);
    // GLib's thread pool hands it over; the flag does so once more, since ThreadSanitizer does not
    // see GLib's locks.
    struct Work {
        Branch branch;
        Task gone;
        std::atomic<bool> is_complete{false};
    };
    auto *const complete = new Work{.branch = std::move(branch), .gone = std::move(gone)};
    complete->is_complete.store(true, std::memory_order_release);
    gst_element_call_async(
        pipeline,
        [](GstElement *whole, gpointer data) {
            auto &work = *static_cast<Work *>(data);
            if (!work.is_complete.load(std::memory_order_acquire)) return;
            for (const auto &element : work.branch.elements)
                gst_element_set_state(element.get(), GST_STATE_NULL);
            for (const auto &element : work.branch.elements)
                gst_bin_remove(GST_BIN(whole), element.get());
            post(std::move(work.gone));
        },
        complete, [](gpointer data) { delete static_cast<Work *>(data); });
}

} // namespace penstock::supervisor

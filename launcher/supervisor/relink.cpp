// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/relink.h"

#include "gst/object_lock.h"

#include <algorithm>

namespace penstock::supervisor {
namespace {

/// A link between two elements of the branch.
struct Link {
    GstPtr<GstPad> src, sink;
};

std::vector<Link> links_of(const std::vector<GstPtr<GstElement>> &elements) {
    std::vector<Link> links;
    for (const auto &element : elements) {
        const ObjectLock lock(element.get());
        for (GList *l = element->srcpads; l; l = l->next) {
            auto src = GstPtr<GstPad>::ref(GST_PAD(l->data));
            if (auto sink = GstPtr<GstPad>::adopt(gst_pad_get_peer(src.get())))
                links.push_back({std::move(src), std::move(sink)});
        }
    }
    return links;
}

/// On destruction, removes the added elements from the pipeline unless the relinking succeeded.
struct Undo {
    explicit Undo(GstElement *where) : pipeline(where) {}
    Undo(const Undo &) = delete;
    Undo &operator=(const Undo &) = delete;
    ~Undo() {
        if (!pipeline) return;
        for (const auto &pad : requested) {
            if (const auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(pad.get())))
                gst_pad_unlink(pad.get(), peer.get());
            if (const auto tee = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(pad.get())))
                gst_element_release_request_pad(tee.get(), pad.get());
        }
        for (const auto &element : added) {
            gst_element_set_locked_state(element.get(), TRUE);
            gst_element_set_state(element.get(), GST_STATE_NULL);
            gst_bin_remove(GST_BIN(pipeline), element.get());
        }
    }

    GstElement *pipeline; ///< nullptr: keep the changes
    std::vector<GstPtr<GstElement>> added;
    std::vector<GstPtr<GstPad>> requested;
};

bool link(GstPad *src, GstPad *sink, std::string *error) {
    if (!GST_PAD_LINK_FAILED(gst_pad_link(src, sink))) return true;
    *error = std::string("its link ") + GST_OBJECT_NAME(src) + " to " + GST_OBJECT_NAME(sink) +
             " can't be made again";
    return false;
}

} // namespace

std::vector<GstElement *> children_as_made(GstElement *pipeline) {
    std::vector<GstElement *> children;
    if (!GST_IS_BIN(pipeline)) return children;
    const ObjectLock lock(pipeline);
    for (GList *l = GST_BIN_CHILDREN(pipeline); l; l = l->next)
        children.push_back(GST_ELEMENT(l->data));
    std::reverse(children.begin(), children.end()); // a bin lists its newest child first
    return children;
}

BranchPlace place_of(const Branch &branch, const std::vector<GstElement *> &children) {
    BranchPlace place;
    const auto index_of = [&](GstElement *element) {
        return size_t(std::find(children.begin(), children.end(), element) - children.begin());
    };
    for (const auto &element : branch.elements) {
        place.elements.push_back(index_of(element.get()));
        if (place.elements.back() == children.size()) return {};
    }
    for (const auto &pad : branch.tee_pads) {
        const auto tee = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(pad.get()));
        const size_t index = index_of(tee.get());
        if (index == children.size()) return {};
        place.tee_pads.emplace_back(index, GST_OBJECT_NAME(pad.get()));
    }
    std::sort(place.elements.begin(), place.elements.end());
    return place;
}

bool relink(GstElement *pipeline, std::vector<GstElement *> &children, GstElement *copy,
            const BranchPlace &place, std::string *error) {
    const std::vector<GstElement *> others = children_as_made(copy);
    if (others.size() != children.size()) {
        *error = "its pipeline is not what it was";
        return false;
    }
    std::vector<GstPtr<GstElement>> elements;
    for (const size_t index : place.elements)
        elements.push_back(GstPtr<GstElement>::ref(others.at(index)));
    // Removing an element from a bin unlinks it, so the links are recorded first.
    std::vector<std::pair<GstPtr<GstElement>, GstPtr<GstPad>>> entries; // live goptee, its peer
    std::vector<std::string> names;
    for (const auto &[tee, name] : place.tee_pads) {
        const auto pad =
            GstPtr<GstPad>::adopt(gst_element_get_static_pad(others.at(tee), name.c_str()));
        auto peer = pad ? GstPtr<GstPad>::adopt(gst_pad_get_peer(pad.get())) : GstPtr<GstPad>();
        if (!peer) {
            *error = "its pipeline is not what it was";
            return false;
        }
        entries.emplace_back(GstPtr<GstElement>::ref(children.at(tee)), std::move(peer));
        names.push_back(name);
    }
    const std::vector<Link> links = links_of(elements);
    Undo undo(pipeline);
    for (size_t i = 0; i < elements.size(); ++i) {
        gst_bin_remove(GST_BIN(copy), elements[i].get());
        if (!gst_bin_add(GST_BIN(pipeline), elements[i].get())) {
            *error = "the element that it replaces has not ended yet";
            return false;
        }
        undo.added.push_back(elements[i]);
        children[place.elements[i]] = elements[i].get();
    }
    for (const Link &each : links)
        if (!link(each.src.get(), each.sink.get(), error)) return false;
    for (const auto &element : elements)
        gst_element_sync_state_with_parent(element.get());
    for (size_t i = 0; i < entries.size(); ++i) {
        const auto &[tee, sink] = entries[i];
        auto src =
            GstPtr<GstPad>::adopt(gst_element_request_pad_simple(tee.get(), names[i].c_str()));
        if (!src) {
            *error = "its pad " + names[i] + " is taken";
            return false;
        }
        undo.requested.push_back(src);
        if (!link(src.get(), sink.get(), error)) return false;
    }
    undo.pipeline = nullptr;
    return true;
}

} // namespace penstock::supervisor

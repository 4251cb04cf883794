// SPDX-License-Identifier: LGPL-2.1-or-later
#include "explain/trial.h"

#include "gst/object_lock.h"

#include <algorithm>

namespace penstock::explain {
namespace {

/// An encoder reports its latency slightly later than its caps.
constexpr std::chrono::milliseconds settling_time{500};

std::vector<GstPtr<GstPad>> pads_of(GstElement *element, GstPadDirection direction) {
    std::vector<GstPtr<GstPad>> out;
    const ObjectLock lock(element);
    for (GList *l = element->pads; l; l = l->next)
        if (GST_PAD_DIRECTION(l->data) == direction)
            out.push_back(GstPtr<GstPad>::ref(GST_PAD(l->data)));
    return out;
}

std::optional<uint64_t> latency_at(GstPad *source_pad) {
    const auto query = GstPtr<GstQuery>::adopt(gst_query_new_latency());
    if (!gst_pad_query(source_pad, query.get())) return std::nullopt;
    gboolean live = FALSE;
    GstClockTime min = 0, max = 0;
    gst_query_parse_latency(query.get(), &live, &min, &max);
    return GST_CLOCK_TIME_IS_VALID(min) ? std::optional<uint64_t>(min) : std::nullopt;
}

/// The latency at an element's source pads minus that at its sink pads.
std::optional<uint64_t> added_by(GstElement *element) {
    std::optional<uint64_t> before, after;
    for (const auto &pad : pads_of(element, GST_PAD_SRC))
        if (const auto latency = latency_at(pad.get()))
            after = std::max(after.value_or(0), *latency);
    const auto inputs = pads_of(element, GST_PAD_SINK);
    for (const auto &pad : inputs) {
        const auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(pad.get()));
        const auto latency = peer ? latency_at(peer.get()) : std::nullopt;
        if (latency) before = std::max(before.value_or(0), *latency);
    }
    if (!after || inputs.empty()) return after;
    if (!before) return std::nullopt;
    return *after > *before ? *after - *before : 0;
}

/// The sum over all non-bin elements in a bin.
uint64_t added_inside(GstBin *bin) {
    uint64_t sum = 0;
    GstIterator *all = gst_bin_iterate_recurse(bin);
    GValue item = G_VALUE_INIT;
    while (gst_iterator_next(all, &item) == GST_ITERATOR_OK) {
        auto *element = GST_ELEMENT(g_value_get_object(&item));
        if (!GST_IS_BIN(element)) sum += added_by(element).value_or(0);
        g_value_unset(&item);
    }
    gst_iterator_free(all);
    return sum;
}

} // namespace

Trial::Trial(GstPtr<GstElement> pipeline, std::vector<std::string> names)
    : pipeline_(std::move(pipeline)), names_(std::move(names)) {
}

Trial::~Trial() {
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

std::string Trial::run(std::chrono::milliseconds patience, const std::function<bool()> &is_enough) {
    const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
    auto deadline = std::chrono::steady_clock::now() + patience;
    bool is_settling = false;
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    while (std::chrono::steady_clock::now() < deadline) {
        if (!is_settling && is_enough()) {
            is_settling = true;
            deadline = std::min(deadline, std::chrono::steady_clock::now() + settling_time);
        }
        const auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
            bus.get(), 20 * GST_MSECOND,
            GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_LATENCY)));
        if (!message) continue;
        if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS) return {};
        if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_LATENCY) {
            gst_bin_recalculate_latency(GST_BIN(pipeline_.get()));
            continue;
        }
        GError *error = nullptr;
        gst_message_parse_error(message.get(), &error, nullptr);
        const std::string words = error->message;
        g_error_free(error);
        return words;
    }
    return {};
}

GstPtr<GstElement> Trial::find(const std::string &name) const {
    return GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name.c_str()));
}

std::vector<SeenLink> Trial::links() const {
    std::vector<SeenLink> out;
    for (const std::string &name : names_) {
        const auto element = find(name);
        if (!element) continue;
        for (const auto &pad : pads_of(element.get(), GST_PAD_SRC)) {
            auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(pad.get()));
            auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad.get()));
            for (unsigned steps = 0; peer && steps < 8; ++steps) {
                const auto owner =
                    GstPtr<GstElement>::adopt(gst_pad_get_parent_element(peer.get()));
                if (!owner) break;
                const GOwned<> owner_name(gst_object_get_name(GST_OBJECT(owner.get())));
                if (std::find(names_.begin(), names_.end(), owner_name.get()) != names_.end()) {
                    const GOwned<> from(gst_object_get_name(GST_OBJECT(pad.get())));
                    const GOwned<> to(gst_object_get_name(GST_OBJECT(peer.get())));
                    out.push_back({name, owner_name.get(), from.get(), to.get(), std::move(caps)});
                    break;
                }
                const auto sources = pads_of(owner.get(), GST_PAD_SRC);
                if (sources.size() != 1) break;
                caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(sources[0].get()));
                peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(sources[0].get()));
            }
        }
    }
    return out;
}

std::optional<uint64_t> Trial::latency_of(const std::string &name) const {
    const auto element = find(name);
    if (!element) return std::nullopt;
    auto latency = added_by(element.get());
    // In a non-live pipeline a bin's own query result omits its elements' latency.
    if (latency && GST_IS_BIN(element.get()))
        latency = std::max(*latency, added_inside(GST_BIN(element.get())));
    return latency;
}

} // namespace penstock::explain

// SPDX-License-Identifier: LGPL-2.1-or-later
// Tee: adds and removes branches, in any state and from any thread.
#include "gop/tee.h"

#include "gop/goptee.h"
#include "gst/guard.h"

#include <algorithm>
#include <cstdio>

namespace penstock::gop {
namespace {

gboolean on_src_event(GstPad *pad, GstObject *parent, GstEvent *event) noexcept {
    auto owned = GstPtr<GstEvent>::adopt(event);
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return tee_of(parent).src_event(pad, std::move(owned)); });
}

gboolean on_src_query(GstPad *pad, GstObject *parent, GstQuery *query) noexcept {
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return tee_of(parent).src_query(pad, query); });
}

} // namespace

std::shared_ptr<Branch> Tee::find(GstPad *pad) const {
    std::lock_guard lock(lock_);
    for (const auto &branch : *branches_)
        if (branch->pad() == pad) return branch;
    return nullptr;
}

void Tee::add_locked(const std::shared_ptr<Branch> &branch) {
    auto more = std::make_shared<Branches>(*branches_);
    more->push_back(branch);
    branches_ = std::move(more);
}

std::shared_ptr<Branch> Tee::take(GstPad *pad) {
    std::lock_guard lock(lock_);
    auto fewer = std::make_shared<Branches>(*branches_);
    const auto found = std::find_if(fewer->begin(), fewer->end(),
                                    [pad](const auto &branch) { return branch->pad() == pad; });
    if (found == fewer->end()) return nullptr;
    auto branch = *found;
    fewer->erase(found);
    branches_ = std::move(fewer);
    return branch;
}

GstPad *Tee::request_pad(GstPadTemplate *templ, const char *name) {
    std::string pad_name;
    {
        std::lock_guard lock(lock_);
        unsigned index;
        if (name && std::sscanf(name, "src_%u", &index) == 1) {
            pad_name = name;
            next_index_ = std::max(next_index_, index == UINT_MAX ? index : index + 1);
        } else {
            pad_name = "src_" + std::to_string(next_index_++);
        }
    }
    GstPad *pad = gst_pad_new_from_template(templ, pad_name.c_str());
    gst_pad_set_event_function(pad, on_src_event);
    gst_pad_set_query_function(pad, on_src_query);
    auto branch = std::make_shared<Branch>(
        element_, pad, totals_, [this](Branch &b, GstFlowReturn flow) { on_failed(b, flow); });
    gst_pad_set_active(pad, TRUE);
    // Before the pad can be linked, so that a RECONFIGURE event finds its branch.
    {
        std::lock_guard lock(lock_);
        add_locked(branch);
    }
    if (!gst_element_add_pad(element_, pad)) { // the name is taken, and the pad is gone
        take(branch->pad());
        return nullptr;
    }
    return pad;
}

void Tee::release_pad(GstPad *pad) {
    const auto branch = take(pad);
    if (!branch) return;
    branch->stop(false);
    gst_pad_set_active(pad, FALSE);
    gst_element_remove_pad(element_, pad);
}

bool Tee::remove_branch(GstPad *pad) {
    const auto branch = find(pad);
    if (!branch) return false;
    branch->stop(false);
    // Wakes a probe that blocks this pad.
    gst_pad_set_active(pad, FALSE);
    const bool quiet = branch->wait_quiet(200);
    if (const auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(pad)))
        gst_pad_unlink(pad, peer.get());
    gst_element_release_request_pad(element_, pad);
    return quiet;
}

} // namespace penstock::gop

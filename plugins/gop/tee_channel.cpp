// SPDX-License-Identifier: LGPL-2.1-or-later
// Tee: offers its stream to other pipelines.
#include "gop/tee.h"

#include "core/net/loop/address.h"
#include "gop/tee_source.h"

namespace penstock::gop {

std::string Tee::channel() const {
    std::lock_guard lock(lock_);
    return channel_;
}

void Tee::set_channel(const std::string &name) {
    std::lock_guard lock(lock_);
    channel_ = name;
}

bool Tee::offer(std::string *error) {
    const std::string name = channel();
    if (name.empty()) return true;
    if (!net::is_safe_path(name)) {
        *error = "'" + name +
                 "' is not a legal channel: write app/name, as in live/cam, with letters, digits "
                 "and ._~- only";
        return false;
    }
    offer_ = Channels::offer(name, std::make_shared<TeeSource>(element_));
    offers_ = offer_ != nullptr;
    if (offer_) return true;
    *error = "another goptee offers the channel '" + name + "' already: use another name";
    return false;
}

std::shared_ptr<Branch> Tee::attach(GstPad *inlet) {
    std::string name;
    {
        std::lock_guard lock(lock_);
        name = "channel_" + std::to_string(next_reader_++);
    }
    const auto owned =
        GstPtr<GstPad>::adopt(GST_PAD(gst_object_ref_sink(gst_pad_new(name.c_str(), GST_PAD_SRC))));
    GstPad *pad = owned.get();
    // Requests of another pipeline must not reach this one.
    gst_pad_set_event_function(pad, [](GstPad *, GstObject *, GstEvent *event) -> gboolean {
        gst_event_unref(event);
        return FALSE;
    });
    gst_pad_set_query_function(pad,
                               [](GstPad *, GstObject *, GstQuery *) -> gboolean { return FALSE; });
    auto branch = std::make_shared<Branch>(
        element_, pad, totals_, [this](Branch &b, GstFlowReturn flow) { on_failed(b, flow); },
        true);
    gst_pad_set_active(pad, TRUE);
    gst_pad_link_full(pad, inlet, GST_PAD_LINK_CHECK_NOTHING);
    std::lock_guard lock(lock_);
    add_locked(branch);
    return branch;
}

void Tee::detach(const std::shared_ptr<Branch> &branch) {
    if (!take(branch->pad())) return;
    branch->stop(false);
    gst_pad_set_active(branch->pad(), FALSE);
    if (const auto inlet = GstPtr<GstPad>::adopt(gst_pad_get_peer(branch->pad())))
        gst_pad_unlink(branch->pad(), inlet.get());
}

bool Tee::upstream_latency(GstQuery *query) {
    return gst_pad_peer_query(sink_, query);
}

} // namespace penstock::gop

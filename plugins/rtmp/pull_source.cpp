// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp/pull_source.h"

#include "core/net/loop/clock.h"

#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_rtmp_pull_src_debug);
#define GST_CAT_DEFAULT penstock_rtmp_pull_src_debug

namespace penstock::rtmp {

bool PullSource::start() {
    std::string error;
    std::optional<net::RtmpClientOptions> options;
    size_t max_bytes;
    {
        std::lock_guard lock(settings_mutex);
        options = settings.options(false, &error);
        max_bytes = settings.max_bytes;
        if (options) options->silence_ms = net::ms_of(settings.silence_timeout);
    }
    if (!options) {
        GST_ELEMENT_ERROR(element_, RESOURCE, SETTINGS, ("%s", error.c_str()), (nullptr));
        return false;
    }
    shown_ = options->url.shown;
    live_ = false;
    last_reason_.clear();
    open_queue(max_bytes);
    auto client = net::RtmpClient::open(std::move(*options), *this, &error);
    if (!client) {
        cancel_queue();
        GST_ELEMENT_ERROR(element_, RESOURCE, OPEN_READ, ("%s", error.c_str()), (nullptr));
        return false;
    }
    {
        std::lock_guard lock(client_mutex_);
        client_ = std::move(client);
    }
    return release_queue();
}

void PullSource::stop() {
    close_queue();
    std::unique_lock lock(client_mutex_);
    const auto gone = std::move(client_);
    lock.unlock();
}

void PullSource::on_change(const net::RtmpClientChange &change) {
    post_client_change(element_, "penstock-pull-state", shown_, change, last_reason_);
    if (change.state == net::RtmpClientChange::live) {
        live_ = true;
        put_began(shown_);
    } else if (std::exchange(live_, false)) {
        put_ended(change.reason);
    }
}

void PullSource::on_warning(const std::string &text) {
    GST_WARNING_OBJECT(element_, "%s", text.c_str());
}

GstPtr<GstStructure> PullSource::stats() {
    net::RtmpClientTotals totals;
    {
        std::lock_guard lock(client_mutex_);
        if (client_) totals = client_->totals();
    }
    auto out = counters_.with_peers(totals.live ? 1 : 0).to_structure();
    gst_structure_set(out.get(), "connections", G_TYPE_UINT64, guint64(totals.connections),
                      nullptr);
    return out;
}

} // namespace penstock::rtmp

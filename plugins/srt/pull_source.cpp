// SPDX-License-Identifier: LGPL-2.1-or-later
#include "srt/pull_source.h"

#include "core/net/loop/clock.h"
#include "srt/link_settings.h"

#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_srt_pull_src_debug);
#define GST_CAT_DEFAULT penstock_srt_pull_src_debug

namespace penstock::srt {

bool PullSource::start() {
    std::string error;
    std::optional<net::SrtClientOptions> options;
    size_t max_bytes;
    {
        std::lock_guard lock(settings_mutex);
        options = settings.options(false, &shown_, &error);
        max_bytes = settings.max_bytes;
        if (options) options->silence_ms = net::ms_of(settings.silence_timeout);
    }
    if (!options) {
        GST_ELEMENT_ERROR(element_, RESOURCE, SETTINGS, ("%s", error.c_str()), (nullptr));
        return false;
    }
    live_ = false;
    last_reason_.clear();
    open_queue(max_bytes);
    auto client = net::SrtClient::open(std::move(*options), *this, &error);
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

void PullSource::on_change(const net::ClientChange &change) {
    post_client_change(element_, "penstock-pull-state", shown_, change, last_reason_);
    if (change.state == net::ClientChange::live) {
        live_ = true;
        put_began(shown_);
    } else if (std::exchange(live_, false)) {
        put_ended(change.reason);
    }
}

void PullSource::on_warning(const std::string &text) {
    GST_ELEMENT_WARNING(element_, RESOURCE, SETTINGS, ("%s: %s", shown_.c_str(), text.c_str()),
                        (nullptr));
}

GstPtr<GstStructure> PullSource::stats() {
    net::SrtClientTotals totals;
    net::SrtNetwork network;
    {
        std::lock_guard lock(client_mutex_);
        if (client_) {
            totals = client_->totals();
            network = client_->network();
        }
    }
    auto out = counters_.with_peers(totals.live ? 1 : 0).to_structure();
    gst_structure_set(out.get(), "connections", G_TYPE_UINT64, guint64(totals.connections),
                      nullptr);
    add_network_stats(out.get(), network);
    return out;
}

} // namespace penstock::srt

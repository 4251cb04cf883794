// SPDX-License-Identifier: LGPL-2.1-or-later
#include "srt/server_source.h"

#include "srt/link_settings.h"

GST_DEBUG_CATEGORY_STATIC(srt_server_source_debug);
#define GST_CAT_DEFAULT srt_server_source_debug

namespace penstock::srt {

ServerSource::ServerSource(GstElement *element, GstPad *pad) : TsSource(element, pad) {
    [[maybe_unused]] static const bool registered = [] {
        GST_DEBUG_CATEGORY_INIT(srt_server_source_debug, "srtliveserversrc", 0,
                                "SRT server source");
        return true;
    }();
}

// --- states -------------------------------------------------------------------------------

bool ServerSource::open() {
    Settings wanted;
    {
        std::lock_guard lock(settings_mutex);
        wanted = settings;
    }
    std::string error;
    const auto location = net::parse_location(wanted.location, 8890, &error);
    if (location && location->scheme != "srt")
        error = "'" + wanted.location + "' does not begin with srt://";
    else if (location && !net::is_safe_path(location->path))
        error = "'" + wanted.location +
                "' has no legal stream name: write srt://host:port/live/name, the name of letters, "
                "digits and ._~-";
    if (!error.empty()) error = "location: " + error;
    if (error.empty()) error = wanted.traits.check();
    if (error.empty() && wanted.republish == net::Republish::backup)
        error = "republish: a backup publisher is not taken here: use reject or takeover, or "
                "rtmpserversrc";
    if (!error.empty()) {
        GST_ELEMENT_ERROR(element_, RESOURCE, SETTINGS, ("%s", error.c_str()), (nullptr));
        return false;
    }
    auto server = net::SrtServer::open(location->address, &error);
    if (!server) {
        GST_ELEMENT_ERROR(element_, RESOURCE, OPEN_READ, ("%s", error.c_str()), (nullptr));
        return false;
    }
    std::lock_guard lock(mutex_);
    server_ = std::move(server);
    path_ = location->path;
    return true;
}

bool ServerSource::start(std::shared_ptr<net::PeerWatch> watch) {
    net::ClaimOptions options{.watch = std::move(watch)};
    net::SrtTraits traits;
    size_t max_bytes;
    {
        std::lock_guard lock(settings_mutex);
        options.key = settings.publish_key;
        options.silence_timeout = settings.silence_timeout;
        options.republish = settings.republish;
        traits = settings.traits;
        max_bytes = settings.max_bytes;
    }
    publishing_ = false;
    open_queue(max_bytes);
    std::string error;
    auto claim = server_->claim(path_, *this, options, traits, &error);
    if (!claim) {
        cancel_queue();
        GST_ELEMENT_ERROR(element_, RESOURCE, BUSY, ("%s", error.c_str()), (nullptr));
        return false;
    }
    {
        std::lock_guard lock(mutex_);
        claim_ = std::move(claim);
    }
    return release_queue();
}

void ServerSource::stop() {
    close_queue();
    std::unique_lock lock(mutex_);
    auto claim = std::move(claim_);
    lock.unlock();
    claim.reset();
    publishing_ = false;
}

void ServerSource::close() {
    std::unique_lock lock(mutex_);
    const auto server = std::move(server_);
    lock.unlock();
}

// --- network loop -------------------------------------------------------------------------

void ServerSource::on_published(const net::Publisher &who) {
    publishing_ = true;
    put_began(who.name());
}

void ServerSource::on_unpublished(const std::string &reason) {
    publishing_ = false;
    put_ended(reason);
}

// --- pushing ------------------------------------------------------------------------------

void ServerSource::on_began(const std::string &who) {
    post_state(true, who);
}

bool ServerSource::on_ended(const std::string &reason) {
    post_state(false, reason);
    std::lock_guard lock(settings_mutex);
    return settings.on_unpublish == OnUnpublish::eos;
}

void ServerSource::post_state(bool publishing, const std::string &text) {
    GST_INFO_OBJECT(element_, "%s %s", publishing ? "published by" : "unpublished:", text.c_str());
    post_publish_state(element_, publishing, path_, text);
}

// --- reports ------------------------------------------------------------------------------

GstPtr<GstStructure> ServerSource::stats() {
    auto stats = counters_.with_peers(publishing_).to_structure();
    std::lock_guard lock(mutex_);
    add_network_stats(stats.get(), claim_ ? claim_->network() : net::SrtNetwork());
    return stats;
}

std::string ServerSource::bound_location() {
    std::lock_guard lock(mutex_);
    return server_ ? std::string(server_->scheme()) + "://" + server_->address().to_string() + "/" +
                         path_
                   : "";
}

} // namespace penstock::srt

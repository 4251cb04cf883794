// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp/server_source.h"

GST_DEBUG_CATEGORY_EXTERN(penstock_rtmp_server_src_debug);
#define GST_CAT_DEFAULT penstock_rtmp_server_src_debug

namespace penstock::rtmp {
ServerSource::ServerSource(GstElement *element, GstPad *pad) : TagSource(element, pad) {
}

// --- states -------------------------------------------------------------------------------

bool ServerSource::open() {
    Settings wanted;
    {
        std::lock_guard lock(settings_mutex);
        wanted = settings;
    }
    std::string error;
    const auto location = net::parse_location(wanted.location, 1935, &error);
    if (location && location->scheme != "rtmp")
        error = "'" + wanted.location + "' does not begin with rtmp://";
    if (error.empty() && !net::is_safe_path(location->path))
        error = "'" + wanted.location +
                "' has no legal stream name: write rtmp://host:port/app/name, the name of letters, "
                "digits and ._~-";
    if (!error.empty()) {
        GST_ELEMENT_ERROR(element_, RESOURCE, SETTINGS, ("location: %s", error.c_str()), (nullptr));
        return false;
    }
    auto server = net::RtmpServer::open(location->address, &error);
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
    size_t max_bytes;
    {
        std::lock_guard lock(settings_mutex);
        options.key = settings.publish_key;
        options.silence_timeout = settings.silence_timeout;
        max_bytes = settings.max_bytes;
    }
    open_queue(max_bytes);
    std::string error;
    claim_ = server_->claim(path_, *this, options, &error);
    if (!claim_) {
        cancel_queue();
        GST_ELEMENT_ERROR(element_, RESOURCE, BUSY, ("%s", error.c_str()), (nullptr));
        return false;
    }
    return release_queue();
}

void ServerSource::stop() {
    close_queue();
    claim_.reset();
    publishing_ = false;
}

void ServerSource::close() {
    std::unique_lock lock(mutex_);
    const auto server = std::move(server_);
    lock.unlock();
}

// --- network loop -------------------------------------------------------------------------

void ServerSource::on_published(const std::string &peer) {
    publishing_ = true;
    put_began(peer);
}

/// resume() of the claim tells when there is room again.
bool ServerSource::on_tag(flv::Tag &&tag) {
    return put_tag(std::move(tag));
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

void ServerSource::on_room() {
    claim_->resume();
}

void ServerSource::post_state(bool publishing, const std::string &text) {
    GST_INFO_OBJECT(element_, "%s %s", publishing ? "published by" : "unpublished:", text.c_str());
    gst_element_post_message(
        element_, gst_message_new_element(GST_OBJECT(element_),
                                          gst_structure_new("penstock-publish-state", "publishing",
                                                            G_TYPE_BOOLEAN, gboolean(publishing),
                                                            "path", G_TYPE_STRING, path_.c_str(),
                                                            publishing ? "peer" : "reason",
                                                            G_TYPE_STRING, text.c_str(), nullptr)));
}

// --- reports ------------------------------------------------------------------------------

GstPtr<GstStructure> ServerSource::stats() {
    return counters_.with_peers(publishing_ ? 1 : 0).to_structure();
}

std::string ServerSource::bound_location() {
    std::lock_guard lock(mutex_);
    return server_ ? "rtmp://" + server_->address().to_string() + "/" + path_ : std::string();
}

} // namespace penstock::rtmp

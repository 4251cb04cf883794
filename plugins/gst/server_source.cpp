// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/server_source.h"

#include "core/fanout/flv_fold.h"
#include "gst/steady_time.h"
#include "gst/tls_files.h"

#include <algorithm>

GST_DEBUG_CATEGORY_STATIC(server_source_debug);
#define GST_CAT_DEFAULT server_source_debug

namespace penstock {

using gop::Failover;

ServerSource::ServerSource(GstElement *element, GstPad *pad, const ServerSourceKind &kind)
    : TagSource(element, pad), kind_(kind) {
    [[maybe_unused]] static const bool registered = [] {
        GST_DEBUG_CATEGORY_INIT(server_source_debug, "penstock-server-source", 0, "Server sources");
        return true;
    }();
    settings.location = kind.default_location;
}

// --- states -------------------------------------------------------------------------------

/// Leaves in `wanted` the certificate that the scheme uses. Returns what is wrong.
std::string ServerSource::check(Settings &wanted, const net::Location &location) const {
    std::string schemes;
    for (const std::string &scheme : kind_.schemes)
        schemes += (schemes.empty() ? "" : " or ") + scheme + "://";
    if (std::find(kind_.schemes.begin(), kind_.schemes.end(), location.scheme) ==
        kind_.schemes.end())
        return "'" + wanted.location + "' does not begin with " + schemes;
    std::string error;
    const auto tls = net::tls_for(location.scheme, wanted.tls, &error);
    if (!tls) return error;
    wanted.tls = *tls;
    if (net::is_safe_path(location.path)) return {};
    return "'" + wanted.location + "' has no legal stream name: write " + kind_.location_form +
           ", the name of letters, digits and ._~-";
}

bool ServerSource::open() {
    Settings wanted;
    {
        std::lock_guard lock(settings_mutex);
        wanted = settings;
    }
    std::string error;
    const net::TlsFiles given = wanted.tls;
    const auto location = net::parse_location(wanted.location, kind_.default_port, &error);
    if (location) error = check(wanted, *location);
    if (!error.empty()) {
        GST_ELEMENT_ERROR(element_, RESOURCE, SETTINGS, ("location: %s", error.c_str()), (nullptr));
        return false;
    }
    auto listener = kind_.open({element_, *location, wanted.tls}, &error);
    if (!listener) {
        GST_ELEMENT_ERROR(element_, RESOURCE, OPEN_READ, ("%s", error.c_str()), (nullptr));
        return false;
    }
    warn_of_idle_tls(element_, wanted.location, given);
    std::lock_guard lock(mutex_);
    listener_ = std::move(listener);
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
        options.republish = settings.republish;
        decides_ = settings.republish == net::Republish::backup;
        max_bytes = settings.max_bytes;
        reset_lanes();
        std::lock_guard inner(failover_mutex_);
        failover_.set_settings({settings.backup_timeout, settings.return_after});
    }
    open_queue(max_bytes);
    std::string error;
    auto claim = listener_->claim(path_, *this, options, &error);
    const bool claimed = claim != nullptr;
    {
        std::lock_guard lock(claim_mutex_);
        claim_ = std::move(claim);
    }
    if (!claimed) {
        cancel_queue();
        GST_ELEMENT_ERROR(element_, RESOURCE, BUSY, ("%s", error.c_str()), (nullptr));
        return false;
    }
    return release_queue();
}

void ServerSource::stop() {
    close_queue();
    std::unique_lock lock(claim_mutex_);
    auto claim = std::move(claim_);
    lock.unlock();
    claim.reset();
    reset_lanes();
}

void ServerSource::reset_lanes() {
    lanes_ = {};
    for (auto &publishing : publishing_)
        publishing = false;
    std::lock_guard lock(failover_mutex_);
    failover_ = {};
}

void ServerSource::close() {
    std::unique_lock lock(mutex_);
    const auto listener = std::move(listener_);
    lock.unlock();
}

// --- network loop -------------------------------------------------------------------------

void ServerSource::published(size_t index, const net::Publisher &who) {
    publishing_[index] = true;
    if (!decides_) return put_began(who.name());
    lanes_[index].name = who.name();
    std::lock_guard lock(failover_mutex_);
    failover_.join(index, who.is_backup() ? 1 : 0, steady_time());
    failover_.set_folding(index, true);
}

/// resume() of the claim tells when there is room again.
bool ServerSource::take(size_t index, flv::Tag &&tag) {
    if (!decides_) return put_tag(std::move(tag));
    mended_.clear();
    lanes_[index].normalizer.take(std::move(tag), mended_);
    bool has_room = true;
    for (flv::Tag &each : mended_)
        has_room = take_mended(index, std::move(each));
    return has_room;
}

bool ServerSource::take_mended(size_t index, flv::Tag &&tag) {
    const bool is_key = tag.kind == flv::TagKind::keyframe;
    const bool is_audio = tag.type == flv::TagType::audio;
    const bool is_frame =
        is_key || tag.kind == flv::TagKind::frame || tag.kind == flv::TagKind::audio;
    Lane &lane = lanes_[index];
    const bool has_new_tracks = lane.tracks.learn(tag);
    uint64_t now;
    Failover::Action action;
    bool warn = false;
    {
        std::lock_guard lock(failover_mutex_);
        now = steady_time();
        if (has_new_tracks) failover_.set_tracks(index, lane.tracks);
        if (is_frame)
            action = failover_.media(index, {is_key, is_audio}, now);
        else if (failover_.active() == index)
            action = Failover::Action::pass;
        else
            return true; // configuration, which the normalizer has
        warn = action == Failover::Action::hold && is_key && failover_.warns_of_misfit(index);
    }
    if (warn) warn_of_misfit(index);
    switch (action) {
    case Failover::Action::hold: {
        const size_t size = tag.bytes.size();
        if (lane.held.push(std::move(tag), size, is_key, now)) return true;
        std::lock_guard lock(failover_mutex_);
        failover_.forget_held(index);
        return true;
    }
    case Failover::Action::begin:
    case Failover::Action::begin_held:
    case Failover::Action::begin_folded:
        go_on_air(index, action);
        break;
    case Failover::Action::pass:
        break;
    }
    const bool has_room = put_tag(std::move(tag));
    if (!has_room) {
        set_busy(index, true);
        // on_room() may have come in between, and does not come again.
        if (queue_has_room()) set_busy(index, false);
    }
    return has_room;
}

void ServerSource::warn_of_misfit(size_t index) {
    const Lane &lane = lanes_[index];
    std::string stream;
    {
        std::lock_guard lock(failover_mutex_);
        stream = failover_.stream_tracks().text();
    }
    GST_ELEMENT_WARNING(element_, STREAM, WRONG_TYPE,
                        ("The publisher %s has %s, the stream has %s: while the other one is "
                         "connected it does not take its place, because players can't follow. "
                         "Publish both with the same tracks and codecs.",
                         lane.name.c_str(), lane.tracks.text().c_str(), stream.c_str()),
                        ("%s", path_.c_str()));
}

void ServerSource::go_on_air(size_t index, Failover::Action how) {
    Lane &lane = lanes_[index];
    put_began(lane.name);
    for (flv::Tag &header : lane.normalizer.headers().list())
        put_tag(std::move(header));
    std::vector<flv::Tag> held = lane.held.take();
    if (how == Failover::Action::begin) return;
    if (how == Failover::Action::begin_folded)
        if (auto folded = fanout::fold_tags(held); !folded.empty()) held = std::move(folded);
    for (flv::Tag &tag : held)
        put_tag(std::move(tag));
}

bool ServerSource::is_second_on_air() const {
    std::lock_guard lock(failover_mutex_);
    return failover_.active() == size_t{1};
}

void ServerSource::unpublished(size_t index, const std::string &reason) {
    publishing_[index] = false;
    if (!decides_) return put_ended(reason);
    lanes_[index] = {};
    bool is_last;
    {
        std::lock_guard lock(failover_mutex_);
        failover_.leave(index);
        is_last = !failover_.has_inputs();
        if (is_last) failover_.forget_stream();
    }
    if (is_last) put_ended(reason); // or else the other goes on
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
    // The one that waits need not be on air any more.
    for (size_t i = 0; i < lanes_.size(); ++i)
        set_busy(i, false);
    claim_->resume();
}

bool ServerSource::want_keyframe() {
    std::lock_guard lock(claim_mutex_);
    return claim_ && claim_->want_keyframe();
}

void ServerSource::set_busy(size_t index, bool busy) {
    std::lock_guard lock(failover_mutex_);
    failover_.set_busy(index, busy, steady_time());
}

void ServerSource::post_state(bool publishing, const std::string &text) {
    GST_INFO_OBJECT(element_, "%s %s", publishing ? "published by" : "unpublished:", text.c_str());
    post_publish_state(element_, publishing, path_, text);
}

// --- reports ------------------------------------------------------------------------------

GstPtr<GstStructure> ServerSource::stats() {
    auto stats = counters_.with_peers(publishing_[0] + publishing_[1]).to_structure();
    std::lock_guard lock(failover_mutex_);
    gst_structure_set(stats.get(), "switches", G_TYPE_UINT, failover_.switches(), nullptr);
    return stats;
}

std::string ServerSource::bound_location() {
    std::lock_guard lock(mutex_);
    return listener_ ? listener_->origin() + "/" + path_ : "";
}

} // namespace penstock

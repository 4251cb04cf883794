// SPDX-License-Identifier: LGPL-2.1-or-later
#include "crowd.h"

#include "../../fanout/load/socket.h"

#include <algorithm>
#include <poll.h>
#include <thread>
#include <unistd.h>

namespace load {

using namespace penstock;
using rtc_test::steady_ns;

namespace {

constexpr int64_t ms = 1'000'000, second = 1'000'000'000;
constexpr int64_t nacks_every = 10 * ms;
constexpr auto leaving = std::chrono::seconds(5);

int64_t ns(std::chrono::duration<double> time) {
    return int64_t(time.count() * 1e9);
}

const char *name_of(srtp::Profile profile) {
    switch (profile) {
    case srtp::Profile::aes128_cm_sha1_80:
        return "AES128_CM_SHA1_80";
    case srtp::Profile::aead_aes_128_gcm:
        return "AEAD_AES_128_GCM";
    case srtp::Profile::aead_aes_256_gcm:
        return "AEAD_AES_256_GCM";
    }
    return "unknown";
}

} // namespace

Crowd::Crowd(const Options &options, std::function<void()> check)
    : options_(options), check_(std::move(check)) {
    std::string error;
    // As many handshakes as viewers may be under way.
    context_ = dtls::Context::make({.handshakes = options.viewers + 1}, &error);
    if (!context_) throw Failure(error);
    settings_.url = rtc_test::HttpUrl::parse(options.url);
    settings_.asks = options.nack;
    settings_.rtc.offer.audio = !options.no_audio;
    if (options.aes_cm) settings_.rtc.profiles = {srtp::Profile::aes128_cm_sha1_80};
}

void Crowd::add() {
    const size_t number = viewers_.size();
    const bool is_sample = options_.sample == 0 || number < options_.sample;
    Viewer &viewer = viewers_.emplace_back(settings_, is_sample, tally_, window_);
    viewer.start(loop_, context_);
    reports_.emplace_back(steady_ns() + second, &viewer);
}

void Crowd::send_reports(int64_t now) {
    while (!reports_.empty() && reports_.front().first <= now) {
        Viewer *const viewer = reports_.front().second;
        reports_.pop_front();
        if (viewer->is_connected()) viewer->send_reports();
        // All have the same period, so that the order stays.
        if (viewer->state() != Viewer::State::failed) reports_.emplace_back(now + second, viewer);
    }
}

void Crowd::send_nacks() {
    for (Viewer &viewer : viewers_)
        if (viewer.has_missing()) viewer.send_nack();
}

/// Serves every socket that is ready, then waits for the next one, at most until then.
void Crowd::turn(int64_t until_ns) {
    const int64_t began = steady_ns();
    if (!reports_.empty()) until_ns = std::min(until_ns, reports_.front().first);
    if (options_.nack) until_ns = std::min(until_ns, std::max(began, next_nacks_ns_));
    // While they join, each answer is awaited: a handshake has several.
    const unsigned poll_ms = is_joining_ ? 0 : options_.poll_ms;
    loop_.turn(poll_ms ? 0 : uint64_t(std::max(until_ns, began) / ms));
    const int64_t now = steady_ns();
    send_reports(now);
    if (options_.nack && now >= next_nacks_ns_) {
        send_nacks();
        next_nacks_ns_ = now + nacks_every;
    }
    check_();
    if (poll_ms == 0) return;
    const int64_t pause = std::min(until_ns, began + poll_ms * ms) - now;
    if (pause > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(pause));
}

void Crowd::settle(std::chrono::duration<double> patience) {
    const int64_t end = steady_ns() + ns(patience);
    const auto is_settled = [](const Viewer &one) {
        return one.state() == Viewer::State::failed || one.has_keyframe();
    };
    while (steady_ns() < end && !std::all_of(viewers_.begin(), viewers_.end(), is_settled))
        turn(std::min(end, steady_ns() + 50 * ms));
}

void Crowd::join(std::chrono::seconds patience) {
    is_joining_ = true;
    // A stream that is made on demand is made for the first viewer.
    add();
    settle(patience);
    const int64_t began = steady_ns();
    while (viewers_.size() < options_.viewers) {
        const int64_t due =
            began + int64_t(double(viewers_.size() - 1) / options_.rate * double(second));
        if (due > steady_ns())
            turn(due);
        else
            add();
    }
    settle(patience);
    is_joining_ = false;
}

void Crowd::watch(std::chrono::duration<double> time) {
    const int64_t end = steady_ns() + ns(time);
    while (steady_ns() < end)
        turn(end);
}

void Crowd::watch_until_told() {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    while (poll(&input, 1, 0) <= 0)
        turn(steady_ns() + 50 * ms);
    char byte = '\n';
    while (::read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') {
    }
}

void Crowd::open_window() {
    window_.begin_ns = opened_ns_ = steady_ns();
    window_.is_open = true;
}

std::chrono::duration<double> Crowd::close_window() {
    window_.is_open = false;
    window_.end_ns = steady_ns();
    return std::chrono::nanoseconds(window_.end_ns - opened_ns_);
}

void Crowd::leave() {
    reports_.clear();
    const int64_t end = steady_ns() + ns(leaving);
    for (Viewer &viewer : viewers_) {
        viewer.leave(loop_);
        loop_.turn(0);
    }
    const auto is_leaving = [](const Viewer &one) { return one.is_leaving(); };
    while (steady_ns() < end && std::any_of(viewers_.begin(), viewers_.end(), is_leaving))
        loop_.turn(uint64_t((steady_ns() + 20 * ms) / ms));
}

Crowd::Sum Crowd::sum() const {
    Sum out;
    for (const Viewer &viewer : viewers_) {
        ++out.viewers;
        out.joined += viewer.has_keyframe();
        const bool has_failed = viewer.state() == Viewer::State::failed;
        if (viewer.has_keyframe()) {
            out.ended += has_failed;
        } else {
            ++out.failed;
        }
        if (has_failed)
            ++out.failures[viewer.error()];
        else if (!viewer.has_keyframe())
            ++out.failures[viewer.has_connected() ? "no whole keyframe" : "not connected in time"];
        const rtc_test::Reception &video = viewer.video();
        out.with_losses += video.lost() > 0;
        out.lost += video.lost();
        out.packets_video += video.packets();
        out.packets_audio += viewer.audio().packets();
        out.lost_audio += viewer.audio().lost();
        out.gaps += video.gaps();
        out.duplicates += video.duplicates();
        out.late += video.late();
        out.repaired += video.repaired();
        out.asked += video.asked();
        out.broken_frames += viewer.frames().broken();
        out.missing_frames += viewer.missing_frames();
        out.refused += viewer.refused();
        out.dropped += viewer.dropped();
        if (const auto profile = viewer.profile()) ++out.profiles[name_of(*profile)];
    }
    return out;
}

} // namespace load

// SPDX-License-Identifier: LGPL-2.1-or-later
// An HTTP server with WHIP and WHEP whose peers are the test. Include it last: it includes
// check.hpp.
#pragma once

#include "core/net/rtc/endpoint.h"
#include "unit/http_site.hpp"
#include "unit/sdp_seeds.hpp"

namespace rtc_test {

using namespace net_test;
using http_test::Answer;
using http_test::is;

inline const std::string as_offer = "Content-Type: application/sdp\r\n";
inline const std::string as_fragment = "Content-Type: application/trickle-ice-sdpfrag\r\n";

/// Answers by `created` and `patched` at once, or keeps the questions for the test to answer.
class Peers final : public net::RtcPeers {
public:
    struct Asked {
        net::PeerInfo peer;
        sdp::Offer offer;
        Created done;
    };
    std::function<void()> create(net::PeerInfo peer, sdp::Offer offer, Created done) override {
        std::unique_lock lock(mutex);
        asked.push_back({std::move(peer), std::move(offer), done});
        if (!holds) asked.back().done = nullptr;
        const auto answer = created;
        const bool is_held = holds;
        lock.unlock();
        if (!is_held) done(answer);
        return [this] { ++given_up; };
    }
    void patch(const std::string &path, const std::string &id, const std::string &if_match,
               sdp::Fragment fragment, Patched done) override {
        std::unique_lock lock(mutex);
        patches.push_back(path + " " + id + " " + if_match + " " + fragment.ice.ufrag + " " +
                          std::to_string(fragment.candidates.size()));
        const auto answer = patched;
        lock.unlock();
        if (answer.status != 0) done(answer);
    }
    bool remove(const std::string &path, const std::string &id) override {
        std::lock_guard lock(mutex);
        removed += path + " " + id + ";";
        return id == "4Fx2";
    }
    std::vector<std::string> links() const override {
        return {"<stun:stun.example>; rel=\"ice-server\"",
                "<turn:turn.example>; rel=\"ice-server\"; username=\"u\"; credential=\"c\""};
    }
    bool takes(const std::string &path, bool publish) const override {
        return path.starts_with("live/") && path.ends_with(publish ? "/whip" : "/whep");
    }

    size_t count() {
        std::lock_guard lock(mutex);
        return asked.size();
    }
    Created take_done(size_t index) {
        fail_unless(eventually([&] { return count() > index; }));
        std::lock_guard lock(mutex);
        return std::exchange(asked[index].done, nullptr);
    }
    net::PeerInfo last_peer() {
        std::lock_guard lock(mutex);
        return asked.back().peer;
    }
    std::string all_removed() {
        std::lock_guard lock(mutex);
        return removed;
    }

    std::mutex mutex; ///< guards the following
    net::RtcCreated created{201, "v=0\r\nanswer\r\n", "4Fx2", "\"e1\"", 0};
    net::RtcPatched patched{204, "", "\"unused\""};
    bool holds = false;
    std::vector<Asked> asked;
    std::vector<std::string> patches;
    std::string removed;
    std::atomic<int> given_up{0};
};

struct Rtc : http_test::Site {
    Rtc() {
        std::string error;
        endpoint = net::RtcEndpoint::open(server, peers, &error);
        fail_unless(endpoint, "%s", error.c_str());
    }
    Answer post(const std::string &path, const std::string &headers = as_offer) {
        return ask("POST", path, headers, offer);
    }
    Answer patch(const std::string &headers, const std::string &body) {
        return ask("PATCH", "/live/cam/whip/4Fx2", headers, body);
    }
    const std::string offer = rig::seed("obs");
    const std::shared_ptr<Peers> peers = std::make_shared<Peers>();
    std::unique_ptr<net::RtcEndpoint> endpoint;
};

inline void says(const Answer &answer, int status, const std::string &text) {
    is(answer, status);
    fail_unless(answer.body.find(text) != text.npos, "'%s' does not have '%s'", answer.body.c_str(),
                text.c_str());
}

inline void has_header(const Answer &answer, const char *name, const char *value) {
    fail_unless(answer.has("\r\n" + std::string(name) + ": " + value + "\r\n"), "%s: %s: %s", name,
                value, answer.head.c_str());
}

} // namespace rtc_test

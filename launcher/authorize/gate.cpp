// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/gate.h"

#include "authorize/http_client.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/log.h"

#include <algorithm>
#include <utility>

namespace penstock::authorize {
namespace {

void say(net::LogLevel level, const net::PeerInfo &peer, const std::string &text) {
    // Without the path, which may hold a stream key until a watcher renames the publisher.
    net::log(level, "authorize", "[" + peer.id + " " + peer.address + "] " + text);
}

/// When the admission ends, on the servers' clock.
uint64_t until_ms(int64_t expires) {
    if (expires == 0) return 0;
    const int64_t left = std::max<int64_t>(expires * 1000 - net::unix_ms(), 0);
    return net::steady_ms() + uint64_t(left);
}

} // namespace

Gate::Gate(std::vector<Rule> rules, Part description, std::vector<std::string> suffixes)
    : rules_(std::move(rules)), description_(std::move(description)),
      suffixes_(std::move(suffixes)) {
}

/// The first rule that matches, in the listener's order.
Gate::Part Gate::part_for(const net::PeerInfo &peer) const {
    const auto found = std::find_if(rules_.begin(), rules_.end(), [&](const Rule &rule) {
        return rule.publish == peer.publish && rule.matches(peer.path);
    });
    if (found == rules_.end()) return description_;
    Part part = found->part;
    if (!part.authorizer) part.authorizer = description_.authorizer;
    if (!part.notifier) part.notifier = description_.notifier;
    return part;
}

Request Gate::request_of(const net::PeerInfo &peer) const {
    Request out;
    out.publish = peer.publish;
    out.protocol = peer.protocol;
    out.id = peer.id;
    const size_t colon = peer.address.rfind(':');
    out.ip = peer.address.substr(0, colon);
    if (out.ip.starts_with('[') && out.ip.ends_with(']'))
        out.ip = out.ip.substr(1, out.ip.size() - 2);
    if (colon != std::string::npos) out.port = peer.address.substr(colon + 1);
    out.path = peer.path;
    out.query = peer.query;
    out.key = peer.key;
    out.token = parameter(peer.query, "token");
    if (out.token.empty()) out.token = parameter(peer.query, "jwt");
    out.client = peer.client;
    out.is_encrypted = peer.is_encrypted;
    name_stream(out, suffixes_);
    return out;
}

bool Gate::authorize(const net::PeerInfo &peer, net::Answer answer) {
    const auto authorizer = part_for(peer).authorizer;
    if (!authorizer || !authorizer->concerns(peer.publish)) return false;
    const auto decide = [authorizer, peer, answer, request = request_of(peer)] {
        authorizer->decide(request, [peer, answer](const Decision &decision) {
            if (!decision.allowed)
                say(net::LogLevel::warning, peer, "not authorized: " + decision.reason);
            else if (!decision.owner.empty())
                say(net::LogLevel::info, peer, "has the key of " + decision.owner);
            net::Verdict verdict(decision.allowed);
            verdict.until_ms = until_ms(decision.expires);
            verdict.path = decision.path;
            answer(verdict);
        });
    };
    std::string reason;
    if (!worker::post(decide, &reason)) {
        say(net::LogLevel::warning, peer, "not authorized: " + reason);
        answer(false);
    }
    return true;
}

void Gate::connected(const net::PeerInfo &peer) {
    if (const auto notifier = part_for(peer).notifier)
        notifier->tell(peer.publish ? Event::publish : Event::play, request_of(peer));
}

void Gate::disconnected(const net::PeerInfo &peer, const std::string &) {
    if (const auto notifier = part_for(peer).notifier)
        notifier->tell(peer.publish ? Event::unpublish : Event::stop, request_of(peer));
}

} // namespace penstock::authorize

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/hls/sessions.h"

#include "core/bytes/printable.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/log.h"

#include <boost/asio/post.hpp>

#include <array>
#include <cstring>
#include <functional>
#include <utility>

#include <sys/random.h>

namespace penstock::net {
namespace {

constexpr std::string_view token_name = "session";

/// 128 random bits in hexadecimal, so that tokens can't be guessed.
std::string new_token() {
    std::array<uint8_t, 16> random{};
    size_t have = 0;
    while (have < random.size()) {
        const ssize_t got = ::getrandom(random.data() + have, random.size() - have, 0);
        if (got > 0) have += size_t(got);
    }
    std::string text;
    for (const uint8_t byte : random) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

std::string client_of(const HttpRequest &request) {
    return request.header ? printable(request.header("User-Agent"), 100) : std::string();
}

/// Identifies a program on a host.
std::string program_of(const HttpRequest &request) {
    return request.peer.substr(0, request.peer.rfind(':')) + "\n" + client_of(request);
}

} // namespace

std::string own_query(std::string_view query) {
    std::string own;
    while (!query.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), part.size() + 1));
        const std::string_view name = part.substr(0, part.find('='));
        if (name == token_name || name.starts_with("_HLS_")) continue;
        if (!own.empty()) own += '&';
        own += part;
    }
    return own;
}

HlsSessions::HlsSessions(const Mount &mount, std::shared_ptr<PathRules> rules,
                         std::shared_ptr<Loops> loops)
    : mount_(mount), rules_(std::move(rules)), loops_(std::move(loops)) {
}

void HlsSessions::ask(const HttpRequest &request, bool playlist, Then then) {
    ++requests_;
    auto watches = rules_->watches();
    std::erase_if(watches, [](const auto &watch) { return !watch->is_listening(); });
    Authority authority = mount_.authority();
    // Watchers that are not listening allow everything and need no notification.
    if (watches.empty() && (!authority.watch || !authority.watch->is_listening()))
        return note(program_of(request), std::move(then));

    // A different query may be decided differently.
    const std::string identity = program_of(request) + "\n" + own_query(request.query);
    const std::string token(query_value(request.query, token_name));
    std::unique_lock lock(mutex_);
    SessionPtr session = find(token, playlist ? identity : std::string());
    if (session && session->is_over(steady_ms())) {
        remove(session);
        leave_soon({session}, "its authorization has expired");
        session.reset();
    }
    if (!session && !playlist) {
        lock.unlock();
        return then(Verdict::refused, {});
    }
    if (!session) {
        auto place = by_identity_.size() < max_sessions ? hosts_->enter(request.peer) : nullptr;
        if (!place) {
            lock.unlock();
            return then(Verdict::full, {});
        }
        static std::atomic<uint64_t> next{1};
        session = std::make_shared<Session>();
        session->identity = identity;
        session->from_request = request.admission;
        session->peer = {.id = "hls-play-" + std::to_string(next++),
                         .address = request.peer,
                         .path = mount_.path(),
                         .query = own_query(request.query),
                         .key = std::string(query_value(request.query, "key")),
                         .client = client_of(request),
                         .publish = false,
                         .protocol = "hls",
                         .is_encrypted = request.is_encrypted};
        session->place = std::move(place);
        by_identity_[identity] = session;
    }
    session->seen_ms = steady_ms();
    if (session->admitted && !session->asking && session->epoch == authority.epoch) {
        const std::string known = session->token;
        lock.unlock();
        return then(Verdict::allowed, known);
    }
    if (session->waiting.size() >= max_waiting) {
        lock.unlock();
        return then(Verdict::full, {});
    }
    session->waiting.push_back(std::move(then));
    if (std::exchange(session->asking, true)) return;
    lock.unlock();
    boost::asio::post(loops_->at(0),
                      [self = shared_from_this(), keep = mount_.shared_from_this(), session,
                       watches, authority] { self->begin(session, watches, authority); });
}

/// Counts a viewer without admission.
void HlsSessions::note(const std::string &program, Then then) {
    const size_t viewer = std::hash<std::string>()(program);
    bool is_new = false;
    {
        std::lock_guard lock(mutex_);
        const auto found = unguarded_.find(viewer);
        if (found != unguarded_.end()) {
            found->second = steady_ms();
        } else if (unguarded_.size() < max_sessions) {
            unguarded_[viewer] = steady_ms();
            is_new = true;
        }
    }
    if (is_new) mount_.tell(MountEvent::viewer_came);
    then(Verdict::allowed, {});
}

HlsSessions::SessionPtr HlsSessions::find(const std::string &token,
                                          const std::string &identity) const {
    if (const auto found = by_token_.find(token); found != by_token_.end()) return found->second;
    const auto found = by_identity_.find(identity);
    return found == by_identity_.end() ? nullptr : found->second;
}

void HlsSessions::begin(const SessionPtr &session, std::vector<std::shared_ptr<PeerWatch>> watches,
                        const Authority &authority) {
    const auto executor = loops_->at(0).get_executor();
    const auto done = [weak = weak_from_this(), session,
                       epoch = authority.epoch](bool allowed, const std::string &reason) {
        if (const auto self = weak.lock()) self->decide(session, epoch, allowed, reason);
    };
    if (const auto earlier = std::exchange(session->from_request, nullptr))
        session->admission = std::move(*earlier);
    else if (!session->admitted) {
        if (session->admission.ask(executor, std::move(watches), authority, session->peer, done))
            decide(session, authority.epoch, true, {});
        return;
    }
    if (session->admission.ask_again(executor, authority, session->peer, done))
        decide(session, authority.epoch, true, {});
}

void HlsSessions::decide(const SessionPtr &session, uint64_t epoch, bool allowed,
                         const std::string &reason) {
    std::deque<Then> waiting;
    std::string token;
    bool is_new = false;
    {
        std::lock_guard lock(mutex_);
        session->asking = false;
        waiting.swap(session->waiting);
        if (allowed) {
            is_new = !std::exchange(session->admitted, true);
            session->epoch = epoch;
            session->until_ms = session->admission.until_ms();
            if (session->token.empty()) session->token = new_token();
            token = session->token;
            by_token_[token] = session;
        } else {
            by_token_.erase(session->token);
            by_identity_.erase(session->identity);
        }
    }
    if (!allowed)
        log(LogLevel::warning, "hls",
            "[" + session->peer.id + " " + session->peer.address + " " + mount_.path() +
                "] refused to play: " + reason);
    if (is_new) {
        session->admission.enter(session->peer);
        mount_.tell(MountEvent::viewer_came);
    }
    if (!allowed && session->admitted) leave({session}, reason);
    for (const Then &then : waiting)
        then(allowed ? Verdict::allowed : Verdict::refused, token);
}

bool HlsSessions::is_empty() const {
    std::lock_guard lock(mutex_);
    return unguarded_.empty() && by_identity_.empty();
}

unsigned HlsSessions::count(uint64_t now_ms, uint64_t lifetime_ms) const {
    std::lock_guard lock(mutex_);
    const auto is_here = [&](uint64_t seen_ms) { return seen_ms + lifetime_ms >= now_ms; };
    unsigned count = 0;
    for (const auto &[viewer, seen_ms] : unguarded_)
        count += is_here(seen_ms);
    for (const auto &[identity, session] : by_identity_)
        count += session->admitted && is_here(session->seen_ms);
    return count;
}

void HlsSessions::expire(uint64_t now_ms, uint64_t lifetime_ms) {
    std::vector<SessionPtr> ended;
    size_t others = 0;
    {
        std::lock_guard lock(mutex_);
        const auto is_gone = [&](uint64_t seen_ms) { return seen_ms + lifetime_ms < now_ms; };
        others = std::erase_if(unguarded_, [&](const auto &one) { return is_gone(one.second); });
        std::erase_if(by_identity_, [&](const auto &one) {
            const SessionPtr &session = one.second;
            if (session->asking || (!is_gone(session->seen_ms) && !session->is_over(now_ms)))
                return false;
            by_token_.erase(session->token);
            ended.push_back(session);
            return true;
        });
    }
    while (others-- > 0)
        mount_.tell(MountEvent::viewer_went);
    leave(std::move(ended), "has asked for nothing more");
}

void HlsSessions::end_all(const std::string &reason) {
    std::vector<SessionPtr> ended;
    size_t others = 0;
    {
        std::lock_guard lock(mutex_);
        others = unguarded_.size();
        unguarded_.clear();
        std::erase_if(by_identity_, [&](const auto &one) {
            if (one.second->asking) return false; // its pending answer decides
            by_token_.erase(one.second->token);
            ended.push_back(one.second);
            return true;
        });
    }
    while (others-- > 0)
        mount_.tell(MountEvent::viewer_went);
    if (!ended.empty()) leave_soon(std::move(ended), reason);
}

void HlsSessions::remove(const SessionPtr &session) {
    by_token_.erase(session->token);
    by_identity_.erase(session->identity);
}

void HlsSessions::leave_soon(std::vector<SessionPtr> sessions, const std::string &reason) {
    boost::asio::post(loops_->at(0), [self = shared_from_this(), keep = mount_.shared_from_this(),
                                      sessions = std::move(sessions), reason]() mutable {
        self->leave(std::move(sessions), reason);
    });
}

/// Runs on the loop, after the sessions were removed from the maps.
void HlsSessions::leave(std::vector<SessionPtr> sessions, const std::string &reason) {
    for (const SessionPtr &session : sessions) {
        session->admission.leave(session->peer, reason);
        if (session->admitted) mount_.tell(MountEvent::viewer_went);
    }
}

} // namespace penstock::net

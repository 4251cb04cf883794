// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/authorizer.h"

#include "authorize/digest.h"
#include "authorize/http_client.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/log.h"

#include <algorithm>
#include <utility>

namespace penstock::authorize {
namespace {

constexpr uint64_t jwks_lifetime_ms = 600'000; ///< after which a key set is fetched again
constexpr uint64_t jwks_pause_ms = 10'000;     ///< between two requests for it
constexpr size_t max_waiting = 1'000;          ///< peers that wait for one

int64_t unix_seconds() {
    return net::unix_ms() / 1000;
}

void warn(const std::string &text) {
    net::log(net::LogLevel::warning, "authorize", text);
}

void add_reason(std::string &all, const std::string &reason) {
    if (!all.empty()) all += "; ";
    all += reason;
}

} // namespace

Authorizer::Authorizer(Policy policy) : policy_(std::move(policy)) {
    if (!policy_.keys.empty()) key_file_.emplace(policy_.keys, KeyFile::max_size);
    if (policy_.jwks.empty()) return;
    jwks_url_ = Url::parse(policy_.jwks);
    if (!jwks_url_) jwks_file_.emplace(policy_.jwks, KeySet::max_size);
}

bool Authorizer::load(std::string *error) {
    return reads_keys(error) && reads_jwks(error);
}

/// Returns false if the file has changed and can't be used; the previous keys then stay in force.
bool Authorizer::reads_keys(std::string *error) {
    if (!key_file_) return true;
    std::string reason;
    const auto text = key_file_->changed(&reason);
    if (!text && reason.empty()) return true;
    auto keys = text ? KeyFile::parse(*text, &reason) : std::nullopt;
    if (keys) {
        keys_ = std::move(*keys);
        return true;
    }
    if (error) *error = text ? key_file_->path() + ": " + reason : reason;
    return false;
}

bool Authorizer::reads_jwks(std::string *error) {
    if (!jwks_file_) return true;
    std::string reason;
    const auto text = jwks_file_->changed(&reason);
    if (!text && reason.empty()) return true;
    auto keys = text ? KeySet::parse(*text, &reason) : std::nullopt;
    if (keys) {
        jwks_ = std::move(*keys);
        return true;
    }
    if (error) *error = text ? jwks_file_->path() + ": " + reason : reason;
    return false;
}

bool Authorizer::concerns(bool publish) const {
    return policy_.only == Policy::Only::all || (policy_.only == Policy::Only::publish) == publish;
}

void Authorizer::decide(const Request &request, Done done) {
    const auto refuse = [&](std::string reason) { done({.reason = std::move(reason)}); };
    if (has(policy_.deny, request.ip)) return refuse("its address is on the deny list");
    if (!policy_.allow.empty() && !has(policy_.allow, request.ip))
        return refuse("its address is not on the allow list");
    const bool wants_key = key_file_ && request.publish;
    const bool wants_token = !policy_.jwks.empty();
    if (!wants_key && policy_.sign.empty() && !wants_token)
        return ask_server(request, {.allowed = true}, std::move(done));
    Decision decision;
    std::string why;
    if (has_credentials(request, decision, why))
        return ask_server(request, std::move(decision), std::move(done));
    if (!wants_token) return refuse(why);
    check_token(request, std::move(why), std::move(done));
}

bool Authorizer::has_credentials(const Request &request, Decision &decision, std::string &why) {
    if (key_file_ && request.publish) {
        std::string error;
        if (!reads_keys(&error)) warn(error + "; the keys of before still hold");
        const KeyFile::Owner *owner = keys_.find(request.key);
        if (owner && owner->may_publish(request.stream())) {
            decision = {.allowed = true, .owner = owner->name};
            return true;
        }
        add_reason(why, request.key.empty() ? "there is no key"
                        : owner             ? "its key is for other streams"
                                            : "its key is unknown");
    }
    if (!policy_.sign.empty()) {
        const auto permission = check_signed_url(request, policy_.sign, unix_seconds());
        if (permission.allowed) {
            decision = {.allowed = true, .expires = permission.expires};
            return true;
        }
        add_reason(why, permission.reason);
    }
    return false;
}

void Authorizer::check_token(const Request &request, std::string why, Done done) {
    if (request.token.empty()) {
        add_reason(why, "there is no token");
        return done({.reason = why});
    }
    std::string error;
    if (!reads_jwks(&error)) warn(error + "; the key set of before still holds");
    const auto check = [self = shared_from_this(), request] {
        JwtPermission out;
        if (self->jwks_) return check_jwt(request, *self->jwks_, self->policy_.jwt, unix_seconds());
        out.reason = "there is no key set to check the token with";
        out.is_key_unknown = true;
        return out;
    };
    const auto finish = [self = shared_from_this(), request, why,
                         done](const JwtPermission &permission) {
        if (permission.allowed)
            return self->ask_server(request, {.allowed = true, .expires = permission.expires},
                                    done);
        std::string all = why;
        add_reason(all, permission.reason);
        done({.reason = all});
    };
    const uint64_t age = net::steady_ms() - fetched_ms_;
    const bool is_old = fetched_ms_ == 0 || age > jwks_lifetime_ms;
    const bool may_fetch = fetched_ms_ == 0 || age > jwks_pause_ms || !waiting_.empty();
    const JwtPermission permission = check();
    const bool has_room = waiting_.size() < max_waiting;
    if (jwks_url_ && has_room && (is_old || (permission.is_key_unknown && may_fetch)))
        return fetch_jwks([check, finish] { finish(check()); });
    finish(permission);
}

/// Callers that need the key set during a fetch wait for the same answer.
void Authorizer::fetch_jwks(std::function<void()> then) {
    waiting_.push_back(std::move(then));
    if (waiting_.size() > 1) return;
    fetched_ms_ = net::steady_ms();
    Call call{.url = *jwks_url_, .method = "GET"};
    call.max_reply = KeySet::max_size;
    worker::request(std::move(call), [self = shared_from_this()](std::optional<Reply> reply,
                                                                 const std::string &error) {
        std::string reason = error;
        if (reply && reply->status != 200) {
            reason = "answer " + std::to_string(reply->status);
        } else if (reply) {
            if (auto keys = KeySet::parse(reply->body, &reason)) {
                self->jwks_ = std::move(*keys);
                reason.clear();
            }
        }
        if (!reason.empty())
            warn("the key set of " + self->jwks_url_->authority() + " can't be had: " + reason);
        const auto waiting = std::exchange(self->waiting_, {});
        for (const auto &then : waiting)
            then();
    });
}

void Authorizer::ask_server(const Request &request, Decision decision, Done done) {
    if (!policy_.server) return done(decision);
    const Server &server = *policy_.server;
    std::string key;
    if (policy_.cache_ms > 0) {
        std::string identity = request.publish ? "publish" : "play";
        for (const std::string &part : {request.protocol, request.ip, request.path, request.query,
                                        std::string(request.is_encrypted ? "tls" : "")})
            identity += '\0' + part;
        key = sha256(identity);
    }
    const auto finish = [decision, done](const Judgement &judgement) {
        Decision out = decision;
        out.allowed = judgement.allowed;
        out.path = judgement.path;
        if (!out.allowed) out.reason = "the authorization server says no: " + judgement.reason;
        done(out);
    };
    const auto found = cache_.find(key);
    if (found != cache_.end() && found->second.until_ms > net::steady_ms())
        return finish(found->second.judgement);
    Call call{.url = server.url,
              .body =
                  body_of(server.style, request.publish ? Event::publish : Event::play, request),
              .timeout_ms = server.timeout_ms};
    if (!server.secret.empty())
        call.headers.emplace_back("X-Penstock-Signature",
                                  signature_of(server.secret, call.body.text, unix_seconds()));
    worker::request(
        std::move(call), [self = shared_from_this(), request, key, finish,
                          done](std::optional<Reply> reply, const std::string &error) mutable {
            if (!reply) {
                const std::string place = self->policy_.server->url.authority();
                return done(
                    {.reason = "the authorization server " + place + " can't be asked: " + error});
            }
            const Judgement judgement = judge(self->policy_.server->style, request, *reply);
            // An error of the server is no decision, so it is not cached.
            if (!key.empty() && reply->status < 500) self->keep(key, judgement);
            finish(judgement);
        });
}

void Authorizer::keep(const std::string &key, const Judgement &judgement) {
    const uint64_t now = net::steady_ms();
    if (cache_.size() >= max_cached)
        std::erase_if(cache_, [&](const auto &each) { return each.second.until_ms <= now; });
    if (cache_.size() >= max_cached) cache_.clear();
    cache_[key] = {judgement, now + policy_.cache_ms};
}

} // namespace penstock::authorize

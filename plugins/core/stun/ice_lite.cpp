// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stun/ice_lite.h"

#include <algorithm>
#include <utility>

namespace penstock::stun {
namespace {

/// An error that is not protected: the sender has not shown that it has the password.
CheckResult refuse(const Message &message, ErrorNumber code, const char *reason) {
    CheckResult result;
    result.reply = MessageWriter(Class::error, message.transaction).error(code, reason).finish();
    result.complaint = reason;
    return result;
}

} // namespace

IceLite::IceLite(Credentials own, Credentials remote, Hmac hmac, uint64_t now_ms)
    : own_(std::move(own)), remote_(std::move(remote)), hmac_(hmac), heard_ms_(now_ms) {
}

CheckResult IceLite::on_message(ByteView datagram, const Message &message, const Path &from,
                                uint64_t now_ms) {
    CheckResult result;
    if (message.kind != Class::request || message.method != method_binding) {
        // Indications keep a NAT's mapping alive; responses answer nothing that was asked.
        result.complaint = "no Binding request";
        return result;
    }
    if (!message.username || message.integrity_offset == 0)
        return refuse(message, error_bad_request, "Bad Request");
    const std::string_view ufrag = receiver_ufrag(*message.username);
    const bool is_next = next_own_ && ufrag == next_own_->ufrag;
    if (!is_next && ufrag != own_.ufrag)
        return refuse(message, error_unauthenticated, "Unauthenticated");
    // A copy, because a restart that ends below moves them.
    const std::string password = is_next ? next_own_->password : own_.password;
    if (!has_integrity(datagram, message, password, hmac_))
        return refuse(message, error_unauthenticated, "Unauthenticated");

    if (!message.unknown.empty()) {
        result.reply = MessageWriter(Class::error, message.transaction)
                           .error(error_unknown_attribute, "Unknown Attribute")
                           .unknown(message.unknown)
                           .finish(password, hmac_);
        result.complaint = "Unknown Attribute";
        return result;
    }
    if (message.controlled) {
        // A lite agent can't take the other role, whatever the tie-breakers are.
        result.reply = MessageWriter(Class::error, message.transaction)
                           .error(error_role_conflict, "Role Conflict")
                           .finish(password, hmac_);
        result.complaint = "Role Conflict";
        return result;
    }
    result.is_valid = true;
    if (is_next) {
        finish_restart();
        result.restarted = true;
    }
    heard_ms_ = now_ms;
    remember(from, now_ms);
    result.moved = select(from, message.use_candidate, now_ms);
    result.reply = MessageWriter(Class::success, message.transaction)
                       .mapped(from.remote)
                       .finish(password, hmac_);
    return result;
}

void IceLite::on_media(const Path &from, uint64_t now_ms) {
    if (!selected_ || *selected_ != from) return;
    selected_ms_ = heard_ms_ = now_ms;
}

bool IceLite::is_known(const Path &path) const {
    return std::any_of(paths_.begin(), paths_.end(),
                       [&](const KnownPath &known) { return known.path == path; });
}

void IceLite::restart(Credentials own, Credentials remote) {
    next_own_ = std::move(own);
    next_remote_ = std::move(remote);
}

void IceLite::finish_restart() {
    own_ = std::move(*next_own_);
    remote_ = std::move(*next_remote_);
    next_own_.reset();
    next_remote_.reset();
    paths_.clear();
    is_stale_ = true;
}

void IceLite::remember(const Path &path, uint64_t now_ms) {
    for (KnownPath &known : paths_)
        if (known.path == path) {
            known.checked_ms = now_ms;
            return;
        }
    if (paths_.size() < max_paths) {
        paths_.push_back({path, now_ms});
        return;
    }
    KnownPath *oldest = nullptr;
    for (KnownPath &known : paths_)
        if (known.path != selected_ && (!oldest || known.checked_ms < oldest->checked_ms))
            oldest = &known;
    *oldest = {path, now_ms}; // one is not selected, because there are several
}

/// Whether the path of a valid check is the selected one only now.
bool IceLite::select(const Path &path, bool nominated, uint64_t now_ms) {
    const bool is_same = selected_ == path;
    const bool is_silent = now_ms > selected_ms_ && now_ms - selected_ms_ >= silent_ms;
    if (selected_ && !is_same && !nominated && !is_silent && !is_stale_) return false;
    is_nominated_ = nominated || (is_same && !is_stale_ && is_nominated_);
    is_stale_ = false;
    selected_ = path;
    selected_ms_ = now_ms;
    return !is_same;
}

} // namespace penstock::stun

// SPDX-License-Identifier: LGPL-2.1-or-later
// The result of parsers of data from the network, which never throw.
#pragma once

#include <string>
#include <utility>

namespace penstock {

/// `ok`; `need_more` input is required; or an `error` with a readable reason, to be logged with the
/// peer's name.
class Result {
public:
    enum class Status { ok, need_more, error };

    static Result ok() { return Result(Status::ok, {}); }
    static Result need_more() { return Result(Status::need_more, {}); }
    static Result error(std::string reason) { return Result(Status::error, std::move(reason)); }

    Status status() const { return status_; }
    bool is_ok() const { return status_ == Status::ok; }
    bool is_error() const { return status_ == Status::error; }
    bool needs_more() const { return status_ == Status::need_more; }
    const std::string &reason() const { return reason_; }

private:
    Result(Status status, std::string reason) : status_(status), reason_(std::move(reason)) {}
    Status status_;
    std::string reason_;
};

} // namespace penstock

// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides by a policy: first by address, then by key, signed URL or token, of which one must be
// valid, then by asking the policy's server.
#pragma once

#include "authorize/key_file.h"
#include "authorize/policy.h"
#include "authorize/watched_file.h"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace penstock::authorize {

struct Decision {
    bool allowed = false;
    int64_t expires = 0; ///< seconds since 1970; 0: never
    std::string path;    ///< not empty: the publisher's path from now on
    std::string reason;  ///< why not, without anything secret
    std::string owner;   ///< the name beside the stream key; may be empty
};

/// Used on the worker's thread, except load() and concerns().
class Authorizer : public std::enable_shared_from_this<Authorizer> {
public:
    using Done = std::function<void(const Decision &)>;

    explicit Authorizer(Policy policy);
    /// Reads the files; has to be called first. Returns false and the reason if one can't be used.
    bool load(std::string *error);
    bool concerns(bool publish) const;
    /// Calls `done` once, immediately or later. Every failure refuses.
    void decide(const Request &request, Done done);

private:
    static constexpr size_t max_cached = 10'000;
    struct Cached {
        Judgement judgement;
        uint64_t until_ms = 0;
    };

    bool reads_keys(std::string *error);
    bool reads_jwks(std::string *error);
    bool has_credentials(const Request &request, Decision &decision, std::string &why);
    void check_token(const Request &request, std::string why, Done done);
    void fetch_jwks(std::function<void()> then);
    void ask_server(const Request &request, Decision decision, Done done);
    void keep(const std::string &key, const Judgement &judgement);

    const Policy policy_;
    std::optional<WatchedFile> key_file_, jwks_file_;
    KeyFile keys_;
    std::optional<Url> jwks_url_;
    std::optional<KeySet> jwks_;
    uint64_t fetched_ms_ = 0; ///< when the key set was last asked for; 0: not yet
    std::vector<std::function<void()>> waiting_; ///< for the key set
    std::unordered_map<std::string, Cached> cache_;
};

} // namespace penstock::authorize

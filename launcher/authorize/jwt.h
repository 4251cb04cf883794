// SPDX-License-Identifier: LGPL-2.1-or-later
// JSON Web Tokens (RFC 7519) signed with HS256, RS256 or ES256, and the key sets (RFC 7517) that
// they are checked with.
#pragma once

#include "authorize/signed_url.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

typedef struct evp_pkey_st EVP_PKEY;

namespace penstock::authorize {

class KeySet {
public:
    static constexpr size_t max_size = 256 << 10; ///< bytes
    static constexpr size_t max_keys = 100;

    /// Skips keys of other types and uses. nullopt and the reason if the text is not a key set or
    /// contains no usable key.
    static std::optional<KeySet> parse(std::string_view json, std::string *error);

    struct Key {
        std::string id;        ///< `kid`; may be empty
        std::string algorithm; ///< "HS256", "RS256", "ES256"
        std::string secret;    ///< for HS256
        std::shared_ptr<EVP_PKEY> key;
        bool verifies(std::string_view text, std::string_view signature) const;
    };
    const std::vector<Key> &keys() const { return keys_; }

private:
    std::vector<Key> keys_;
};

struct JwtRules {
    std::string issuer;                ///< empty: any
    std::string audience;              ///< empty: any
    std::string claim = "permissions"; ///< which lists {action, path}
};

struct JwtPermission : Permission {
    bool is_key_unknown = false; ///< a newer key set may have the token's key
};

/// Checks signature, times, issuer, audience, and whether the token permits this stream. A token
/// without an expiry time is refused. `now`: seconds since 1970.
JwtPermission check_jwt(const Request &request, const KeySet &keys, const JwtRules &rules,
                        int64_t now);

} // namespace penstock::authorize

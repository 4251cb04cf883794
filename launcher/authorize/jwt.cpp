// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/jwt.h"

#include "authorize/digest.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

namespace penstock::authorize {
namespace {

using nlohmann::json;

constexpr size_t max_token = 8 << 10; ///< bytes
constexpr int64_t clock_skew = 5;     ///< s that the issuer's clock may be ahead
constexpr size_t es256_size = 64;

template <class T, void (*release)(T *)>
struct Release {
    void operator()(T *object) const { release(object); }
};
template <class T, void (*release)(T *)>
using Owned = std::unique_ptr<T, Release<T, release>>;
using Number = Owned<BIGNUM, BN_free>;

const unsigned char *bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char *>(text.data());
}

Number number(std::string_view bytes) {
    return Number(BN_bin2bn(bytes_of(bytes), int(bytes.size()), nullptr));
}

/// A member's text; empty if it is missing or not a string.
std::string text_of(const json &object, const char *name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string bytes_of(const json &object, const char *name) {
    return base64url_decode(text_of(object, name)).value_or("");
}

std::shared_ptr<EVP_PKEY> make_key(const char *type, OSSL_PARAM_BLD *builder) {
    const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder));
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
        EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY *key = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
        return nullptr;
    return {key, EVP_PKEY_free};
}

std::shared_ptr<EVP_PKEY> rsa_key(const json &object) {
    const std::string modulus = bytes_of(object, "n"), exponent = bytes_of(object, "e");
    // 2048 to 8192 bits: shorter keys are not safe, longer ones take too much time.
    if (modulus.size() < 256 || modulus.size() > 1024 || exponent.empty() || exponent.size() > 4)
        return nullptr;
    const Number n = number(modulus), e = number(exponent);
    const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
    return make_key("RSA", builder.get());
}

std::shared_ptr<EVP_PKEY> ec_key(const json &object) {
    const std::string x = bytes_of(object, "x"), y = bytes_of(object, "y");
    if (text_of(object, "crv") != "P-256" || x.size() != 32 || y.size() != 32) return nullptr;
    const std::string point = '\4' + x + y; // uncompressed
    const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
    return make_key("EC", builder.get());
}

/// A JWT has r and s concatenated; OpenSSL takes them as DER.
std::string der_of(std::string_view signature) {
    if (signature.size() != es256_size) return {};
    const Owned<ECDSA_SIG, ECDSA_SIG_free> both(ECDSA_SIG_new());
    ECDSA_SIG_set0(both.get(), number(signature.substr(0, 32)).release(),
                   number(signature.substr(32)).release());
    unsigned char *der = nullptr;
    const int size = i2d_ECDSA_SIG(both.get(), &der);
    if (size <= 0) return {};
    std::string out(reinterpret_cast<char *>(der), size_t(size));
    OPENSSL_free(der);
    return out;
}

std::optional<int64_t> time_of(const json &claims, const char *name) {
    const auto found = claims.find(name);
    if (found == claims.end() || !found->is_number()) return std::nullopt;
    const double seconds = found->get<double>();
    // Beyond this bound a double has no exact seconds.
    constexpr double latest = 1e11;
    if (!(seconds >= 0 && seconds <= latest)) return std::nullopt;
    return int64_t(std::floor(seconds));
}

/// Whether the member is this text, or a list that contains it.
bool names(const json &claims, const char *name, const std::string &wanted) {
    const auto found = claims.find(name);
    if (found == claims.end()) return false;
    if (found->is_string()) return found->get_ref<const std::string &>() == wanted;
    return found->is_array() && std::any_of(found->begin(), found->end(), [&](const json &each) {
               return each.is_string() && each.get_ref<const std::string &>() == wanted;
           });
}

bool permits(const json &claims, const std::string &claim, const Request &request) {
    const auto found = claims.find(claim);
    if (found == claims.end() || !found->is_array()) return false;
    return std::any_of(found->begin(), found->end(), [&](const json &each) {
        if (!each.is_object()) return false;
        const std::string action = text_of(each, "action");
        if (action != (request.publish ? "publish" : "play") &&
            (request.publish || action != "read"))
            return false;
        const auto path = each.find("path");
        if (path == each.end()) return true;
        // An empty path means all paths, as in MediaMTX.
        return path->is_string() &&
               (path->get_ref<const std::string &>().empty() ||
                matches(path->get_ref<const std::string &>(), request.stream()));
    });
}

std::optional<json> object_of(std::string_view base64) {
    const auto text = base64url_decode(base64);
    if (!text) return std::nullopt;
    json object = json::parse(*text, nullptr, false);
    if (!object.is_object()) return std::nullopt;
    return object;
}

} // namespace

std::optional<KeySet> KeySet::parse(std::string_view text, std::string *error) {
    const auto fail = [&](const char *why) {
        if (error) *error = why;
        return std::nullopt;
    };
    if (text.size() > max_size) return fail("a key set has at most 256 KiB");
    const json set = json::parse(text, nullptr, false);
    const auto list = set.is_object() ? set.find("keys") : set.end();
    if (!set.is_object() || list == set.end() || !list->is_array())
        return fail("this is no JSON Web Key Set: {\"keys\": […]}");
    if (list->size() > max_keys) return fail("a key set has at most 100 keys");
    KeySet out;
    for (const json &each : *list) {
        if (!each.is_object()) continue;
        if (const std::string use = text_of(each, "use"); !use.empty() && use != "sig") continue;
        Key key{.id = text_of(each, "kid")};
        const std::string type = text_of(each, "kty");
        if (type == "oct") {
            key.algorithm = "HS256";
            key.secret = bytes_of(each, "k");
            if (key.secret.size() < 32) continue; // RFC 7518 3.2
        } else if (type == "RSA") {
            key.algorithm = "RS256";
            key.key = rsa_key(each);
        } else if (type == "EC") {
            key.algorithm = "ES256";
            key.key = ec_key(each);
        }
        if (key.secret.empty() && !key.key) continue;
        if (const std::string own = text_of(each, "alg"); !own.empty() && own != key.algorithm)
            continue;
        out.keys_.push_back(std::move(key));
    }
    if (out.keys_.empty())
        return fail("the key set has no key for HS256 (32 bytes), RS256 (2048 bit) or ES256");
    return out;
}

bool KeySet::Key::verifies(std::string_view text, std::string_view signature) const {
    if (algorithm == "HS256") return is_same(signature, hmac_sha256(secret, text));
    const std::string der = algorithm == "ES256" ? der_of(signature) : std::string(signature);
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    return !der.empty() && context &&
           EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes_of(std::string_view(der)), der.size(),
                            bytes_of(text), text.size()) == 1;
}

JwtPermission check_jwt(const Request &request, const KeySet &keys, const JwtRules &rules,
                        int64_t now) {
    const auto refuse = [](const char *why, bool is_key_unknown = false) {
        JwtPermission out;
        out.reason = why;
        out.is_key_unknown = is_key_unknown;
        return out;
    };
    const std::string_view token = request.token;
    if (token.empty()) return refuse("there is no token");
    const size_t first = token.find('.'), second = token.find('.', first + 1);
    if (token.size() > max_token || first == token.npos || second == token.npos ||
        token.find('.', second + 1) != token.npos)
        return refuse("the token is no JWT");
    const auto header = object_of(token.substr(0, first));
    const auto claims = object_of(token.substr(first + 1, second - first - 1));
    const auto signature = base64url_decode(token.substr(second + 1));
    // RFC 7515, 4.1.11: extensions that are not understood must not be ignored.
    if (!header || !claims || !signature || header->contains("crit"))
        return refuse("the token is no JWT");
    const std::string algorithm = text_of(*header, "alg"), id = text_of(*header, "kid");
    bool is_known = false, is_signed = false;
    for (const auto &key : keys.keys()) {
        // The key determines the algorithm, never the token alone.
        if (key.algorithm != algorithm || (!id.empty() && key.id != id)) continue;
        is_known = true;
        is_signed = key.verifies(token.substr(0, second), *signature);
        if (is_signed) break;
    }
    if (!is_known) return refuse("no key of the key set fits the token", true);
    if (!is_signed) return refuse("the token's signature is wrong", id.empty());
    const auto expires = time_of(*claims, "exp");
    if (!expires) return refuse("the token does not say when it expires");
    if (*expires <= now) return refuse("the token has expired");
    if (claims->contains("nbf")) {
        const auto begins = time_of(*claims, "nbf");
        if (!begins || *begins > now + clock_skew) return refuse("the token is not valid yet");
    }
    if (!rules.issuer.empty() && text_of(*claims, "iss") != rules.issuer)
        return refuse("the token is of another issuer");
    if (!rules.audience.empty() && !names(*claims, "aud", rules.audience))
        return refuse("the token is for another audience");
    if (!permits(*claims, rules.claim, request))
        return refuse("the token does not permit this stream");
    JwtPermission out;
    out.allowed = true;
    out.expires = *expires;
    return out;
}

} // namespace penstock::authorize

// SPDX-License-Identifier: LGPL-2.1-or-later
// Encrypts or decrypts the packets of one kind in one direction, by session keys that are prepared
// once. Packets' layouts are not its matter. This header does not need OpenSSL.
#pragma once

#include "core/srtp/keys.h"

#include <memory>
#include <span>

struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace penstock::srtp {

struct FreeContext {
    void operator()(evp_cipher_ctx_st *context) const;
    void operator()(evp_mac_ctx_st *context) const;
};
using CipherContext = std::unique_ptr<evp_cipher_ctx_st, FreeContext>;
using MacContext = std::unique_ptr<evp_mac_ctx_st, FreeContext>;

/// Not thread-safe. About 1.5 kB of OpenSSL's memory.
class Transform {
public:
    enum class Direction : uint8_t { seal, open };

    /// Throws std::bad_alloc.
    Transform(Profile profile, const SessionKeys &keys, Direction direction);

    /// Encrypts `plain`, whose pieces are one text, to `out`, which may be its place, and writes
    /// tag_size() bytes to `tag`. `head` and `tail` are authenticated as well. `index` has 48 bits
    /// at most; with the SSRC it makes the nonce, which is never to be used for another text. False
    /// if OpenSSL fails.
    bool seal(uint32_t ssrc, uint64_t index, ByteView head, std::span<const ByteView> plain,
              ByteView tail, uint8_t *out, uint8_t *tag);
    /// Decrypts `text` in its place. False if the tag is not that of these bytes; of `text` nothing
    /// is to be used then.
    bool open(uint32_t ssrc, uint64_t index, ByteView head, std::span<uint8_t> text, ByteView tail,
              const uint8_t *tag);

private:
    using Nonce = std::array<uint8_t, 16>;
    Nonce nonce(uint32_t ssrc, uint64_t index) const;
    bool encrypt(std::span<const ByteView> plain, uint8_t *out);
    bool mac(ByteView head, ByteView text, ByteView tail, uint8_t *tag);

    CipherContext cipher_;
    MacContext mac_; ///< null for AEAD profiles
    Secret<max_salt_size> salt_;
    Profile profile_;
};

} // namespace penstock::srtp

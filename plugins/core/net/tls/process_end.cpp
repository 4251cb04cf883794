// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps OpenSSL from freeing its memory while the process ends. It would do so by a handler of
// exit(), when network threads may still close connections: they would use what has been freed, or
// leak what they allocate anew. The kernel takes the memory back in any case.
#include <openssl/crypto.h>

namespace penstock::net {
namespace {

// At load time, because only OpenSSL's first initialization decides.
[[gnu::constructor]] void keep_openssl_until_the_end() {
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
}

} // namespace
} // namespace penstock::net

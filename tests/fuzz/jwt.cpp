// SPDX-License-Identifier: LGPL-2.1-or-later
// Any token, and any key set: the input is a token, a line feed, a key set. Law: without the secret
// nothing is allowed, and a refusal has a reason.
#include "authorize/jwt.h"

#include "fuzz/law.h"

using namespace penstock::authorize;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view input(reinterpret_cast<const char *>(data), size);
    const size_t line = input.find('\n');
    Request request;
    request.app = "live";
    request.name = "cam";
    request.token = input.substr(0, line);
    // The private key of this one is unknown, and it is not in the corpus.
    static const auto ours = KeySet::parse(
        R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
        R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})",
        nullptr);
    const auto permission = check_jwt(request, *ours, {}, 1'300'819'379);
    fuzz::law(!permission.allowed, "a token that nobody signed permits nothing");
    fuzz::law(!permission.reason.empty(), "a refusal has a reason");
    if (line == input.npos) return 0;
    std::string error;
    const auto theirs = KeySet::parse(input.substr(line + 1), &error);
    fuzz::law(theirs.has_value() || !error.empty(), "a key set or a reason");
    if (theirs) {
        const auto own = check_jwt(request, *theirs, {}, 1'300'819'379);
        fuzz::law(own.allowed ? own.expires > 1'300'819'379 : !own.reason.empty(),
                  "a permission ends, a refusal has a reason");
    }
    return 0;
}

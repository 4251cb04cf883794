// SPDX-License-Identifier: LGPL-2.1-or-later
// Explains why a stream did not arrive.
#pragma once

#include "delay/protocols.h"

#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace penstock::delay {

using Failure = protocols::Failure;

/// Finds out on a thread of its own why no frame came from a URL; it may connect to the server.
class Reason {
public:
    Reason(const Protocol &protocol, std::string url);
    ~Reason();
    Reason(const Reason &) = delete;
    Reason &operator=(const Reason &) = delete;

    /// Begins, or begins anew: a failure that is known later says more. `patience` as in
    /// protocols::Asking; `waited` is the time that the reason will be shown after, in seconds.
    void ask(const Failure &failure, unsigned patience, unsigned waited);
    bool is_asked() const { return bool(found_); }
    /// A sentence with the fault and the remedy; nullopt until it is known.
    std::optional<std::string> answer() const;

private:
    struct Found;
    void forget();

    const Protocol &protocol_;
    const std::string url_;
    std::shared_ptr<Found> found_;
    std::thread thread_;
};

/// From now on trusts only the certificates in the file (PEM). Returns false and sets the reason if
/// it contains none.
bool trust(const std::string &file, std::string *error);

} // namespace penstock::delay

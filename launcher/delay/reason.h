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

    /// Starts to look for the reason, or starts again once a failure that says more is known.
    /// `patience` and `waited` are those of protocols::Asking, in seconds.
    void ask(const Failure &failure, unsigned patience, unsigned waited);
    bool is_asked() const { return bool(found_); }
    /// A sentence that names the fault and the remedy; nullopt until the reason is known.
    std::optional<std::string> answer() const;

private:
    struct Found;
    void forget(); ///< ends a search in progress and waits for its thread

    const Protocol &protocol_;
    const std::string url_;
    std::shared_ptr<Found> found_;
    std::thread thread_;
};

/// Makes all TLS connections of the process trust only the certificates in the file (PEM). Returns
/// false and sets the reason if it contains none.
bool trust(const std::string &file, std::string *error);

} // namespace penstock::delay

// SPDX-License-Identifier: LGPL-2.1-or-later
// The paths at which OBS asks for the configuration of its multitrack video.
#pragma once

#include "core/net/http/server.h"
#include "supervisor/endpoints.h"
#include "supervisor/supervisor.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::multitrack {

/// Where the publishers of a rule are told about multitrack.
struct Place {
    net::Address http; ///< as in the description
    std::string path;  ///< "/multitrack/live"
    std::string app;   ///< "live"
};

/// The place of a `publish` rule with `multitrack`; nullopt and the reason if its match has not
/// the form APP/{name}.
std::optional<Place> place_of(const description::PublishRule &rule,
                              const description::Binding &binding, std::string *error);

class Routes {
public:
    /// Serves what the rules of `bindings` say, in place of what was served before. The listeners
    /// are open. Returns false and sets the reason if something can't be served.
    bool serve(const supervisor::Bindings &bindings, std::string *error);
    void clear() { routes_.clear(); }

private:
    bool add(const supervisor::Endpoint &endpoint, const description::Binding &binding,
             std::string *error);

    std::vector<std::unique_ptr<net::HttpRegistration>> routes_;
};

} // namespace penstock::multitrack

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/stamps.h"

#include "cli/catalogue.h"
#include "cli/top_client.h"
#include "protocols/table.h"

#include <nlohmann/json.hpp>

namespace penstock::cli {
namespace {

using nlohmann::json;

constexpr const char *parameter = "stamp";

/// The place of a stream: its host, and its name or, over UDP, its port.
struct Place {
    std::string host, stream;

    bool operator==(const Place &) const = default;
};

/// Maps the usual addresses of this machine to one word.
std::string host_of(const net::Address &address) {
    const std::string &host = address.host;
    const bool is_here = host.empty() || host == "localhost" || host == "0.0.0.0" || host == "::" ||
                         host == "::1" || host.starts_with("127.");
    return is_here ? "here" : host;
}

std::optional<Place> place_of(const std::string &url) {
    const auto *protocol = protocols::find_url(url);
    const auto location =
        net::parse_location(url.substr(0, url.find('?')), protocols::default_port(url), nullptr);
    if (protocol && location && !location->path.empty()) {
        return Place{host_of(location->address), protocols::stream_name(*protocol, location->path)};
    }
    const size_t scheme = url.find("://");
    const std::string rest = scheme == url.npos ? url : url.substr(scheme + 3);
    const auto address = net::parse_address(rest.substr(0, rest.find_first_of("/?")));
    if (!address) return std::nullopt;
    return Place{host_of(*address), ":" + std::to_string(address->port)};
}

/// The mend in the description's own terms; empty if it has no such parameter.
std::string setting_of(const std::string &description) {
    std::string error;
    const std::string file = find_file(description, &error);
    if (file.empty()) return "";
    const Loaded loaded = load(file, false);
    if (!loaded.description || !loaded.description->find_parameter(parameter)) return "";
    return std::string("start it with `--set ") + parameter + "=true`";
}

/// "test-publisher (process 123) sends it: …"; empty if no process of this user does.
std::string sender_of(const std::string &url) {
    const auto wanted = place_of(url);
    if (!wanted) return "";
    for (const ProcessState &state : ask_processes(0)) {
        if (!state.error.empty()) continue;
        for (const json &pipeline : state.value["pipelines"])
            for (const json &to : pipeline.value("sends-to", json::array())) {
                if (!to.is_string() || place_of(to.get<std::string>()) != wanted) continue;
                const std::string name = pipeline.value("description", "");
                const std::string setting = setting_of(name);
                return name + " (process " + std::to_string(state.process) + ") sends it: " +
                       (setting.empty() ? "put latencystamp in front of its encoder" : setting);
            }
    }
    return "";
}

} // namespace

std::string no_stamps(const std::string &url) {
    std::string sender;
    try {
        sender = sender_of(url);
    } catch (const json::exception &) {
        // A process of another version: the general advice has to do.
    }
    const std::string what = "no picture has a stamp that can be read: nothing can be measured. ";
    if (!sender.empty()) return what + sender;
    return what + "The source burns one in with latencystamp (in front of its encoder), or "
                  "latencysei adds one to the encoded stream; test-publisher, webcam-to-rtmp "
                  "and webcam-to-udp do with `--set stamp=true`";
}

} // namespace penstock::cli

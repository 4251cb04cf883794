// SPDX-License-Identifier: LGPL-2.1-or-later
// cameras: finds the ONVIF cameras of the network and prints their streams.
#include "authorize/url.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "onvif/device.h"
#include "onvif/discovery.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <utility>

namespace penstock::cli {
namespace {

using nlohmann::json;
using onvif::Device;
using onvif::Profile;

constexpr const char *password_variable = "PENSTOCK_CAMERA_PASSWORD";

onvif::Credentials credentials_of(const CamerasOptions &options) {
    const char *password = std::getenv(password_variable);
    return {options.user, password ? password : ""};
}

/// "192.0.2.7", "192.0.2.7:8000" or a URL.
onvif::Found at_address(const std::string &text) {
    const auto url = authorize::Url::parse_server(text, "/onvif/device_service");
    onvif::Found out;
    out.addresses = {url ? url->to_string() : text};
    out.is_named = true;
    return out;
}

std::string size_of(const Profile &profile) {
    return profile.width == 0
               ? "-"
               : std::to_string(profile.width) + "x" + std::to_string(profile.height);
}

std::string fps_of(const Profile &profile) {
    return profile.fps == 0 ? "-" : std::to_string(static_cast<int>(profile.fps + 0.5));
}

json to_json(const Device &device) {
    json out = {{"name", device.name},
                {"hardware", device.hardware},
                {"address", device.address},
                {"profiles", json::array()}};
    if (!device.error.empty()) out["error"] = device.error;
    for (const Profile &profile : device.profiles) {
        json one = {{"token", profile.token}, {"name", profile.name},     {"codec", profile.codec},
                    {"width", profile.width}, {"height", profile.height}, {"fps", profile.fps}};
        if (!profile.url.empty()) one["url"] = profile.url;
        out["profiles"].push_back(std::move(one));
    }
    return out;
}

using Row = std::vector<std::string>;

void print_table(const std::vector<Row> &rows) {
    std::vector<size_t> widths(rows.front().size());
    for (const Row &row : rows)
        for (size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    for (const Row &row : rows) {
        std::string line;
        for (size_t i = 0; i < row.size(); ++i)
            line += i + 1 < row.size() ? pad(row[i], widths[i] + 2) : row[i];
        Output::get().print(&row == &rows.front() ? Output::get().bold(line) : line);
    }
}

void print(const std::vector<Device> &devices) {
    std::vector<Row> rows = {{"CAMERA", "PROFILE", "CODEC", "SIZE", "FPS", "URL"}};
    for (const Device &device : devices) {
        const std::string name = device.name.empty() ? device.address : device.name;
        for (const Profile &profile : device.profiles)
            if (!profile.url.empty())
                rows.push_back({name, profile.name.empty() ? profile.token : profile.name,
                                profile.codec.empty() ? "-" : profile.codec, size_of(profile),
                                fps_of(profile), profile.url});
    }
    if (rows.size() > 1) print_table(rows);
    for (const Device &device : devices)
        if (!device.error.empty())
            Output::get().warning((device.name.empty() ? "" : device.name + ", ") + device.address +
                                  ": " + device.error);
}

} // namespace

int cameras(const CamerasOptions &options) {
    std::vector<onvif::Found> found;
    for (const std::string &address : options.addresses)
        found.push_back(at_address(address));
    if (found.empty()) {
        std::string error;
        found = onvif::discover(options.interface, options.seconds, &error);
        if (!error.empty()) {
            Output::get().error(error);
            return exit_failed;
        }
    }
    const auto devices = onvif::ask(found, credentials_of(options));
    if (options.json) {
        json out = json::array();
        for (const Device &device : devices)
            out.push_back(to_json(device));
        Output::get().print(out.dump(2, ' ', false, json::error_handler_t::replace));
    } else if (devices.empty()) {
        Output::get().error("no camera has answered: is ONVIF switched on in it, and is it in the "
                            "same network? `penstock cameras ADDRESS` asks one elsewhere");
    } else {
        print(devices);
    }
    for (const Device &device : devices)
        for (const Profile &profile : device.profiles)
            if (!profile.url.empty()) return exit_ok;
    return exit_failed;
}

} // namespace penstock::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "api/state.h"

#include "config.h"

#include <nlohmann/json.hpp>

#include <unistd.h>

namespace penstock::api {

using nlohmann::json;

std::string state_json(const supervisor::Snapshot &snapshot) {
    json pipelines = json::array(), mounts = json::array();
    for (const auto &pipeline : snapshot.pipelines) {
        json elements = json::array(), queues = json::array();
        for (const auto &element : pipeline.elements)
            elements.push_back(
                {{"name", element.name}, {"factory", element.factory}, {"stats", element.stats}});
        for (const auto &queue : pipeline.queues)
            queues.push_back({{"name", queue.name}, {"level", queue.level}});
        pipelines.push_back({{"label", pipeline.label},
                             {"description", pipeline.description},
                             {"state", pipeline.state},
                             {"uptime", pipeline.uptime},
                             {"bytes-in", pipeline.bytes_in},
                             {"bytes-out", pipeline.bytes_out},
                             {"frames", pipeline.frames},
                             {"drops", pipeline.drops},
                             {"players", pipeline.players},
                             {"viewers", pipeline.viewers},
                             {"queues", std::move(queues)},
                             {"elements", std::move(elements)}});
    }
    for (const auto &mount : snapshot.mounts)
        mounts.push_back({{"address", mount.address},
                          {"path", mount.path},
                          {"publisher", mount.publisher},
                          {"live", mount.live},
                          {"players", mount.players},
                          {"bytes-in", mount.bytes_in},
                          {"bytes-out", mount.bytes_out}});
    return json{{"process", getpid()},
                {"version", VERSION},
                {"descriptions", snapshot.descriptions},
                {"taken-at", snapshot.taken_at},
                {"pipelines", std::move(pipelines)},
                {"mounts", std::move(mounts)}}
        .dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace penstock::api

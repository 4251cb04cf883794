// SPDX-License-Identifier: LGPL-2.1-or-later
#include "state/json.h"

#include "config.h"
#include "protocols/table.h"

#include <nlohmann/json.hpp>

#include <unistd.h>

namespace penstock::state {

using nlohmann::json;

std::string to_json(const Model &model) {
    json pipelines = json::array(), mounts = json::array();
    for (const auto &pipeline : model.pipelines) {
        json elements = json::array(), queues = json::array();
        for (const auto &element : pipeline.elements)
            if (!element.is_inside)
                elements.push_back({{"name", element.name},
                                    {"factory", element.factory},
                                    {"stats", numbers_of(element)}});
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
                             {"sends-to", pipeline.sends_to},
                             {"queues", std::move(queues)},
                             {"elements", std::move(elements)}});
    }
    for (const Mount &mount : model.on_listeners.mounts) {
        const auto *protocol = protocols::find_protocol(mount.protocol);
        mounts.push_back({{"address", mount.address.to_string()},
                          {"protocol", mount.protocol},
                          {"path", mount.path},
                          {"publisher", mount.publisher},
                          {"standby", mount.standby},
                          {"live", mount.live},
                          {"waits-for-publisher", mount.is_deserted},
                          {"players", protocol && protocol->has_players ? mount.viewers : 0},
                          {"viewers", mount.viewers},
                          {"bytes-in", mount.bytes_in},
                          {"bytes-out", mount.bytes_out}});
    }
    return json{{"process", getpid()},
                {"version", VERSION},
                {"descriptions", model.descriptions},
                {"taken-at", model.taken_at},
                {"pipelines", std::move(pipelines)},
                {"mounts", std::move(mounts)}}
        .dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace penstock::state

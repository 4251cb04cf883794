// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/latency_clock.h"

#include "delay/budget.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>

namespace penstock::cli {

using nlohmann::json;

bool look_at_clocks(const std::string &ntp, double stated, Clocks *clocks, std::string *error) {
    clocks->state = delay::clock_state();
    if (stated != 0) clocks->offset = delay::ClockOffset{std::llround(stated * 1e6), 0};
    if (ntp.empty()) return true;
    clocks->server = ntp;
    std::string why;
    clocks->offset = delay::ask_ntp(ntp, &why);
    if (!clocks->offset)
        *error = "no time from the NTP server " + ntp + ": " + why +
                 "; name another with --ntp, or say with --clock-offset how far this clock is off";
    return clocks->offset.has_value();
}

std::string in_words(const Clocks &clocks) {
    const auto &[state, offset, server] = clocks;
    std::string out;
    if (!state.is_synchronised)
        out = "the system does not say whether it is synchronised";
    else if (*state.is_synchronised)
        out = "synchronised, within " + delay::in_words(state.estimated_error);
    else
        out = "not synchronised";
    if (!offset) {
        if (!state.is_synchronised || !*state.is_synchronised)
            out += ": exact if the source is on this machine; else --ntp HOST measures how far it "
                   "is off";
        return out;
    }
    const std::string off = delay::in_words(std::abs(offset->offset)) +
                            (offset->offset < 0 ? " behind " : " ahead of ");
    if (server.empty()) return out + "; said to be " + off + "the source's";
    return out + "; " + off + server + " ± " + delay::in_words(offset->error);
}

json to_json(const Clocks &clocks) {
    const auto in_ms = [](int64_t nanoseconds) { return double(nanoseconds) / 1e6; };
    const auto &[state, offset, server] = clocks;
    json out = {{"synchronised", nullptr},     {"estimated_error_ms", nullptr},
                {"maximum_error_ms", nullptr}, {"offset_ms", nullptr},
                {"offset_error_ms", nullptr},  {"ntp", nullptr}};
    if (state.is_synchronised) {
        out["synchronised"] = *state.is_synchronised;
        out["estimated_error_ms"] = in_ms(state.estimated_error);
        out["maximum_error_ms"] = in_ms(state.maximum_error);
    }
    if (offset) out["offset_ms"] = in_ms(offset->offset);
    if (offset && !server.empty()) {
        out["offset_error_ms"] = in_ms(offset->error);
        out["ntp"] = server;
    }
    return out;
}

} // namespace penstock::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sctp/data_channels.h"

namespace penstock::sctp {

std::unique_ptr<DataChannels> DataChannels::make(Handler &, const Options &, uint64_t,
                                                 std::string *error) {
    if (error) *error = "not there yet";
    return nullptr;
}

} // namespace penstock::sctp

// SPDX-License-Identifier: LGPL-2.1-or-later
// The metadata that a publisher sends.
#include "core/amf/value.h"
#include "core/rtmp/client_session.h"
#include "core/rtmp/message.h"

#include <algorithm>

namespace penstock::rtmp {

std::vector<uint8_t> publisher_metadata(ByteView body) {
    body = body.subspan(set_data_frame_size(body));
    Writer out;
    amf::write(out, amf::string("@setDataFrame"));
    std::vector<amf::Value> values;
    const bool readable = amf::read_all(body, values).is_ok() && values.size() >= 2;
    if (!readable || !values[0].is(amf::Type::string) || values[0].text != "onMetaData") {
        out.bytes(body);
        return out.take();
    }
    std::vector<amf::Property> &properties = values[1].properties;
    const auto framerate = std::find_if(properties.begin(), properties.end(),
                                        [](const auto &each) { return each.name == "framerate"; });
    if (framerate != properties.end()) std::rotate(properties.begin(), framerate, framerate + 1);
    for (const amf::Value &value : values)
        amf::write(out, value);
    return out.take();
}

} // namespace penstock::rtmp

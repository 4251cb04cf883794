// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as AMF0. Law: values that are parsed and written parse to the same again.
#include "core/amf/value.h"

#include "fuzz/law.h"

#include <algorithm>

using namespace penstock;

namespace {

std::vector<uint8_t> written(const std::vector<amf::Value> &values) {
    Writer out;
    for (const amf::Value &value : values)
        amf::write(out, value);
    return out.take();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::vector<amf::Value> values;
    const Result result = amf::read_all(ByteView(data, size), values);
    fuzz::law(result.is_ok() || !result.reason().empty(), "an error has a reason");
    const std::vector<uint8_t> first = written(values);
    std::vector<amf::Value> again;
    fuzz::law(amf::read_all(first, again).is_ok(), "what is written can be read");
    fuzz::law(again.size() == values.size(), "no value is lost");
    fuzz::law(written(again) == first, "what is read again is the same");
    return 0;
}

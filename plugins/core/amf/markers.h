// SPDX-License-Identifier: LGPL-2.1-or-later
// The type bytes of AMF0, section 2.1.
#pragma once

#include <cstdint>

namespace penstock::amf::marker {

inline constexpr uint8_t number = 0, boolean = 1, string = 2, object = 3, null = 5, undefined = 6,
                         reference = 7, ecma_array = 8, object_end = 9, strict_array = 10,
                         date = 11, long_string = 12, unsupported = 13, xml = 15, typed_object = 16,
                         avmplus = 17;

} // namespace penstock::amf::marker

// SPDX-License-Identifier: LGPL-2.1-or-later
// AMF3 values, which an AMF0 message may contain behind the avmplus marker. Adobe Action Message
// Format AMF 3, sections 2 and 3.
#pragma once

#include "core/amf/value.h"
#include "core/bytes/reader.h"

namespace penstock::amf {

/// A message's consumption of its limits.
struct Budget {
    const Limits &limits;
    unsigned values = 0;
    size_t text = 0; ///< bytes

    /// Counts a value at this depth.
    Result take_value(unsigned depth);
    /// Counts a string.
    Result take_text(size_t size, size_t limit);
};

/// Reads one value, with reference tables of its own. Integers and doubles become numbers, XML and
/// byte arrays strings, the dense part of an array with string keys properties named "0", "1", ….
/// References to objects become undefined, so that a message can't grow by repeating them. Errors:
/// truncated, a limit, vectors, dictionaries, externalizable objects.
Result read_amf3(Reader &in, Value &out, Budget &budget, unsigned depth);

} // namespace penstock::amf

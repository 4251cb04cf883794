// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a stamp's codeword and as a frame with a stamp. Laws: a decoded word differs in at
// most four bytes from the one that would be drawn; a code lies within its frame.
#include "core/latency/reader.h"

#include "fuzz/law.h"

#include <algorithm>
#include <vector>

using namespace penstock::latency;

namespace {

void check_word(const uint8_t *data, size_t size) {
    Codeword word{};
    std::copy_n(data, std::min(size, word.size()), word.begin());
    const auto stamp = decode(word);
    if (!stamp) return;
    const Codeword drawn = encode(*stamp);
    size_t wrong = 0;
    for (size_t i = 0; i < word.size(); ++i)
        wrong += word[i] != drawn[i];
    fuzz::law(wrong <= parity_size / 2, "no more is corrected than can be");
    fuzz::law(stamp->time >= earliest_time && stamp->time < latest_time, "a time is plausible");
}

/// The first byte: pixels from one to the next; the second: the width; then rows.
void check_picture(const uint8_t *data, size_t size) {
    if (size < 3) return;
    const int step = 1 + data[0] % 4, width = 1 + data[1];
    const size_t stride = static_cast<size_t>(step * width);
    const int height = static_cast<int>((size - 2) / stride);
    // A copy of exactly that size, so that a read beyond it is detected.
    const std::vector<uint8_t> pixels(data + 2, data + 2 + stride * static_cast<size_t>(height));
    const Luma luma{pixels.data(), width, height, static_cast<ptrdiff_t>(stride), step};
    Reader reader;
    const auto reading = reader.read(luma);
    if (!reading) return;
    const Place &place = reading->place;
    fuzz::law(place.left >= 0 && place.top >= 0 && place.left < place.right &&
                  place.top < place.bottom && place.right <= static_cast<float>(width) &&
                  place.bottom <= static_cast<float>(height),
              "a code lies within its picture");
    const auto again = reader.read(luma);
    fuzz::law(again && again->stamp == reading->stamp, "it is read again where it was");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_word(data, size);
    check_picture(data, size);
    return 0;
}

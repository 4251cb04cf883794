// SPDX-License-Identifier: LGPL-2.1-or-later
// Titles amid an audio stream, as players ask for them with `Icy-MetaData: 1`: after every so many
// bytes of the stream a block of metadata, most of them empty.
#pragma once

#include "core/fanout/outlet.h"

#include <optional>
#include <string>
#include <string_view>

namespace penstock::fanout {

/// "StreamTitle='…';" in a block: a byte that counts sixteens, then that many, padded with zeros.
/// Quotes and control characters give way to what does no harm; a title is cut at 500 bytes. An
/// empty title is a block that says nothing of it.
std::string icy_block(std::string_view title);

/// What one viewer's stream is at.
struct IcyState {
    static constexpr size_t interval = 16'000; ///< bytes of the stream between two blocks
    size_t head = 0;                           ///< bytes of the answer's head that are not sent yet
    size_t left = interval;                    ///< bytes of the stream to the next block
    std::string block;                         ///< the one that is being sent
    size_t block_sent = 0;                     ///< bytes of it
    unsigned version = 0;                      ///< of the title that was sent last
};

/// Puts the blocks in between what it is given. What it says to have written is of the stream, and
/// of the answer's head.
class IcyWire final : public Wire {
public:
    /// `title` is called when a block is due: the title if it is another one than that of
    /// `version`, which it then sets; nullopt if not.
    using Title = std::optional<std::string> (*)(void *source, unsigned &version);
    IcyWire(Wire &below, IcyState &state, Title title, void *source)
        : below_(below), state_(state), title_(title), source_(source) {}
    ssize_t write(const iovec *parts, int count) override;

private:
    ssize_t flush_block();
    Wire &below_;
    IcyState &state_;
    const Title title_;
    void *const source_;
};

} // namespace penstock::fanout

// SPDX-License-Identifier: LGPL-2.1-or-later
// Titles inside an audio stream, for players that send `Icy-MetaData: 1`: a block of metadata,
// mostly empty, after every `interval` bytes of the stream.
#pragma once

#include "core/fanout/outlet.h"

#include <optional>
#include <string>
#include <string_view>

namespace penstock::fanout {

/// Makes a block with "StreamTitle='…';": a byte that counts units of sixteen bytes, then these,
/// padded with zeros. Quotes and control characters are replaced; a title is cut at 500 bytes. An
/// empty title makes a block without a title.
std::string icy_block(std::string_view title);

/// The place in one viewer's stream.
struct IcyState {
    static constexpr size_t interval = 16'000; ///< bytes of the stream between two blocks
    size_t head = 0;                           ///< bytes of the answer's head that are not sent yet
    size_t left = interval;                    ///< bytes of the stream to the next block
    std::string block;                         ///< the block that is being sent
    size_t block_sent = 0;                     ///< bytes of the block that are sent
    unsigned version = 0;                      ///< version of the title that was sent last
};

/// Inserts the blocks into what it is given. The number of bytes that write() returns counts the
/// stream and the answer's head, not the blocks.
class IcyWire final : public Wire {
public:
    /// `title` is called when a block is due. It returns the title and sets `version` if the title
    /// is newer than `version`, else nullopt.
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

// SPDX-License-Identifier: LGPL-2.1-or-later
// ICY metadata for players that send `Icy-MetaData: 1`: a mostly empty metadata block after every
// `interval` bytes of the audio stream.
#pragma once

#include "core/fanout/outlet.h"

#include <optional>
#include <string>
#include <string_view>

namespace penstock::fanout {

/// Builds a block with "StreamTitle='…';": a length byte in units of 16 bytes, then the text padded
/// with zeros. Quotes and control characters are replaced; titles are truncated at 500 bytes. An
/// empty title gives a block without a title.
std::string icy_block(std::string_view title);

/// Position in one viewer's stream.
struct IcyState {
    static constexpr size_t interval = 16'000; ///< bytes of the stream between two blocks
    size_t head = 0;                           ///< bytes of the response head still to be sent
    size_t left = interval;                    ///< bytes of the stream until the next block
    std::string block;                         ///< the block being sent
    size_t block_sent = 0;                     ///< bytes of the block already sent
    unsigned version = 0;                      ///< version of the last title sent
};

/// Inserts the blocks into the written data. The result of write() counts the stream and the
/// response head, but not the blocks.
class IcyWire final : public Wire {
public:
    /// Called when a block is due. Returns the title and updates `version` if there is a newer
    /// title, else nullopt.
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

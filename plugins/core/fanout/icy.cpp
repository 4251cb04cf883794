// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/fanout/icy.h"

#include <algorithm>
#include <cerrno>

namespace penstock::fanout {
namespace {

constexpr size_t max_title = 500;

/// Truncates the text at a UTF-8 character boundary.
std::string_view bounded(std::string_view text) {
    if (text.size() <= max_title) return text;
    size_t end = max_title;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
    return text.substr(0, end);
}

} // namespace

std::string icy_block(std::string_view title) {
    if (title.empty()) return std::string(1, '\0');
    std::string text = "StreamTitle='";
    for (const char c : bounded(title)) {
        // Players search for "';" and do not support escapes.
        if (c == '\'')
            text += "\u2019";
        else
            text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
    text += "';";
    const size_t sixteens = (text.size() + 15) / 16;
    text.resize(sixteens * 16, '\0');
    return static_cast<char>(sixteens) + text;
}

/// Returns 1 if everything was sent, 0 if not, -1 on error.
ssize_t IcyWire::flush_block() {
    const iovec part{state_.block.data() + state_.block_sent,
                     state_.block.size() - state_.block_sent};
    const ssize_t sent = below_.write(&part, 1);
    if (sent < 0) return -1;
    state_.block_sent += static_cast<size_t>(sent);
    if (state_.block_sent < state_.block.size()) return 0;
    state_.block.clear();
    state_.block_sent = 0;
    state_.left = IcyState::interval;
    return 1;
}

ssize_t IcyWire::write(const iovec *parts, int count) {
    size_t total = 0, taken = 0;
    for (int i = 0; i < count; ++i)
        total += parts[i].iov_len;
    int at = 0;
    size_t skip = 0; // bytes of parts[at] already sent
    std::vector<iovec> list;
    const auto stopped = [&](bool failed) -> ssize_t {
        return failed && taken == 0 ? -1 : static_cast<ssize_t>(taken);
    };
    while (taken < total) {
        if (state_.left == 0) {
            if (state_.block.empty())
                state_.block = icy_block(title_(source_, state_.version).value_or(std::string()));
            const ssize_t flushed = flush_block();
            if (flushed <= 0) {
                if (flushed == 0) errno = EAGAIN;
                return stopped(true);
            }
        }
        const size_t wanted = std::min(total - taken, state_.head + state_.left);
        list.clear();
        size_t listed = 0;
        for (int i = at; i < count && listed < wanted; ++i) {
            const size_t from = i == at ? skip : 0;
            const size_t size = std::min(parts[i].iov_len - from, wanted - listed);
            if (size > 0) list.push_back({static_cast<uint8_t *>(parts[i].iov_base) + from, size});
            listed += size;
        }
        const ssize_t sent = below_.write(list.data(), static_cast<int>(list.size()));
        if (sent < 0) return stopped(true);
        size_t gone = static_cast<size_t>(sent);
        taken += gone;
        const size_t of_head = std::min(gone, state_.head);
        state_.head -= of_head;
        state_.left -= gone - of_head;
        while (at < count && gone >= parts[at].iov_len - skip) {
            gone -= parts[at++].iov_len - skip;
            skip = 0;
        }
        skip += gone;
        if (static_cast<size_t>(sent) < listed) return stopped(false);
    }
    return static_cast<ssize_t>(taken);
}

} // namespace penstock::fanout

// SPDX-License-Identifier: LGPL-2.1-or-later
// Titles within a stream: the blocks are at the right positions, however much the socket accepts.
#include "core/fanout/icy.h"

#include "check.hpp"

using namespace penstock;
using fanout::IcyState;

namespace {

/// Takes at most `limit` bytes per call, and none in every third call.
class Drip final : public fanout::Wire {
public:
    explicit Drip(size_t limit) : limit_(limit) {}
    ssize_t write(const iovec *parts, int count) override {
        if (++calls_ % 3 == 0) {
            errno = EAGAIN;
            return -1;
        }
        size_t room = limit_, taken = 0;
        for (int i = 0; i < count && room > 0; ++i) {
            const size_t size = std::min(room, parts[i].iov_len);
            out.append(static_cast<const char *>(parts[i].iov_base), size);
            room -= size;
            taken += size;
        }
        return static_cast<ssize_t>(taken);
    }
    std::string out;

private:
    const size_t limit_;
    unsigned calls_ = 0;
};

struct Titles {
    std::string title;
    unsigned version = 1;
};

std::optional<std::string> title_of(void *source, unsigned &version) {
    const auto &titles = *static_cast<Titles *>(source);
    if (std::exchange(version, titles.version) == titles.version) return std::nullopt;
    return titles.title;
}

} // namespace

GST_START_TEST(test_block) {
    using namespace std::string_literals;
    fail_unless(fanout::icy_block("") == "\0"s);
    fail_unless(fanout::icy_block("ab") == "\x02StreamTitle='ab';"s + std::string(15, '\0'));
    const std::string tricky = fanout::icy_block("it's';\nx");
    fail_unless(tricky.find("it\u2019s\u2019; x';") != tricky.npos);
    std::string longest;
    while (longest.size() < 3000)
        longest += "\u20ac"; // three bytes each
    const std::string block = fanout::icy_block(longest);
    fail_unless_equals_int(block.size(), 1 + 16 * uint8_t(block[0]));
    fail_unless(g_utf8_validate(block.c_str() + 1, -1, nullptr));
    fail_unless(block.size() < 600);
}
GST_END_TEST

GST_START_TEST(test_blocks_are_where_they_should_be) {
    std::string head = "HTTP/1.1 200 OK\r\n\r\n", media;
    for (size_t i = 0; i < 5 * IcyState::interval + 123; ++i)
        media += char('a' + i % 23);
    for (const size_t limit : {1ul, 7ul, 1000ul, 15999ul, 16000ul, 1000000ul}) {
        Drip drip(limit);
        IcyState state;
        state.head = head.size();
        Titles titles{"one", 1};
        fanout::IcyWire wire(drip, state, title_of, &titles);
        const std::string all = head + media;
        for (size_t at = 0; at < all.size();) {
            if (at > head.size() + 3 * IcyState::interval) titles = {"two", 2};
            // Pieces of irregular sizes, as in a batch.
            std::vector<iovec> parts;
            size_t size = 3;
            for (size_t from = at; from < all.size() && parts.size() < 9; size = size * 3 + 1) {
                const size_t piece = std::min(size, all.size() - from);
                parts.push_back({const_cast<char *>(all.data()) + from, piece});
                from += piece;
            }
            const ssize_t sent = wire.write(parts.data(), static_cast<int>(parts.size()));
            if (sent > 0)
                at += static_cast<size_t>(sent);
            else
                fail_unless(sent == 0 || errno == EAGAIN);
        }
        fail_unless(drip.out.starts_with(head));
        std::string got, said;
        for (size_t at = head.size(); at < drip.out.size();) {
            got += drip.out.substr(at, IcyState::interval);
            at += IcyState::interval;
            if (at >= drip.out.size()) break;
            const size_t size = 16 * uint8_t(drip.out[at]);
            said += size ? drip.out.substr(at + 14, 3) : "-";
            at += 1 + size;
        }
        fail_unless(got == media, "in pieces of %zu", limit);
        // A viewer that is sent large pieces gets a title one or two blocks later.
        fail_unless_equals_int(std::count(said.begin(), said.end(), '-'), 3);
        std::erase(said, '-');
        fail_unless_equals_string(said.c_str(), "onetwo");
    }
}
GST_END_TEST

static Suite *icy_suite() {
    Suite *s = suite_create("icy");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_block);
    tcase_add_test(tc, test_blocks_are_where_they_should_be);
    return s;
}
GST_CHECK_MAIN(icy)

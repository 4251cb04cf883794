// SPDX-License-Identifier: LGPL-2.1-or-later
// A TLS session by itself: records that go to the socket together.
#include "core/net/tls/client.h"
#include "core/net/tls/context.h"
#include "unit/tls_rig.hpp"

#include "check.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

using namespace penstock;
using tls_test::Certificates;

// What is written arrives whole, whatever its parts are and however little the socket takes.
GST_START_TEST(test_gathered_records) {
    std::string error;
    Certificates folder;
    const net::TlsFiles files = folder.make("first");
    const auto context = net::TlsContext::load(files, &error);
    const auto trusting = net::TlsClient::make({.verify = false}, &error);
    fail_unless(context && trusting, "%s", error.c_str());
    for (const int room : {4 << 10, 1 << 20}) {
        int ends[2];
        fail_unless_equals_int(
            ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        for (const int end : ends)
            ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        {
            const auto server = context->accept(ends[0]);
            const auto client = trusting->connect(ends[1], "test");
            for (int turn = 0, done = 0; done < 2; ++turn) {
                fail_unless(turn < 100);
                done = (server->handshake() == net::TlsSession::Step::done) +
                       (client->handshake() == net::TlsSession::Step::done);
            }
            const std::string one(200'000, 'a'), two(16'384, 'b'), three(5, 'c');
            const auto part = [](const std::string &text, size_t size) {
                return iovec{const_cast<char *>(text.data()), size};
            };
            const std::vector<std::vector<iovec>> writes = {
                {part(one, 16'384), part(two, 0)},
                {part(three, 5), part(one, 16'384 * 3), part(two, 0), part(two, 16'384)},
                {part(one, 200'000), part(three, 5)},
                {part(two, 0)},
                {part(three, 1), part(three, 0), part(three, 1)}};
            std::string wanted, got;
            std::vector<uint8_t> buffer(1 << 14);
            const auto read = [&] {
                for (ssize_t size; (size = client->read(buffer.data(), buffer.size())) > 0;)
                    got.append(buffer.begin(), buffer.begin() + size);
                fail_unless_equals_int(errno, EAGAIN);
            };
            for (std::vector<iovec> parts : writes) {
                for (const iovec &each : parts)
                    wanted.append(static_cast<const char *>(each.iov_base), each.iov_len);
                size_t at = 0;
                for (int turn = 0; at < parts.size(); ++turn) {
                    fail_unless(turn < 10'000);
                    ssize_t taken = server->write(parts.data() + at, int(parts.size() - at));
                    fail_unless(taken >= 0 || errno == EAGAIN);
                    while (at < parts.size() && taken >= ssize_t(parts[at].iov_len))
                        taken -= ssize_t(parts[at++].iov_len);
                    if (at < parts.size() && taken > 0) {
                        parts[at].iov_base = static_cast<char *>(parts[at].iov_base) + taken;
                        parts[at].iov_len -= size_t(taken);
                    }
                    read();
                }
                while (server->has_unsent()) {
                    server->flush();
                    read();
                }
                fail_unless(got == wanted, "%zu of %zu bytes", got.size(), wanted.size());
            }
        }
        ::close(ends[0]);
        ::close(ends[1]);
    }
}
GST_END_TEST

static Suite *tls_session_suite() {
    Suite *suite = suite_create("tls_session");
    TCase *tests = tcase_create("general");
    tcase_add_test(tests, test_gathered_records);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(tls_session)

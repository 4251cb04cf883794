// SPDX-License-Identifier: LGPL-2.1-or-later
// Any datagrams at a server of DTLS, before or after its handshake, or a bad network between a
// server and a client. The first byte says which, and whether messages follow. Datagrams have two
// bytes of length before them; of a network each byte says what becomes of the next datagram. Laws:
// nobody is connected, or ends a session, who does not know the client's key; what is answered is
// bounded; two that are connected have the same keys.
#include "core/dtls/session.h"

#include "core/bytes/reader.h"
#include "fuzz/law.h"

#include <deque>
#include <vector>

using namespace penstock;
using dtls::Session;

namespace {

constexpr uint64_t now_ms = 1000;
constexpr size_t max_answers = 20; ///< datagrams
using Datagram = std::vector<uint8_t>;

const std::shared_ptr<dtls::Context> &context_of(dtls::Role role) {
    static const auto server = dtls::Context::make({}, nullptr);
    static const auto client = dtls::Context::make({}, nullptr);
    return role == dtls::Role::server ? server : client;
}

struct End final : Session::Handler {
    explicit End(dtls::Role role, bool keep = true) {
        const bool is_server = role == dtls::Role::server;
        dtls::Options options;
        options.role = role;
        options.keep = keep;
        options.peer = {
            context_of(is_server ? dtls::Role::client : dtls::Role::server)->fingerprint()};
        mtu = options.mtu;
        session = Session::make(context_of(role), *this, options, now_ms);
        session->start(now_ms);
    }
    void on_datagram(ByteView datagram) noexcept override {
        fuzz::law(!datagram.empty() && datagram.size() <= mtu, "a datagram fits the MTU");
        sent.emplace_back(datagram.begin(), datagram.end());
    }
    void receive(ByteView datagram) {
        const size_t before = sent.size();
        const bool failed = session->state() == Session::State::failed;
        const Result result = session->receive(datagram, now_ms);
        fuzz::law(sent.size() - before <= max_answers, "answers are bounded");
        fuzz::law(!failed || result.is_error(), "a failure is the end");
        fuzz::law(result.is_error() == (session->state() == Session::State::failed),
                  "an error is a failure");
    }
    bool connected() const { return session->state() == Session::State::connected; }

    size_t mtu = 0;
    std::deque<Datagram> sent;
    std::unique_ptr<Session> session;
};

void any_datagrams(Reader input) {
    End server(dtls::Role::server);
    while (input.remaining() > 2) {
        const size_t size = std::min<size_t>(input.u16(), input.remaining());
        server.receive(input.take(size));
        fuzz::law(!server.connected(), "nobody is connected without a key");
    }
    server.session->close();
}

/// Carries what `from` has sent.
void carry(End &from, End &to, Reader &fates) {
    static constexpr size_t most = 40; // of what is doubled
    for (std::deque<Datagram> all = std::exchange(from.sent, {}); !all.empty(); all.pop_front()) {
        Datagram one = std::move(all.front());
        const unsigned fate = fates.remaining() > 0 ? fates.u8() : 0;
        switch (fate % 8) {
        case 1:
            continue; // lost
        case 2:
            to.receive(one);
            break; // twice
        case 3:
            one[fate / 8 * one.size() / 32] ^= uint8_t(1 << fate / 8 % 8);
            break;
        case 4:
            one.resize(fate / 8 * one.size() / 32);
            break;
        case 5:
            if (all.size() < most) all.push_back(one); // late
            continue;
        default:
            break;
        }
        to.receive(one);
    }
}

void datagrams_afterwards(Reader input) {
    End server(dtls::Role::server, false), client(dtls::Role::client, false);
    Reader none({});
    while (!(server.sent.empty() && client.sent.empty())) {
        carry(client, server, none);
        carry(server, client, none);
    }
    while (input.remaining() > 2) {
        const size_t size = std::min<size_t>(input.u16(), input.remaining());
        server.receive(input.take(size));
        fuzz::law(server.connected() && server.sent.empty(), "who has no key is not heard");
    }
}

void bad_network(Reader fates, bool keep) {
    End server(dtls::Role::server, keep), client(dtls::Role::client, keep);
    const bool is_good = fates.remaining() == 0;
    for (int round = 0; round < 30 && !(server.sent.empty() && client.sent.empty()); ++round) {
        carry(client, server, fates);
        carry(server, client, fates);
    }
    fuzz::law(!is_good || (server.connected() && client.connected()), "a good network does");
    if (!server.session->keys() || !client.session->keys()) return;
    fuzz::law(server.session->keys()->ours == client.session->keys()->theirs &&
                  server.session->keys()->theirs == client.session->keys()->ours,
              "both have the same keys");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const Reader rest({data + 1, size - 1});
    const bool keep = (data[0] & 2) == 0;
    if (data[0] & 1)
        bad_network(rest, keep);
    else if (keep)
        any_datagrams(rest);
    else
        datagrams_afterwards(rest);
    return 0;
}

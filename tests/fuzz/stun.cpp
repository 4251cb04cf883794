// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a STUN message, and as a check for an ICE-lite agent. Laws: what is read stays in
// its bounds and, written again, says the same; only a check with the password selects a path; a
// reply is a message, and shorter than what an attacker could wish for.
#include "core/stun/classify.h"
#include "core/stun/ice_lite.h"

#include "fuzz/law.h"

#include <algorithm>

using namespace penstock;
using namespace penstock::stun;

namespace {

/// Not an HMAC, but a digest of all that it is given.
Digest digest(ByteView key, ByteView first, ByteView second) {
    Digest out{};
    size_t i = 0;
    for (const ByteView part : {key, first, second})
        for (const uint8_t byte : part) {
            out[i % out.size()] = static_cast<uint8_t>(out[i % out.size()] * 31 + byte);
            ++i;
        }
    return out;
}

const Credentials own{"evtj", "VOkJxbRl1RmTxUk/WvJxBt"};

bool is_inside(ByteView outer, std::string_view inner) {
    const auto *begin = reinterpret_cast<const uint8_t *>(inner.data());
    return inner.empty() ||
           (begin >= outer.data() && begin + inner.size() <= outer.data() + outer.size());
}

void check_again(const Message &m) {
    MessageWriter w(m.kind, m.transaction, m.method);
    if (m.username) w.username(*m.username);
    if (m.priority) w.priority(*m.priority);
    if (m.use_candidate) w.use_candidate();
    if (m.controlled) w.controlled(*m.controlled);
    if (m.controlling) w.controlling(*m.controlling);
    if (m.mapped) w.mapped(*m.mapped);
    if (m.error) w.error(m.error->code, m.error->reason);
    w.unknown(m.unknown_there);
    const std::vector<uint8_t> bytes = w.finish(own.password, digest);
    Message again;
    fuzz::law(parse(bytes, again).is_ok(), "what is written can be read");
    fuzz::law(again.kind == m.kind && again.method == m.method &&
                  again.transaction == m.transaction && again.username == m.username &&
                  again.priority == m.priority && again.use_candidate == m.use_candidate &&
                  again.controlled == m.controlled && again.controlling == m.controlling &&
                  again.mapped == m.mapped && again.error.has_value() == m.error.has_value() &&
                  std::equal(again.unknown_there.begin(), again.unknown_there.end(),
                             m.unknown_there.begin(), m.unknown_there.end()),
              "and says the same");
    fuzz::law(has_integrity(bytes, again, own.password, digest), "its digest is right");
}

void check_agent(ByteView bytes, const Message &message, bool is_check) {
    IceLite agent(own, {"h6vY", "the-password-of-the-peer"}, digest, 0);
    const Path path{1, TransportAddress::v4({192, 0, 2, 1}, 4000)};
    const CheckResult result = agent.on_message(bytes, message, path, 5);
    fuzz::law(result.is_valid == agent.selected().has_value(), "a valid check selects");
    fuzz::law(!result.is_valid || has_integrity(bytes, message, own.password, digest),
              "only the password makes a check valid");
    fuzz::law(!is_check || !result.reply.empty(), "a check is answered");
    fuzz::law(result.reply.size() <= 120, "a reply is short");
    Message reply;
    fuzz::law(result.reply.empty() || parse(result.reply, reply).is_ok(), "a reply is a message");
    fuzz::law(result.reply.empty() || reply.transaction == message.transaction,
              "it answers this one");
    agent.restart({"next", "the-next-password-of-ours"}, {});
    agent.on_message(bytes, message, path, 10);
}

/// The same with a digest that is right, if it has one, and without fingerprint.
std::vector<uint8_t> as_signed(ByteView bytes, const Message &message) {
    const size_t end = message.integrity_offset + 24;
    std::vector<uint8_t> out(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(end));
    out[2] = static_cast<uint8_t>((end - header_size) >> 8);
    out[3] = static_cast<uint8_t>(end - header_size);
    const ByteView view = out;
    const Digest right = digest(
        ByteView(reinterpret_cast<const uint8_t *>(own.password.data()), own.password.size()),
        view.first(header_size), view.subspan(header_size, message.integrity_offset - header_size));
    std::copy(right.begin(), right.end(), out.end() - 20);
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const ByteView bytes(data, size);
    Message message;
    const Result result = parse(bytes, message);
    fuzz::law(result.is_ok() || !result.reason().empty(), "an error has a reason");
    if (!result.is_ok()) return 0;
    // Methods from 0x100 on have a first byte that other protocols have on a shared port.
    fuzz::law(bytes[0] > 3 || classify(bytes) == Protocol::stun, "a message is classified as one");
    for (const auto &text : {message.username, message.software})
        fuzz::law(!text || is_inside(bytes, *text), "a text is in the datagram");
    check_again(message);
    const bool is_check = message.kind == Class::request && message.method == method_binding;
    check_agent(bytes, message, is_check);
    if (message.integrity_offset == 0) return 0;
    const std::vector<uint8_t> again = as_signed(bytes, message);
    Message protected_message;
    fuzz::law(parse(again, protected_message).is_ok(), "it can be signed");
    fuzz::law(has_integrity(again, protected_message, own.password, digest), "rightly");
    check_agent(again, protected_message, is_check);
    return 0;
}

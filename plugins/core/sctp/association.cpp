// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sctp/association.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <usrsctp.h>

namespace penstock::sctp {
namespace {

/// Bytes of unread messages that a peer may send; more than one of the longest.
constexpr int receive_buffer = 128 << 10;
/// Bytes and messages of max_queued that usrsctp has.
constexpr size_t max_passed = 256 << 10, max_passed_messages = 512;
constexpr size_t read_size = 4 << 10;
/// A longer one is given back after it was delivered.
constexpr size_t kept_message = 4 << 10;
constexpr size_t port_offsets[] = {0, 2}; // source, destination
constexpr size_t checksum_offset = 8;

void put_port(std::span<uint8_t> packet, size_t offset, uint16_t port) {
    packet[offset] = uint8_t(port >> 8);
    packet[offset + 1] = uint8_t(port);
}

/// AF_CONN is the family of packets that no socket of the system carries.
sockaddr_conn address_of(uint16_t port) {
    sockaddr_conn out{};
    out.sconn_family = AF_CONN;
    out.sconn_port = htons(port);
    out.sconn_addr = stack_address();
    return out;
}

template <class Value>
bool set(struct ::socket *socket, int level, int name, const Value &value) {
    return usrsctp_setsockopt(socket, level, name, &value, socklen_t(sizeof value)) == 0;
}

const char *reason_of(uint16_t state) {
    switch (state) {
    case SCTP_CANT_STR_ASSOC:
        return "the peer does not begin an SCTP association";
    case SCTP_SHUTDOWN_COMP:
        return "the peer has shut the SCTP association down";
    case SCTP_RESTART:
        return "the peer begins its SCTP association again";
    default:
        return "the SCTP association was aborted, or the peer answers no more";
    }
}

} // namespace

std::unique_ptr<Association> Association::make(const DataChannels::Options &options,
                                               uint64_t now_ms, std::string *error) {
    std::unique_ptr<Association> out(new Association(options));
    std::lock_guard lock(out->stack_.mutex());
    out->stack_.advance(now_ms);
    if (!out->open(options, error)) return nullptr;
    return out;
}

Association::Association(const DataChannels::Options &options)
    : stack_(Stack::instance()), port_(options.port), remote_port_(options.remote_port),
      guard_(options.remote_port, options.port) {
}

Association::~Association() {
    std::lock_guard lock(stack_.mutex());
    if (socket_) usrsctp_close(socket_);
    if (inner_port_ != 0) stack_.release(inner_port_);
}

bool Association::open(const DataChannels::Options &options, std::string *error) {
    const auto fail = [&](const char *what) {
        const int why = errno;
        if (error) *error = std::string(what) + ": " + std::strerror(why);
        return false;
    };
    const auto port = stack_.take_port(outbox_);
    if (!port) {
        if (error)
            *error = "there are " + std::to_string(Stack::max_associations) +
                     " SCTP associations already";
        return false;
    }
    inner_port_ = *port;
    socket_ = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, nullptr, nullptr, 0, nullptr);
    if (!socket_) return fail("no SCTP socket can be made");
    if (!set_options(options)) return fail("an SCTP socket does not take an option");
    sockaddr_conn local = address_of(inner_port_), remote = address_of(remote_port_);
    if (usrsctp_bind(socket_, reinterpret_cast<sockaddr *>(&local), sizeof local) != 0)
        return fail("an SCTP socket can't be bound");
    // Both sides begin (RFC 8841, section 9.3).
    if (usrsctp_connect(socket_, reinterpret_cast<sockaddr *>(&remote), sizeof remote) != 0 &&
        errno != EINPROGRESS)
        return fail("an SCTP association can't be begun");
    return true;
}

bool Association::set_options(const DataChannels::Options &options) {
    const int on = 1, level = 0, most_sent = int(max_passed), most_received = receive_buffer;
    const uint32_t whole = max_message;
    const linger at_once{1, 0}; // closing it aborts the association
    sctp_assoc_value resets{};
    resets.assoc_id = SCTP_ALL_ASSOC;
    resets.assoc_value = SCTP_ENABLE_RESET_STREAM_REQ;
    sctp_initmsg streams{};
    streams.sinit_num_ostreams = streams.sinit_max_instreams = max_streams;
    sctp_paddrparams path{};
    // ICE knows whether the peer is there: an idle association has no timer.
    path.spp_flags = SPP_HB_DISABLE | SPP_PMTUD_DISABLE;
    path.spp_pathmtu = uint32_t(options.max_packet - header_size);
    bool done = usrsctp_set_non_blocking(socket_, 1) == 0 &&
                set(socket_, SOL_SOCKET, SO_LINGER, at_once) &&
                set(socket_, SOL_SOCKET, SO_SNDBUF, most_sent) &&
                set(socket_, SOL_SOCKET, SO_RCVBUF, most_received) &&
                set(socket_, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, resets) &&
                set(socket_, IPPROTO_SCTP, SCTP_RECVRCVINFO, on) &&
                set(socket_, IPPROTO_SCTP, SCTP_NODELAY, on) &&
                set(socket_, IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, level) &&
                set(socket_, IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, whole) &&
                set(socket_, IPPROTO_SCTP, SCTP_INITMSG, streams) &&
                set(socket_, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, path);
    for (const uint16_t type : {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT, SCTP_SENDER_DRY_EVENT,
                                SCTP_PARTIAL_DELIVERY_EVENT}) {
        sctp_event event{};
        event.se_assoc_id = SCTP_ALL_ASSOC;
        event.se_type = type;
        event.se_on = 1;
        done = done && set(socket_, IPPROTO_SCTP, SCTP_EVENT, event);
    }
    return done;
}

bool Association::input(ByteView packet, uint64_t now_ms) {
    if (!socket_ || !guard_.admits(packet, now_ms)) return false;
    thread_local std::vector<uint8_t> copy;
    copy.assign(packet.begin(), packet.end());
    put_port(copy, port_offsets[1], inner_port_);
    std::lock_guard lock(stack_.mutex());
    stack_.advance(now_ms);
    usrsctp_conninput(stack_address(), copy.data(), copy.size(), 0);
    return true;
}

/// False: not now, because usrsctp has enough, or the stream is being reset. With the mutex.
bool Association::pass_on(uint16_t stream, Ppid ppid, ByteView message, const Reliability &how) {
    if (messages_ >= max_passed_messages) return false;
    sctp_sendv_spa info{};
    info.sendv_flags = SCTP_SEND_SNDINFO_VALID;
    info.sendv_sndinfo.snd_sid = stream;
    info.sendv_sndinfo.snd_ppid = htonl(uint32_t(ppid));
    info.sendv_sndinfo.snd_flags = SCTP_EOR;
    if (!how.is_ordered) info.sendv_sndinfo.snd_flags |= SCTP_UNORDERED;
    if (how.kind != Reliability::Kind::reliable) {
        const bool is_timed = how.kind == Reliability::Kind::lifetime;
        info.sendv_flags |= SCTP_SEND_PRINFO_VALID;
        info.sendv_prinfo.pr_policy = is_timed ? SCTP_PR_SCTP_TTL : SCTP_PR_SCTP_RTX;
        info.sendv_prinfo.pr_value = how.limit;
    }
    const ssize_t sent = usrsctp_sendv(socket_, message.data(), message.size(), nullptr, 0, &info,
                                       sizeof info, SCTP_SENDV_SPA, 0);
    if (sent >= 0) ++messages_;
    // Other errors are for good: the association ends, or does not have that stream.
    return sent >= 0 || (errno != EWOULDBLOCK && errno != EAGAIN);
}

void Association::pass_on_reset(uint16_t stream) {
    alignas(sctp_reset_streams) std::array<uint8_t, sizeof(sctp_reset_streams) + sizeof(stream)>
        bytes{};
    auto *request = reinterpret_cast<sctp_reset_streams *>(bytes.data());
    request->srs_flags = SCTP_STREAM_RESET_OUTGOING;
    request->srs_number_streams = 1;
    std::memcpy(bytes.data() + sizeof(sctp_reset_streams), &stream, sizeof stream);
    usrsctp_setsockopt(socket_, IPPROTO_SCTP, SCTP_RESET_STREAMS, bytes.data(),
                       socklen_t(bytes.size()));
}

void Association::pump() {
    for (; !queue_.empty(); queue_.pop_front()) {
        const Item &item = queue_.front();
        if (item.message.empty())
            pass_on_reset(item.stream);
        else if (!pass_on(item.stream, item.ppid, item.message, item.how))
            return;
        queued_ -= item.message.size();
    }
}

bool Association::send(uint16_t stream, Ppid ppid, ByteView message, const Reliability &how,
                       uint64_t now_ms) {
    if (!socket_) return false;
    std::lock_guard lock(stack_.mutex());
    stack_.advance(now_ms);
    pump();
    if (queue_.empty() && pass_on(stream, ppid, message, how)) return true;
    if (queue_.size() >= max_queued_messages - max_passed_messages ||
        queued_ + message.size() > max_queued - max_passed)
        return false;
    queue_.push_back({stream, ppid, how, {message.begin(), message.end()}});
    queued_ += message.size();
    return true;
}

void Association::reset(uint16_t stream, bool at_once, uint64_t now_ms) {
    if (!socket_) return;
    std::lock_guard lock(stack_.mutex());
    stack_.advance(now_ms);
    if (at_once)
        std::erase_if(queue_, [&](const Item &item) {
            if (item.stream != stream) return false;
            queued_ -= item.message.size();
            return true;
        });
    pump();
    if (queue_.empty() || at_once) return pass_on_reset(stream);
    queue_.push_back({.stream = stream});
}

void Association::advance(uint64_t now_ms) {
    if (!socket_) return;
    std::lock_guard lock(stack_.mutex());
    stack_.advance(now_ms);
    pump();
}

void Association::abort(uint64_t now_ms) {
    if (!socket_) return;
    std::lock_guard lock(stack_.mutex());
    stack_.advance(now_ms);
    usrsctp_close(std::exchange(socket_, nullptr));
}

Outbox Association::take_output() {
    Outbox out;
    {
        std::lock_guard lock(stack_.mutex());
        if (outbox_.empty()) return out;
        std::swap(out, outbox_);
    }
    out.each([&](std::span<uint8_t> packet) {
        put_port(packet, port_offsets[0], port_);
        std::memset(&packet[checksum_offset], 0, sizeof(uint32_t));
        const uint32_t checksum = usrsctp_crc32c(packet.data(), packet.size());
        std::memcpy(&packet[checksum_offset], &checksum, sizeof checksum);
    });
    return out;
}

// --- events -------------------------------------------------------------------------------

bool Association::next(Event &event) {
    if (is_delivered_) {
        message_.clear();
        if (message_.capacity() > kept_message) message_ = {};
        is_delivered_ = false;
    }
    while (socket_ && !has_ended_) {
        std::array<uint8_t, read_size> buffer;
        sctp_rcvinfo info{};
        socklen_t info_size = sizeof info, address_size = 0;
        unsigned type = SCTP_RECVV_NOINFO;
        int flags = 0, why = 0;
        ssize_t size;
        {
            std::lock_guard lock(stack_.mutex());
            size = usrsctp_recvv(socket_, buffer.data(), buffer.size(), nullptr, &address_size,
                                 &info, &info_size, &type, &flags);
            why = errno;
        }
        if (size < 0 && (why == EWOULDBLOCK || why == EAGAIN)) return false;
        if (size <= 0) return take_end(event, reason_of(SCTP_COMM_LOST));
        const ByteView part(buffer.data(), size_t(size));
        if (flags & MSG_NOTIFICATION) {
            if (take_notification(part, event)) return true;
            continue;
        }
        if (message_.size() + part.size() > max_message) {
            event = {};
            event.kind = Event::Kind::too_long;
            return true;
        }
        message_.insert(message_.end(), part.begin(), part.end());
        if (!(flags & MSG_EOR)) continue;
        is_delivered_ = true;
        event = {};
        event.kind = Event::Kind::message;
        event.stream = info.rcv_sid;
        event.ppid = Ppid(ntohl(info.rcv_ppid));
        event.bytes = message_;
        return true;
    }
    return false;
}

bool Association::take_end(Event &event, const char *reason) {
    has_ended_ = true;
    event = {};
    event.kind = Event::Kind::ended;
    event.reason = reason;
    return true;
}

/// False: it means nothing.
bool Association::take_notification(ByteView bytes, Event &event) {
    sctp_notification notice{};
    std::memcpy(&notice, bytes.data(), std::min(bytes.size(), sizeof notice));
    event = {};
    switch (notice.sn_header.sn_type) {
    case SCTP_ASSOC_CHANGE:
        if (notice.sn_assoc_change.sac_state != SCTP_COMM_UP)
            return take_end(event, reason_of(notice.sn_assoc_change.sac_state));
        guard_.on_established();
        event.kind = Event::Kind::established;
        return true;
    case SCTP_STREAM_RESET_EVENT: {
        const auto flags = notice.sn_strreset_event.strreset_flags;
        event.kind = flags & SCTP_STREAM_RESET_INCOMING_SSN ? Event::Kind::incoming_reset
                                                            : Event::Kind::outgoing_reset;
        constexpr size_t head = sizeof(sctp_stream_reset_event);
        for (size_t at = head; at + sizeof(uint16_t) <= bytes.size(); at += sizeof(uint16_t)) {
            uint16_t stream;
            std::memcpy(&stream, &bytes[at], sizeof stream);
            event.streams.push_back(stream);
        }
        for (uint16_t all = 0; bytes.size() <= head && all < max_streams; ++all)
            event.streams.push_back(all);
        return true;
    }
    case SCTP_SENDER_DRY_EVENT:
        messages_ = 0;
        return false;
    case SCTP_PARTIAL_DELIVERY_EVENT:
        message_.clear(); // the peer gives the message up
        return false;
    default:
        return false;
    }
}

} // namespace penstock::sctp

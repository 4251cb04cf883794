// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients of a server of data channels: one that keeps the rules, and one that sends what it likes.
// Include it last: it includes check.hpp.
#pragma once

#include "core/sctp/association.h"
#include "rtc/channel_server.hpp"
#include "unit/rtc_server.hpp"

namespace rtc_server_test {

/// ICE and DTLS, over which SCTP goes.
class DataClient : public RtcClient::Handler {
public:
    explicit DataClient(uint16_t port, RtcClient::Settings settings = data_settings())
        : client(loop, clients(), std::move(settings), *this) {
        const Answer response = request(port, "POST", "/live/room/whip",
                                        "Content-Type: application/sdp\r\n", client.rtc().offer());
        fail_unless_equals_int(response.status, 201);
        location = response.header("Location");
        fail_unless(client.accept(response.body).is_ok());
        fail_unless(loop.run_until([&] { return client.rtc().is_connected(); }, 20'000), "%s",
                    client.rtc().reason().c_str());
    }
    static RtcClient::Settings data_settings() {
        RtcClient::Settings settings;
        settings.offer.video = settings.offer.audio = false;
        settings.offer.data = true;
        return settings;
    }
    void on_ended(const std::string &) override { ended = true; }

    /// Serves it until `done`; false: it is not within so many ms.
    template <class Done>
    bool until(Done done, uint64_t ms = 20'000) {
        for (const uint64_t end = steady_ms() + ms; !done();) {
            if (steady_ms() >= end) return false;
            loop.turn(steady_ms() + 5);
            check();
        }
        return true;
    }
    virtual void check() {}

    Loop loop;
    UdpClient client;
    std::string location;
    bool ended = false;
};

class ChannelClient final : public DataClient, private sctp::DataChannels::Handler {
public:
    explicit ChannelClient(uint16_t port) : DataClient(port) {
        std::string error;
        channels = sctp::DataChannels::make(*this, {.is_dtls_client = true}, steady_ms(), &error);
        fail_unless(channels != nullptr, "%s", error.c_str());
    }
    uint16_t open(const std::string &label = "room") {
        std::optional<uint16_t> id;
        fail_unless(until([&] { return (id = channels->open(label, steady_ms())).has_value(); }));
        fail_unless(until([&] { return is_open(*id); }));
        return *id;
    }
    bool is_open(uint16_t id) const {
        return std::find(open_ids.begin(), open_ids.end(), id) != open_ids.end();
    }
    bool send(uint16_t id, const std::string &text) {
        return channels->send_text(id, text, steady_ms());
    }
    void close(uint16_t id) {
        channels->close_channel(id, steady_ms());
        std::erase(open_ids, id);
    }
    void check() override { channels->check(steady_ms()); }

    std::unique_ptr<sctp::DataChannels> channels;
    std::vector<uint16_t> open_ids;
    std::vector<std::string> texts;
    unsigned closed = 0;
    std::string reason;

private:
    void on_data(ByteView packet) override {
        if (channels) channels->receive(packet, steady_ms());
    }
    void on_packet(ByteView packet) noexcept override { client.rtc().send_data(packet); }
    void on_open(uint16_t id, const std::string &) override { open_ids.push_back(id); }
    void on_text(uint16_t, std::string_view text) override { texts.emplace_back(text); }
    void on_binary(uint16_t, ByteView) override {}
    void on_channel_closed(uint16_t id) override {
        std::erase(open_ids, id);
        ++closed;
    }
    void on_closed(const std::string &why) override { reason = why; }
};

/// Sends any messages and packets.
class RawClient final : public DataClient {
public:
    explicit RawClient(uint16_t port, bool associates = true) : DataClient(port) {
        if (!associates) return;
        std::string error;
        association = sctp::Association::make({}, steady_ms(), &error);
        fail_unless(association != nullptr, "%s", error.c_str());
        flush();
        fail_unless(until([&] { return is_established; }));
    }
    void check() override {
        if (!association) return;
        association->advance(steady_ms());
        drain();
    }
    bool send(uint16_t stream, sctp::Ppid ppid, ByteView message) {
        const bool sent = association->send(stream, ppid, message, {}, steady_ms());
        flush();
        return sent;
    }
    bool send_open(uint16_t stream, const std::string &label) {
        return send(stream, sctp::Ppid::control, sctp::write(sctp::Open{.label = label}));
    }
    void send_packet(ByteView packet) { client.rtc().send_data(packet); }
    void flush() {
        association->take_output().each([&](std::span<uint8_t> packet) {
            last.assign(packet.begin(), packet.end());
            if (change) change(packet);
            send_packet(packet);
        });
    }

    std::unique_ptr<sctp::Association> association;
    /// What it does to a packet before it is sent.
    std::function<void(std::span<uint8_t>)> change;
    std::vector<uint8_t> last; ///< the last packet that was sent, as it was
    bool is_established = false, has_ended = false;
    bool is_deaf = false;   ///< for what the server sends, but not for what it acknowledges
    sctp::Ppid last_ppid{}; ///< of the last message
    unsigned packets = 0, messages = 0; ///< that came

private:
    void on_data(ByteView packet) override {
        ++packets;
        if (is_deaf) packet = without_data(packet);
        if (association && association->input(packet, steady_ms())) drain();
    }
    /// The chunks before the first DATA.
    static ByteView without_data(ByteView packet) {
        size_t at = sctp::header_size;
        while (at + 4 <= packet.size() && packet[at] != 0)
            at += (size_t(packet[at + 2] << 8 | packet[at + 3]) + 3) & ~size_t(3);
        return packet.first(std::min(at, packet.size()));
    }
    void drain() {
        sctp::Event event;
        while (association->next(event)) {
            is_established = is_established || event.kind == sctp::Event::Kind::established;
            has_ended = has_ended || event.kind == sctp::Event::Kind::ended;
            if (event.kind != sctp::Event::Kind::message) continue;
            last_ppid = event.ppid;
            ++messages;
        }
        flush();
    }
};

} // namespace rtc_server_test

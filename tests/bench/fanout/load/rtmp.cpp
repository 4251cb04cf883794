// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp.h"

#include <algorithm>

namespace load {
namespace {

constexpr uint32_t out_chunk_size = 4096; // as OBS
constexpr size_t largest_command = 16 << 10;

enum MessageType : uint8_t {
    set_chunk_size = 1,
    acknowledgement = 3,
    user_control = 4,
    window_size = 5,
    peer_bandwidth = 6,
    command_amf0 = 20,
};

bool is_media(uint8_t type) {
    return type == uint8_t(TagType::audio) || type == uint8_t(TagType::video);
}

bool contains(const std::string &text, std::string_view what) {
    return text.find(what) != text.npos;
}

} // namespace

RtmpSession::RtmpSession(Role role, std::string address, std::string app, std::string name)
    : role_(role), address_(std::move(address)), app_(std::move(app)), name_(std::move(name)) {
}

bool RtmpSession::fail(std::string why) {
    error_ = std::move(why);
    return false;
}

void RtmpSession::start(Buffer &out) {
    out.push_back(3);
    out.append(8, 0);
    for (int i = 8; i < 1536; ++i)
        out.push_back(char(i * 31));
}

void RtmpSession::say(Buffer &out, uint8_t csid, uint8_t type, uint32_t stream,
                      std::string_view body, uint32_t ms) const {
    // Acknowledgements and the like are shorter than any chunk; 0xffffff ms are hours away.
    out.push_back(char(csid));
    put(out, ms, 3);
    put(out, body.size(), 3);
    out.push_back(char(type));
    for (int i = 0; i < 4; ++i)
        out.push_back(char(stream >> (8 * i)));
    const size_t chunk = role_ == Role::publish && publishing_ ? out_chunk_size : 128;
    while (body.size() > chunk) {
        out += body.substr(0, chunk);
        out.push_back(char(0xc0 | csid));
        body.remove_prefix(chunk);
    }
    out += body;
}

void RtmpSession::send_tag(Buffer &out, const Tag &tag) const {
    if (tag.type == TagType::script) {
        std::string body;
        amf::string(body, "@setDataFrame");
        say(out, 4, uint8_t(tag.type), 1, body + tag.body, tag.ms);
    } else {
        say(out, tag.type == TagType::video ? 6 : 4, uint8_t(tag.type), 1, tag.body, tag.ms);
    }
}

bool RtmpSession::feed(const uint8_t *data, size_t size, Buffer &out, TagSink &sink) {
    const uint8_t *end = data + size;
    bytes_in_ += size;
    while (data < end) {
        bool good = true;
        switch (state_) {
        case State::handshake:
            good = take_handshake(data, end, out);
            break;
        case State::header:
            good = take_header(data, end);
            break;
        case State::payload:
            good = take_payload(data, end, out, sink);
            break;
        }
        if (!good) return false;
    }
    // At every half window, as servers expect, so that none waits.
    if (window_ && bytes_in_ - acknowledged_ >= window_ / 2) {
        acknowledged_ = bytes_in_;
        Buffer body;
        put(body, bytes_in_ & 0xffffffff, 4);
        say(out, 2, acknowledgement, 0, body);
    }
    return true;
}

bool RtmpSession::take_handshake(const uint8_t *&data, const uint8_t *end, Buffer &out) {
    const auto take = std::min<size_t>(handshake_left_, size_t(end - data));
    const bool had_first = peer_random_.size() >= 1537;
    peer_random_.append(reinterpret_cast<const char *>(data), take);
    data += take;
    handshake_left_ -= uint32_t(take);
    if (peer_random_[0] != 3) return fail("this is no RTMP server");
    if (!had_first && peer_random_.size() >= 1537) out.append(peer_random_, 1, 1536);
    if (handshake_left_) return true;
    peer_random_ = {};
    state_ = State::header;
    Buffer body;
    amf::string(body, "connect");
    amf::number(body, 1);
    amf::begin_object(body);
    const auto field = [&](const char *name, std::string_view value) {
        amf::key(body, name);
        amf::string(body, value);
    };
    field("app", app_);
    field("flashVer", role_ == Role::publish ? "FMLE/3.0 (compatible; penstock-load)" : "LNX 9,0");
    field("tcUrl", "rtmp://" + address_ + "/" + app_);
    if (role_ == Role::publish) field("type", "nonprivate");
    amf::end_object(body);
    say(out, 3, command_amf0, 0, body);
    return true;
}

/// The size of the header, as far as the received bytes tell.
size_t RtmpSession::header_size() const {
    constexpr size_t message_header[] = {11, 7, 3, 0};
    if (header_have_ == 0) return 1;
    const uint8_t low = header_[0] & 0x3f;
    const size_t basic = low == 0 ? 2 : low == 1 ? 3 : 1;
    const unsigned format = header_[0] >> 6;
    size_t size = basic + message_header[format];
    if (header_have_ < size || header_have_ < basic) return size;
    if (format < 3 && get(header_ + basic, 3) == 0xffffff) return size + 4;
    if (format == 3) {
        const uint32_t id = low == 0   ? 64u + header_[1]
                            : low == 1 ? 64u + header_[1] + 256u * header_[2]
                                       : low;
        for (const Message &known : messages_)
            if (known.id == id && known.extended) size += 4;
    }
    return size;
}

RtmpSession::Message &RtmpSession::message(uint32_t id) {
    for (size_t i = 0; i < messages_.size(); ++i)
        if (messages_[i].id == id) {
            current_ = i;
            return messages_[i];
        }
    current_ = messages_.size();
    messages_.emplace_back().id = id;
    return messages_.back();
}

bool RtmpSession::take_header(const uint8_t *&data, const uint8_t *end) {
    while (data < end && header_have_ < header_size())
        header_[header_have_++] = *data++;
    if (header_have_ < header_size()) return true;
    const uint8_t low = header_[0] & 0x3f;
    const size_t basic = low == 0 ? 2 : low == 1 ? 3 : 1;
    const unsigned format = header_[0] >> 6;
    const uint32_t id = low == 0   ? 64u + header_[1]
                        : low == 1 ? 64u + header_[1] + 256u * header_[2]
                                   : low;
    header_have_ = 0;
    Message &in = message(id);
    if (format < 3) in.extended = get(header_ + basic, 3) == 0xffffff;
    if (format < 2) {
        if (in.received) return fail("a message begins within another of its chunk stream");
        in.length = get(header_ + basic + 3, 3);
        in.type = header_[basic + 6];
    }
    if (in.type == 0) return fail("a chunk continues a message that never began");
    if (!is_media(in.type) && in.length > largest_command) return fail("a command is too long");
    if (in.received == 0) in.head.clear();
    chunk_left_ = std::min(chunk_size_, in.length - in.received);
    state_ = State::payload;
    return true;
}

bool RtmpSession::take_payload(const uint8_t *&data, const uint8_t *end, Buffer &out,
                               TagSink &sink) {
    Message &in = messages_[current_];
    const auto take = std::min<size_t>(chunk_left_, size_t(end - data));
    const size_t wanted = is_media(in.type) ? stamp_reach : in.length;
    if (in.head.size() < wanted)
        in.head.append(reinterpret_cast<const char *>(data),
                       std::min(take, wanted - in.head.size()));
    data += take;
    chunk_left_ -= uint32_t(take);
    in.received += uint32_t(take);
    if (chunk_left_) return true;
    state_ = State::header;
    return in.received < in.length || finish(out, sink);
}

bool RtmpSession::finish(Buffer &out, TagSink &sink) {
    Message &in = messages_[current_];
    in.received = 0;
    const auto *body = reinterpret_cast<const uint8_t *>(in.head.data());
    switch (in.type) {
    case uint8_t(TagType::audio):
    case uint8_t(TagType::video):
        sink.tag(TagType(in.type), body, in.head.size());
        return true;
    case set_chunk_size:
        if (in.head.size() != 4 || !(chunk_size_ = get(body, 4) & 0x7fffffff))
            return fail("a bad chunk size");
        return true;
    case window_size:
        if (in.head.size() == 4) window_ = get(body, 4);
        return true;
    case user_control:
        if (in.head.size() == 6 && get(body, 2) == 6) { // a ping
            Buffer pong("\0\x07", 2);
            say(out, 2, user_control, 0, pong.append(in.head, 2, 4));
        }
        return true;
    case command_amf0:
        return command(out);
    default:
        return true;
    }
}

bool RtmpSession::command(Buffer &out) {
    const std::string &said = messages_[current_].head;
    if (said.size() < 3) return fail("an empty command");
    const std::string_view name = std::string_view(said).substr(3, size_t(uint8_t(said[2])));
    const auto result_of = [&](double transaction) {
        Buffer number;
        amf::number(number, transaction);
        return name == "_result" && said.substr(3 + name.size(), 9) == number;
    };
    if (name == "_error" || contains(said, "NetStream.Publish.BadName") ||
        contains(said, "NetStream.Play.StreamNotFound") || contains(said, "Failed"))
        return fail("the server refuses");
    Buffer body;
    if (result_of(1)) {
        amf::string(body, "createStream");
        amf::number(body, 2);
        amf::null(body);
        say(out, 3, command_amf0, 0, body);
    } else if (result_of(2)) {
        amf::string(body, role_ == Role::play ? "play" : "publish");
        amf::number(body, 3);
        amf::null(body);
        amf::string(body, name_);
        if (role_ == Role::publish) amf::string(body, "live");
        say(out, 8, command_amf0, 1, body);
    } else if (role_ == Role::publish && !publishing_ &&
               contains(said, "NetStream.Publish.Start")) {
        Buffer size;
        put(size, out_chunk_size, 4);
        say(out, 2, set_chunk_size, 0, size);
        publishing_ = true;
    }
    return true;
}

} // namespace load

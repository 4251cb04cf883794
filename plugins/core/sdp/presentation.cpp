// SPDX-License-Identifier: LGPL-2.1-or-later
// Mends the text line by line, and reads what is left with the strict parser.
#include "core/sdp/presentation.h"

#include "core/sdp/section.h"
#include "core/sdp/text.h"

namespace penstock::sdp {
namespace {

constexpr size_t max_streams = 16;
constexpr uint32_t video_clock = 90'000, audio_clock = 8'000;
constexpr unsigned max_payload_type = 127, max_pixels = 16'384;

bool is_media_line(const std::string &line) {
    Description one;
    return parse("v=0\n" + line, one).is_ok();
}

/// What the strict parser takes of a text. An m= line that is wrong goes with its section.
std::string mended(std::string_view text) {
    std::string out = "v=0\n";
    size_t media = 0, lines = 0;
    bool skipping = false;
    while (!text.empty() && lines < max_lines / 2) {
        const size_t end = std::min(text.find_first_of("\r\n"), text.size());
        std::string line(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        for (char &c : line)
            if ((c >= 0 && c < ' ') || c == '\x7F') c = ' ';
        line = trimmed(line);
        if (line.size() < 2 || line.size() > max_line || line[1] != '=' || line[0] == 'v') continue;
        if (line[0] == 'm') {
            skipping = media == max_streams || !is_media_line(line);
            if (!skipping) ++media;
        }
        if (skipping) continue;
        ++lines;
        out += line;
        out += '\n';
    }
    return out;
}

/// "96 H264", without the clock that there should be.
void take_bare_rtpmap(std::string_view value, MediaSection &section) {
    const auto payload_type = number(take_word(value), max_payload_type);
    const std::string_view name = take_until(value, '/');
    if (!payload_type || !is_token(name)) return;
    for (Codec &codec : section.codecs)
        if (codec.payload_type == *payload_type) codec.name = name;
}

/// What a format without rtpmap must be, by its parameters.
std::string_view name_by_parameters(const Codec &codec, Kind kind) {
    const auto has = [&](const char *name) { return codec.parameters.find(name) != nullptr; };
    if (kind == Kind::video) {
        if (has("sprop-vps") || has("sprop-sps")) return "H265";
        return "H264"; // the bytes will tell
    }
    if (has("sizelength") || has("mode")) return "MPEG4-GENERIC";
    if (has("cpresent")) return "MP4A-LATM";
    return {};
}

void complete(MediaSection &section) {
    for (Codec &codec : section.codecs) {
        if (codec.name.empty()) codec.name = name_by_parameters(codec, section.kind);
        if (codec.clock == 0) codec.clock = section.kind == Kind::video ? video_clock : audio_clock;
    }
}

/// "IN IP4 239.1.2.3/16/2"
std::optional<MulticastGroup> multicast_of(std::string_view connection, uint16_t port) {
    const std::string_view net = take_word(connection), type = take_word(connection);
    if (!same_word(net, "IN") || port == 0 || port == 65535) return std::nullopt;
    MulticastGroup out;
    out.address = take_until(connection, '/');
    out.port = port;
    if (same_word(type, "IP4")) {
        std::string_view rest = out.address;
        const auto first = number(take_until(rest, '.'), 255u);
        if (!first || *first < 224 || *first > 239) return std::nullopt;
        out.ttl = number(take_until(connection, '/'), 255u).value_or(0);
    } else if (!same_word(type, "IP6") || !lower(out.address).starts_with("ff")) {
        return std::nullopt;
    }
    return out;
}

/// "96 1920-1080", "1920,1080"
void take_size(std::string_view value, char separator, PresentedStream &out) {
    const auto width = number(take_until(value, separator), max_pixels);
    const auto height = number(trimmed(value), max_pixels);
    if (!width || !height) return;
    out.width = *width;
    out.height = *height;
}

PresentedStream read_stream(const Media &media, const Description &all) {
    MediaSection section;
    begin_section(media, section);
    for (const Attribute &one : media.attributes)
        if (one.name == "rtpmap" && take_media_attribute(one, section))
            take_bare_rtpmap(one.value, section);
    for (const Attribute &one : media.attributes)
        if (one.name != "rtpmap") (void)take_media_attribute(one, section);
    complete(section);
    PresentedStream out;
    out.kind = section.kind;
    out.kind_name = section.kind_name;
    out.is_back = section.kind == Kind::audio && section.direction == Direction::sendonly;
    out.codecs = std::move(section.codecs);
    if (const Attribute *control = media.attributes.find("control")) out.control = control->value;
    const auto &connection = media.connection ? media.connection : all.connection;
    if (connection) out.multicast = multicast_of(*connection, media.port);
    for (const Attribute &one : media.attributes) {
        std::string_view value = one.value;
        if (one.name == "framesize") {
            (void)take_word(value);
            take_size(value, '-', out);
        } else if (one.name == "x-dimensions") {
            take_size(value, ',', out);
        }
    }
    return out;
}

} // namespace

const Codec *PresentedStream::codec(unsigned payload_type) const {
    for (const Codec &one : codecs)
        if (one.payload_type == payload_type) return &one;
    return nullptr;
}

Result read_presentation(std::string_view text, Presentation &out) {
    if (text.size() > max_size) return Result::error("the description is longer than 256 KiB");
    Description description;
    const Result result = parse(mended(text), description);
    if (result.is_error()) return result;
    Presentation read;
    read.name = description.name;
    if (const Attribute *control = description.attributes.find("control"))
        read.control = control->value;
    for (const Media &media : description.media)
        read.streams.push_back(read_stream(media, description));
    if (read.streams.empty()) return Result::error("the description has no streams");
    out = std::move(read);
    return Result::ok();
}

} // namespace penstock::sdp

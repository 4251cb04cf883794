// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sdp/description.h"

#include "core/sdp/text.h"

namespace penstock::sdp {
namespace {

bool has_control(std::string_view line) {
    return std::any_of(line.begin(), line.end(),
                       [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7F'; });
}

Attribute to_attribute(std::string_view text, size_t line) {
    const size_t colon = std::min(text.find(':'), text.size());
    const size_t value = std::min(colon + 1, text.size());
    return {std::string(trimmed(text.substr(0, colon))), std::string(trimmed(text.substr(value))),
            line};
}

/// "audio 9 UDP/TLS/RTP/SAVPF 111 0". nullptr: it is right.
const char *parse_media(std::string_view text, Media &out) {
    out.kind = lower(take_word(text));
    std::string_view ports = take_word(text);
    const auto port = number<uint16_t>(take_until(ports, '/'), 65535);
    out.protocol = take_word(text);
    if (!is_token(out.kind)) return "no kind of media";
    if (!port) return "no port of 0 to 65535";
    if (out.protocol.empty()) return "no protocol";
    out.port = *port;
    for (std::string_view format = take_word(text); !format.empty(); format = take_word(text)) {
        if (out.formats.size() == max_formats) return "more than 256 formats";
        out.formats.emplace_back(format);
    }
    return out.formats.empty() ? "no formats" : nullptr;
}

/// Gathers the lines of one description.
class Parser {
public:
    explicit Parser(bool is_fragment) : begun_(is_fragment) {}

    Result line(std::string_view text, size_t line) {
        if (text.size() > max_line) return line_error(line, text, "longer than 4096 bytes");
        if (has_control(text)) return line_error(line, text, "it has a control character");
        if (text.size() < 2 || text[1] != '=')
            return line_error(line, text, "it is no line of a session description");
        const std::string_view value = trimmed(text.substr(2));
        if (!begun_) {
            if (text[0] != 'v' || value != "0")
                return line_error(line, text, "a session description begins with v=0");
            begun_ = true;
            return Result::ok();
        }
        if (text[0] == 'm') return media(value, text, line);
        take(text[0], value, line);
        return Result::ok();
    }
    bool has_begun() const { return begun_; }
    Description take_out() { return std::move(out_); }

private:
    Result media(std::string_view value, std::string_view text, size_t line) {
        if (out_.media.size() == max_media)
            return line_error(line, text, "more than 32 media sections");
        Media section;
        section.line = line;
        if (const char *wrong = parse_media(value, section)) return line_error(line, text, wrong);
        out_.media.push_back(std::move(section));
        return Result::ok();
    }
    void take(char type, std::string_view value, size_t line) {
        Media *media = out_.media.empty() ? nullptr : &out_.media.back();
        if (type == 'a')
            (media ? media->attributes : out_.attributes).push_back(to_attribute(value, line));
        else if (type == 'c')
            (media ? media->connection : out_.connection) = value;
        else if (type == 'b')
            (media ? media->bandwidths : out_.bandwidths).emplace_back(value);
        else if (type == 'o' && !media)
            out_.origin = value;
        else if (type == 's' && !media)
            out_.name = value;
    }

    Description out_;
    bool begun_;
};

Result parse_lines(std::string_view text, bool is_fragment, Description &out) {
    if (text.size() > max_size) return Result::error("longer than 256 KiB");
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    Parser parser(is_fragment);
    for (size_t line = 1; !text.empty(); ++line) {
        if (line > max_lines) return Result::error("more than 8192 lines");
        const size_t end = text.find('\n');
        std::string_view one = text.substr(0, end);
        text = end == text.npos ? std::string_view() : text.substr(end + 1);
        if (one.ends_with('\r')) one.remove_suffix(1);
        one = trimmed(one);
        if (one.empty()) continue;
        const Result result = parser.line(one, line);
        if (!result.is_ok()) return result;
    }
    if (!parser.has_begun()) return Result::error("it is empty");
    out = parser.take_out();
    return Result::ok();
}

void write_line(std::string &out, char type, std::string_view value) {
    out += type;
    out += '=';
    out += value;
    out += "\r\n";
}

void write_attributes(std::string &out, const Attributes &attributes) {
    for (const Attribute &one : attributes)
        write_line(out, 'a', one.value.empty() ? one.name : one.name + ":" + one.value);
}

void write_media(std::string &out, const Media &media, bool is_fragment) {
    std::string line = media.kind + " " + std::to_string(media.port) + " " + media.protocol;
    for (const std::string &format : media.formats)
        line += " " + format;
    write_line(out, 'm', line);
    if (!is_fragment) {
        if (media.connection) write_line(out, 'c', *media.connection);
        for (const std::string &bandwidth : media.bandwidths)
            write_line(out, 'b', bandwidth);
    }
    write_attributes(out, media.attributes);
}

} // namespace

const Attribute *Attributes::find(std::string_view name) const {
    const auto found =
        std::find_if(begin(), end(), [&](const Attribute &one) { return one.name == name; });
    return found == end() ? nullptr : &*found;
}

Result parse(std::string_view text, Description &out) {
    return parse_lines(text, false, out);
}

Result parse_fragment(std::string_view text, Description &out) {
    return parse_lines(text, true, out);
}

std::string write(const Description &description) {
    std::string out;
    write_line(out, 'v', "0");
    write_line(out, 'o', description.origin);
    write_line(out, 's', description.name);
    if (description.connection) write_line(out, 'c', *description.connection);
    for (const std::string &bandwidth : description.bandwidths)
        write_line(out, 'b', bandwidth);
    write_line(out, 't', "0 0");
    write_attributes(out, description.attributes);
    for (const Media &media : description.media)
        write_media(out, media, false);
    return out;
}

std::string write_fragment(const Description &description) {
    std::string out;
    write_attributes(out, description.attributes);
    for (const Media &media : description.media)
        write_media(out, media, true);
    return out;
}

} // namespace penstock::sdp

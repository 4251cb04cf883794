// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sdp/section.h"

#include "core/sdp/text.h"

namespace penstock::sdp {
namespace {

constexpr unsigned max_payload_type = 127, max_channels = 255;
constexpr unsigned max_extension_id = 255; // above are placeholders (RFC 8285, section 8)
constexpr size_t max_parameters = 64, max_feedback = 16, max_extensions = 64, max_rids = 16;
constexpr size_t max_parameter_bytes = 3072; // of a format: in one line of an answer they fit
constexpr size_t max_alternatives = 8, max_ssrcs = 64, max_groups = 32, max_group = 16;

/// Payload types that need no rtpmap (RFC 3551, section 6).
struct Static {
    uint8_t payload_type;
    const char *name;
    uint32_t clock;
    unsigned channels;
};
constexpr Static statics[] = {
    {0, "PCMU", 8000, 1},   {3, "GSM", 8000, 1},   {8, "PCMA", 8000, 1},  {9, "G722", 8000, 1},
    {10, "L16", 44100, 2},  {11, "L16", 44100, 1}, {14, "MPA", 90000, 1}, {2, "G726-32", 8000, 1},
    {26, "JPEG", 90000, 1}, {33, "MP2T", 90000, 1}};

Codec *find(std::vector<Codec> &codecs, unsigned payload_type) {
    for (Codec &codec : codecs)
        if (codec.payload_type == payload_type) return &codec;
    return nullptr;
}

std::optional<Direction> direction_of(std::string_view text) {
    for (const Direction one :
         {Direction::sendrecv, Direction::sendonly, Direction::recvonly, Direction::inactive})
        if (same_word(text, to_string(one))) return one;
    return std::nullopt;
}

/// "96 H264/90000", "111 opus/48000/2"
const char *take_rtpmap(std::string_view value, MediaSection &section) {
    const auto payload_type = number(take_word(value), max_payload_type);
    if (!payload_type) return "no payload type of 0 to 127";
    const std::string_view name = take_until(value, '/');
    const auto clock = number<uint32_t>(take_until(value, '/'), UINT32_MAX);
    if (!is_token(name) || !clock || *clock == 0) return "no codec with its clock rate";
    const auto channels =
        value.empty() ? std::optional(1u) : number(take_until(value, '/'), max_channels);
    if (!channels || *channels == 0) return "no number of channels";
    Codec *codec = find(section.codecs, *payload_type);
    if (!codec) return nullptr; // of a format that the m= line does not have
    codec->name = name;
    codec->clock = *clock;
    codec->channels = *channels;
    return nullptr;
}

void take_parameters(std::string_view text, Parameters &out) {
    size_t size = out.to_string().size();
    while (!text.empty() && out.size() < max_parameters) {
        const std::string_view pair = take_until(text, ';');
        const size_t equals = std::min(pair.find('='), pair.size());
        const std::string_view name = trimmed(pair.substr(0, equals));
        const std::string_view value = trimmed(pair.substr(std::min(equals + 1, pair.size())));
        size += name.size() + value.size() + 2;
        if (size > max_parameter_bytes) return;
        if (!name.empty()) out.emplace_back(name, value);
    }
}

void take_fmtp(std::string_view value, MediaSection &section) {
    const auto payload_type = number(take_word(value), max_payload_type);
    Codec *codec = payload_type ? find(section.codecs, *payload_type) : nullptr;
    if (codec) take_parameters(value, codec->parameters);
}

void take_feedback(std::string_view value, MediaSection &section) {
    const std::string_view which = take_word(value);
    std::string feedback(take_word(value));
    for (std::string_view word = take_word(value); !word.empty(); word = take_word(value)) {
        feedback += ' ';
        feedback += word;
    }
    if (feedback.empty()) return;
    const auto payload_type = number(which, max_payload_type);
    for (Codec &codec : section.codecs) {
        if (which != "*" && payload_type != codec.payload_type) continue;
        auto &list = codec.feedback;
        if (list.size() < max_feedback &&
            std::find(list.begin(), list.end(), feedback) == list.end())
            list.push_back(feedback);
    }
}

/// "3 urn:…", "3/recvonly urn:…"
void take_extension(std::string_view value, MediaSection &section) {
    std::string_view first = take_word(value);
    const auto id = number(take_until(first, '/'), max_extension_id);
    const auto direction = first.empty() ? Direction::sendrecv : direction_of(first);
    const std::string_view uri = take_word(value);
    if (!id || *id == 0 || !direction || uri.empty()) return;
    for (const Extension &other : section.extensions)
        if (other.id == *id) return;
    if (section.extensions.size() < max_extensions)
        section.extensions.push_back({*id, std::string(uri), *direction});
}

/// RFC 8851, section 10.
bool is_rid(std::string_view text) {
    return is_token(text) && std::all_of(text.begin(), text.end(), [](char c) {
               return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                      c == '_';
           });
}

/// "h send pt=96,97;max-width=1280"
void take_rid(std::string_view value, MediaSection &section) {
    Rid rid;
    rid.id = take_word(value);
    const std::string_view direction = take_word(value);
    rid.is_send = same_word(direction, "send");
    if (!is_rid(rid.id) || (!rid.is_send && !same_word(direction, "recv"))) return;
    for (const Rid &other : section.rids)
        if (other.id == rid.id) return;
    take_parameters(value, rid.restrictions);
    if (const std::string *list = rid.restrictions.find("pt")) {
        std::string_view rest = *list;
        while (!rest.empty() && rid.payload_types.size() <= max_payload_type)
            if (const auto payload_type = number(take_until(rest, ','), max_payload_type))
                rid.payload_types.push_back(static_cast<uint8_t>(*payload_type));
    }
    if (section.rids.size() < max_rids) section.rids.push_back(std::move(rid));
}

std::vector<SimulcastStream> simulcast_streams(std::string_view text) {
    if (text.starts_with("rid=")) text.remove_prefix(4); // of an early draft
    std::vector<SimulcastStream> out;
    while (!text.empty() && out.size() < max_rids) {
        std::string_view part = take_until(text, ';');
        SimulcastStream stream;
        while (!part.empty() && stream.alternatives.size() < max_alternatives) {
            std::string_view rid = take_until(part, ',');
            const bool is_paused = rid.starts_with('~');
            if (is_paused) rid.remove_prefix(1);
            if (is_rid(rid)) stream.alternatives.push_back({std::string(rid), is_paused});
        }
        if (!stream.alternatives.empty()) out.push_back(std::move(stream));
    }
    return out;
}

/// "send h;m;l recv x"
void take_simulcast(std::string_view value, MediaSection &section) {
    while (!value.empty()) {
        const std::string_view direction = take_word(value), streams = take_word(value);
        if (same_word(direction, "send"))
            section.simulcast_send = simulcast_streams(streams);
        else if (same_word(direction, "recv"))
            section.simulcast_recv = simulcast_streams(streams);
    }
}

/// "1234 cname:x"
void take_ssrc(std::string_view value, MediaSection &section) {
    const auto ssrc = number<uint32_t>(take_word(value), UINT32_MAX);
    if (!ssrc) return;
    const std::string_view name = take_until(value, ':');
    auto found = std::find_if(section.ssrcs.begin(), section.ssrcs.end(),
                              [&](const Ssrc &one) { return one.ssrc == *ssrc; });
    if (found == section.ssrcs.end()) {
        if (section.ssrcs.size() == max_ssrcs) return;
        found = section.ssrcs.insert(found, {*ssrc, {}, {}});
    }
    if (name == "cname")
        found->cname = trimmed(value);
    else if (name == "msid")
        found->msid = trimmed(value);
}

void take_group(std::string_view value, MediaSection &section) {
    SsrcGroup group;
    group.semantics = take_word(value);
    while (!value.empty() && group.ssrcs.size() < max_group) {
        const auto ssrc = number<uint32_t>(take_word(value), UINT32_MAX);
        if (!ssrc) return;
        group.ssrcs.push_back(*ssrc);
    }
    if (!group.ssrcs.empty() && section.groups.size() < max_groups)
        section.groups.push_back(std::move(group));
}

} // namespace

void begin_section(const Media &media, MediaSection &section) {
    section.kind_name = media.kind;
    section.kind = media.kind == "audio"         ? Kind::audio
                   : media.kind == "video"       ? Kind::video
                   : media.kind == "application" ? Kind::application
                                                 : Kind::other;
    section.protocol = media.protocol;
    section.formats = media.formats;
    section.port = media.port;
    section.line = media.line;
    if (section.kind != Kind::audio && section.kind != Kind::video) return;
    for (const std::string &format : media.formats) {
        const auto payload_type = number(std::string_view(format), max_payload_type);
        if (!payload_type || find(section.codecs, *payload_type)) continue;
        Codec codec;
        codec.payload_type = static_cast<uint8_t>(*payload_type);
        for (const Static &known : statics)
            if (known.payload_type == codec.payload_type) {
                codec.name = known.name;
                codec.clock = known.clock;
                codec.channels = known.channels;
            }
        section.codecs.push_back(std::move(codec));
    }
}

const char *take_media_attribute(const Attribute &one, MediaSection &section) {
    const std::string_view name = one.name, value = one.value;
    if (name == "mid") {
        section.mid = value;
        return is_token(value) ? nullptr : "no token";
    }
    if (name == "rtpmap") return take_rtpmap(value, section);
    if (const auto direction = direction_of(name))
        section.direction = *direction;
    else if (name == "fmtp")
        take_fmtp(value, section);
    else if (name == "rtcp-fb")
        take_feedback(value, section);
    else if (name == "extmap")
        take_extension(value, section);
    else if (name == "rid")
        take_rid(value, section);
    else if (name == "simulcast")
        take_simulcast(value, section);
    else if (name == "ssrc")
        take_ssrc(value, section);
    else if (name == "ssrc-group")
        take_group(value, section);
    else if (name == "msid")
        section.msid = value;
    else if (name == "rtcp-mux")
        section.rtcp_mux = true;
    else if (name == "rtcp-rsize")
        section.rtcp_rsize = true;
    else if (name == "extmap-allow-mixed")
        section.extmap_allow_mixed = true;
    else if (name == "sctp-port")
        section.sctp_port = number<uint16_t>(value, 65535);
    else if (name == "max-message-size")
        section.max_message_size = number<uint64_t>(value, UINT64_MAX);
    return nullptr;
}

} // namespace penstock::sdp

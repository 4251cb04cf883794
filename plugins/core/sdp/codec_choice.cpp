// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sdp/codec_choice.h"

#include "core/sdp/text.h"

namespace penstock::sdp {
namespace {

constexpr size_t max_names = 12;

bool matches(const Codec &offered, const WantedCodec &wanted) {
    if (!offered.is(wanted.name) || offered.clock != wanted.clock ||
        offered.channels != wanted.channels)
        return false;
    return std::all_of(wanted.match.begin(), wanted.match.end(), [&](const auto &one) {
        const std::string *value = offered.parameters.find(one.name);
        return same_word(value ? *value : one.absent, one.value);
    });
}

/// How good an offered payload type of H.264 is; the lowest is the best. nullopt: it is of no use.
std::optional<unsigned> rank_h264(const Codec &offered, const WantedCodec &wanted, bool sends) {
    const std::string *mode = offered.parameters.find("packetization-mode");
    const bool has_fragments = mode && *mode == "1";
    // Mode 0 has no fragments: frames that are longer than a packet can't be sent.
    const bool is_single = !mode || *mode == "0";
    if (!has_fragments && (sends || !is_single)) return std::nullopt;
    unsigned rank = has_fragments ? 0 : 100;
    if (!wanted.profile) return rank;
    const std::string *text = offered.parameters.find("profile-level-id");
    const auto profile = text ? parse_profile_level_id(*text) : default_profile_level_id;
    if (!profile) return std::nullopt;
    return rank + static_cast<unsigned>(profile_fit(*wanted.profile, *profile));
}

template <class List>
std::string join_names(const List &list) {
    std::vector<std::string> names;
    std::string out;
    for (const auto &one : list) {
        const std::string name = printable(one.name, 20);
        if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) continue;
        if (names.size() == max_names) return out + ", …";
        out += (out.empty() ? "" : ", ") + name;
        names.push_back(name);
    }
    return out.empty() ? "none" : out;
}

} // namespace

const Codec *choose_codec(const MediaSection &section, const Track &track, bool sends,
                          const WantedCodec **wanted) {
    for (const WantedCodec &one : track.codecs) {
        const bool is_h264 = same_word(one.name, "H264");
        const Codec *best = nullptr;
        unsigned best_rank = 0;
        for (const Codec &codec : section.codecs) {
            if (!matches(codec, one)) continue;
            const auto rank = is_h264 ? rank_h264(codec, one, sends) : std::optional(0u);
            if (!rank || (best && *rank >= best_rank)) continue;
            best = &codec;
            best_rank = *rank;
        }
        if (!best) continue;
        *wanted = &one;
        return best;
    }
    return nullptr;
}

std::string names_of(const std::vector<WantedCodec> &codecs) {
    return join_names(codecs);
}

std::string names_of(const std::vector<Codec> &codecs) {
    return join_names(codecs);
}

} // namespace penstock::sdp

// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the session's part of a description and the sections behind it.
#include "core/sdp/offer.h"

#include "core/sdp/section.h"
#include "core/sdp/text.h"

namespace penstock::sdp {
namespace {

/// What a section does not say, the session says for all.
void inherit(Transport &section, const Transport &session) {
    if (section.ice.ufrag.empty()) section.ice.ufrag = session.ice.ufrag;
    if (section.ice.password.empty()) section.ice.password = session.ice.password;
    if (section.fingerprints.empty()) section.fingerprints = session.fingerprints;
    if (!section.setup) section.setup = session.setup;
}

/// For an error, whose text has no password.
std::string as_written(const Attribute &one) {
    return one.value.empty() || one.name == "ice-pwd" ? "a=" + one.name
                                                      : "a=" + one.name + ":" + one.value;
}

/// Reads one attribute of a section. nullptr: it is right, or ignored.
const char *take_attribute(const Attribute &one, MediaSection &section) {
    if (const char *wrong = take_transport_attribute(one, section.transport)) return wrong;
    return take_media_attribute(one, section);
}

void take_session_attribute(const Attribute &one, Offer &out) {
    std::string_view value = one.value;
    if (one.name == "ice-lite") {
        out.ice_lite = true;
    } else if (one.name == "group" && out.bundle.empty() && take_word(value) == "BUNDLE") {
        for (std::string_view mid = take_word(value); !mid.empty(); mid = take_word(value)) {
            if (out.bundle.size() == max_media) break;
            out.bundle.emplace_back(mid);
        }
    }
}

bool says_trickle(const Attribute &one) {
    if (one.name != "ice-options") return false;
    std::string_view value = one.value;
    for (std::string_view word = take_word(value); !word.empty(); word = take_word(value))
        if (word == "trickle") return true;
    return false;
}

/// The attributes of a section that say what others mean come first.
Result read_section(const Media &media, MediaSection &section) {
    begin_section(media, section);
    for (const bool is_rtpmap : {true, false})
        for (const Attribute &one : media.attributes)
            if ((one.name == "rtpmap") == is_rtpmap)
                if (const char *wrong = take_attribute(one, section))
                    return line_error(one.line, as_written(one), wrong);
    section.is_rejected = media.port == 0 && !media.attributes.has("bundle-only");
    return Result::ok();
}

} // namespace

bool Offer::is_bundled(std::string_view mid) const {
    return !mid.empty() && std::find(bundle.begin(), bundle.end(), mid) != bundle.end();
}

Result read_offer(std::string_view text, Offer &out) {
    Description description;
    if (const Result result = parse(text, description); !result.is_ok()) return result;
    Offer offer;
    MediaSection defaults; // what the session says for its sections
    for (const Attribute &one : description.attributes) {
        take_session_attribute(one, offer);
        offer.trickle = offer.trickle || says_trickle(one);
        // Neither a mid nor a format is the session's.
        const bool is_default = one.name != "mid" && one.name != "rtpmap" && one.name != "fmtp";
        if (const char *wrong = is_default ? take_attribute(one, defaults) : nullptr)
            return line_error(one.line, as_written(one), wrong);
    }
    for (const Media &media : description.media) {
        MediaSection section;
        section.direction = defaults.direction;
        section.extmap_allow_mixed = defaults.extmap_allow_mixed;
        if (const Result result = read_section(media, section); !result.is_ok()) return result;
        inherit(section.transport, defaults.transport);
        for (const MediaSection &other : offer.media)
            if (!section.mid.empty() && other.mid == section.mid)
                return line_error(section.line, "m=" + section.kind_name,
                                  "its mid is another section's, too");
        for (const Attribute &one : media.attributes)
            offer.trickle = offer.trickle || says_trickle(one);
        offer.media.push_back(std::move(section));
    }
    out = std::move(offer);
    return Result::ok();
}

} // namespace penstock::sdp

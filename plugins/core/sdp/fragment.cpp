// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sdp/fragment.h"

#include "core/sdp/answer_text.h"
#include "core/sdp/section.h"
#include "core/sdp/text.h"

namespace penstock::sdp {

Result read_fragment(std::string_view text, Fragment &out) {
    Description description;
    if (const Result result = parse_fragment(text, description); !result.is_ok()) return result;
    Fragment fragment;
    std::vector<const Attributes *> parts{&description.attributes};
    for (const Media &media : description.media)
        parts.push_back(&media.attributes);
    for (const Attributes *part : parts) {
        Transport transport;
        for (const Attribute &one : *part)
            if (const char *wrong = take_transport_attribute(one, transport))
                return line_error(one.line, one.name, wrong);
        const stun::Credentials &ice = transport.ice;
        if (ice.ufrag.empty() != ice.password.empty())
            return Result::error("an ice-ufrag without ice-pwd, or the other way round");
        if (!ice.ufrag.empty() && !fragment.ice.ufrag.empty() && ice != fragment.ice)
            return Result::error("its sections have different ICE credentials");
        if (!ice.ufrag.empty()) fragment.ice = ice;
        auto &all = fragment.candidates;
        for (Candidate &one : transport.candidates)
            if (std::find(all.begin(), all.end(), one) == all.end() && all.size() < max_candidates)
                all.push_back(std::move(one));
        fragment.has_all_candidates = fragment.has_all_candidates || transport.has_all_candidates;
    }
    out = std::move(fragment);
    return Result::ok();
}

bool is_restart(const Fragment &fragment, const stun::Credentials &remote) {
    return !fragment.ice.ufrag.empty() && fragment.ice != remote;
}

RestartForm restart_form(const Offer &offer, const Answer &answer) {
    RestartForm out;
    out.trickle = offer.trickle;
    out.bundle = bundle_of(offer, answer);
    for (size_t i = 0; i < answer.sections.size(); ++i) {
        const AnsweredSection &section = answer.sections[i];
        if (!section.is_accepted) continue;
        out.kind = offer.media[i].kind_name;
        out.protocol = offer.media[i].protocol;
        out.format = section.kind == Kind::application ? offer.media[i].formats.front()
                                                       : std::to_string(section.codec.payload_type);
        out.mid = section.mid;
        break;
    }
    return out;
}

std::string write_restart(const RestartForm &form, const LocalTransport &local) {
    Description out;
    out.attributes.add("ice-lite");
    if (local.trickle && form.trickle) out.attributes.add("ice-options", "trickle");
    if (!form.bundle.empty()) out.attributes.add("group", form.bundle);
    Media media;
    media.kind = form.kind;
    media.protocol = form.protocol;
    media.formats.push_back(form.format);
    if (!form.mid.empty()) media.attributes.add("mid", form.mid);
    media.attributes.add("ice-ufrag", local.ice.ufrag);
    media.attributes.add("ice-pwd", local.ice.password);
    add_candidates(local, media.attributes);
    out.media.push_back(std::move(media));
    return write_fragment(out);
}

} // namespace penstock::sdp

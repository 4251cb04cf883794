// SPDX-License-Identifier: LGPL-2.1-or-later
// Any text as a session description, an offer and a fragment. Laws: what is parsed and written
// parses to the same; an answer can be read, and answers every section with what was offered for
// it; lists are bounded.
#include "core/sdp/answer.h"
#include "core/sdp/fragment.h"

#include "unit/sdp_rig.hpp"

#include "fuzz/law.h"

#include <algorithm>

using namespace penstock;
using namespace penstock::sdp;

namespace {

/// A description that is written has lines that not each one that was parsed has.
constexpr size_t own_lines = 4, own_bytes = 100;

void check_lines(std::string_view text) {
    Description d;
    const Result result = parse(text, d);
    fuzz::law(result.is_ok() || (!result.reason().empty() && result.reason().size() < 400),
              "an error has a reason");
    fuzz::law(d.media.size() <= max_media && d.attributes.size() <= max_lines, "bounds");
    const std::string written = write(d);
    const auto lines = std::count(written.begin(), written.end(), '\n');
    if (size_t(lines) > max_lines - own_lines || written.size() > max_size - own_bytes) return;
    Description again;
    fuzz::law(parse(written, again).is_ok() && again == d, "what is written says the same");
    fuzz::law(write(again) == written, "and is written so again");
}

bool contains(const std::vector<std::string> &list, const std::string &text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

/// One section of an offer, of its answer, and of that answer when it is read.
void check_section(const MediaSection &offered, const AnsweredSection &made,
                   const MediaSection &answered) {
    fuzz::law(answered.kind_name == offered.kind_name && answered.protocol == offered.protocol &&
                  answered.mid == offered.mid,
              "a section answers the one at its place");
    fuzz::law(answered.is_rejected == !made.is_accepted, "it is rejected or not");
    for (const std::string &format : answered.formats)
        fuzz::law(contains(offered.formats, format), "a format was offered");
    if (!made.is_accepted) return;
    fuzz::law(!offered.is_rejected, "what was rejected is not accepted");
    fuzz::law(answered.direction == made.direction, "its direction");
    if (made.kind == Kind::application) return;
    const Codec *codec = answered.codec(made.codec.payload_type);
    const Codec *original = offered.codec(made.codec.payload_type);
    fuzz::law(codec && original && codec->is(original->name) && codec->clock == original->clock,
              "its codec");
    fuzz::law(answered.codecs.size() == (made.rtx ? 2u : 1u), "one, and its repetition");
    fuzz::law(!made.rtx || answered.rtx_of(codec->payload_type), "which says what it repeats");
    for (const std::string &one : codec->feedback)
        fuzz::law(contains(original->feedback, one), "feedback was offered");
    for (const Extension &one : answered.extensions)
        fuzz::law(offered.extension(one.uri) != nullptr, "an extension was offered");
    fuzz::law(answered.simulcast_recv.size() == made.rids.size(), "layers");
}

void check_answer(const Offer &offer, const AnswerPolicy &policy) {
    Answer answer;
    const LocalTransport local = rig::local_transport();
    const Result result = make_answer(offer, policy, local, answer);
    fuzz::law(result.is_ok() || !result.reason().empty(), "a refusal has a reason");
    if (!result.is_ok()) return;
    Offer back;
    const Result read = read_offer(answer.text, back);
    fuzz::law(read.is_ok(), read.reason().c_str());
    fuzz::law(back.ice_lite && back.media.size() == offer.media.size() &&
                  answer.sections.size() == offer.media.size(),
              "every section is answered");
    size_t accepted = 0, with_candidates = 0;
    for (size_t i = 0; i < back.media.size(); ++i) {
        check_section(offer.media[i], answer.sections[i], back.media[i]);
        if (!answer.sections[i].is_accepted) continue;
        ++accepted;
        with_candidates += back.media[i].transport.candidates == local.candidates;
        fuzz::law(accepted == 1 || back.is_bundled(back.media[i].mid) || back.bundle.empty(),
                  "what is accepted is bundled");
        fuzz::law(back.media[i].transport.ice == local.ice, "with this side's credentials");
    }
    fuzz::law(accepted > 0 && with_candidates == 1, "candidates once");
    fuzz::law(accepted == 1 || back.bundle.size() == accepted, "the BUNDLE has all");
    Fragment restart;
    fuzz::law(read_fragment(write_restart(restart_form(offer, answer), local), restart).is_ok() &&
                  restart.ice == local.ice && restart.candidates == local.candidates,
              "an answer to a restart can be read");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    check_lines(text);
    Fragment fragment;
    const Result result = read_fragment(text, fragment);
    fuzz::law(result.is_ok() || !result.reason().empty(), "an error has a reason");
    fuzz::law(fragment.candidates.size() <= 64, "candidates are bounded");
    for (const Candidate &one : fragment.candidates)
        fuzz::law(parse_candidate(write_candidate(one)) == one, "a candidate stays");
    Offer offer;
    if (!read_offer(text, offer).is_ok()) return 0;
    AnswerPolicy publish = rig::publish_policy(), play = rig::play_policy({0x64, 0x00, 31});
    check_answer(offer, publish);
    check_answer(offer, play);
    publish.max_message_size = play.max_message_size = 65536;
    play.tracks.pop_back();
    check_answer(offer, publish);
    check_answer(offer, play);
    return 0;
}

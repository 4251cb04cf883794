// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides what becomes of each section of an offer.
#include "core/sdp/answer.h"

#include "core/sdp/answer_text.h"
#include "core/sdp/codec_choice.h"
#include "core/sdp/text.h"

namespace penstock::sdp {
namespace {

constexpr unsigned max_one_byte_id = 14; // of header extensions; 15 is reserved

bool is_media(const MediaSection &section) {
    return section.kind == Kind::audio || section.kind == Kind::video;
}

/// Whether the offerer's direction goes with this side's.
bool has_direction(const MediaSection &section, bool sends) {
    if (section.direction == Direction::sendrecv) return true;
    return section.direction == (sends ? Direction::recvonly : Direction::sendonly);
}

bool has_data_protocol(const MediaSection &section) {
    return (same_word(section.protocol, "UDP/DTLS/SCTP") ||
            same_word(section.protocol, "TCP/DTLS/SCTP")) &&
           section.formats.size() == 1 && section.formats[0] == "webrtc-datachannel" &&
           section.sctp_port != uint16_t(0);
}

bool contains(const std::vector<std::string> &list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

std::vector<Extension> choose_extensions(const MediaSection &offered, const Track &track) {
    std::vector<Extension> out;
    for (const Extension &one : offered.extensions) {
        const bool is_usable = one.id <= max_one_byte_id ||
                               (offered.extmap_allow_mixed && one.id > max_one_byte_id + 1);
        const bool is_double = std::any_of(out.begin(), out.end(),
                                           [&](const Extension &o) { return o.uri == one.uri; });
        if (is_usable && !is_double && one.direction != Direction::inactive &&
            contains(track.extensions, one.uri))
            out.push_back({one.id, one.uri, reversed(one.direction)});
    }
    return out;
}

/// The layers that are received: of each stream the first alternative that has the codec.
std::vector<std::string> choose_layers(const MediaSection &offered, const Track &track,
                                       uint8_t payload_type) {
    std::vector<std::string> out;
    const auto is_usable = [&](const std::string &id) {
        const auto rid = std::find_if(offered.rids.begin(), offered.rids.end(),
                                      [&](const Rid &one) { return one.id == id; });
        if (rid == offered.rids.end() || !rid->is_send || contains(out, id)) return false;
        const auto &types = rid->payload_types;
        return types.empty() || std::find(types.begin(), types.end(), payload_type) != types.end();
    };
    for (const SimulcastStream &stream : offered.simulcast_send) {
        if (out.size() == track.max_layers) break;
        for (const auto &alternative : stream.alternatives)
            if (is_usable(alternative.rid)) {
                out.push_back(alternative.rid);
                break;
            }
    }
    if (out.size() < 2) out.clear();
    return out;
}

std::string name_of(const Offer &offer, const MediaSection &section) {
    const auto index = static_cast<size_t>(&section - offer.media.data());
    return "section " + std::to_string(index) + " (" + printable(section.kind_name, 20) + ")";
}

class Maker {
public:
    Maker(const Offer &offer, const AnswerPolicy &policy)
        : offer_(offer), policy_(policy), is_taken_(policy.tracks.size()) {}

    Result run(Answer &out) {
        if (offer_.ice_lite)
            return Result::error("the offerer is ICE-lite, as this side is: neither would begin");
        first_ = first_of_bundle();
        for (const MediaSection &section : offer_.media) {
            AnsweredSection answered;
            answered.mid = section.mid;
            answered.kind = section.kind;
            if (const Result result = decide(section, answered); !result.is_ok()) return result;
            if (!answered.is_accepted && &section == first_) keep_inactive(section, answered);
            if (answered.is_accepted)
                if (const Result result = share(section); !result.is_ok()) return result;
            is_of_use_ =
                is_of_use_ || (answered.is_accepted &&
                               (answered.track.has_value() || section.kind == Kind::application));
            out.sections.push_back(std::move(answered));
        }
        if (!is_of_use_)
            return Result::error(policy_.sends ? "no section receives what there is to send"
                                               : "no section sends audio or video");
        out.remote = first_->transport;
        return check_transport(out);
    }

private:
    const MediaSection *first_of_bundle() const {
        for (const std::string &mid : offer_.bundle)
            for (const MediaSection &section : offer_.media)
                if (section.mid == mid && !section.is_rejected) return &section;
        return nullptr;
    }

    Result decide(const MediaSection &section, AnsweredSection &out) {
        if (section.is_rejected) return Result::ok();
        if (section.kind == Kind::application) {
            // A transport carries one association.
            out.is_accepted =
                policy_.max_message_size > 0 && !has_data_ && has_data_protocol(section);
            has_data_ = has_data_ || out.is_accepted;
            if (out.is_accepted) out.direction = Direction::sendrecv;
            return Result::ok();
        }
        if (!is_media(section) || !section.is_rtp() || !has_use(section)) return Result::ok();
        const auto index = free_track(section);
        if (!index && (policy_.sends || policy_.is_conference)) return Result::ok();
        if (!index) return Result::error(name_of(offer_, section) + " is not received");
        return accept(section, *index, out);
    }

    bool has_use(const MediaSection &section) const {
        return policy_.is_conference || has_direction(section, policy_.sends);
    }

    std::optional<size_t> free_track(const MediaSection &section) const {
        for (size_t i = 0; i < policy_.tracks.size(); ++i)
            if (!is_taken_[i] && policy_.tracks[i].kind == section.kind &&
                has_direction(section, policy_.sends_track(policy_.tracks[i])))
                return i;
        return std::nullopt;
    }

    Result accept(const MediaSection &section, size_t index, AnsweredSection &out) {
        const Track &track = policy_.tracks[index];
        const bool sends = policy_.sends_track(track);
        const WantedCodec *wanted = nullptr;
        const Codec *codec = choose_codec(section, track, sends, &wanted);
        if (!codec)
            return Result::error(name_of(offer_, section) + " has no codec of use: it offers " +
                                 names_of(section.codecs) + "; wanted: " + names_of(track.codecs));
        is_taken_[index] = true;
        out.is_accepted = true;
        out.track = index;
        out.direction = sends ? Direction::sendonly : Direction::recvonly;
        out.codec = *codec;
        for (const auto &[name, value] : wanted->parameters)
            out.codec.parameters.set(name, value);
        std::erase_if(out.codec.feedback,
                      [&](const std::string &one) { return !contains(track.feedback, one); });
        if (const Codec *rtx = track.rtx ? section.rtx_of(codec->payload_type) : nullptr)
            out.rtx = rtx->payload_type;
        if (const Codec *red = track.red ? section.red_of(*codec) : nullptr)
            out.red = red->payload_type;
        out.extensions = choose_extensions(section, track);
        if (!sends && track.max_layers > 1)
            out.rids = choose_layers(section, track, codec->payload_type);
        return Result::ok();
    }

    /// Keeps a section that is of no use, but has the transport of all.
    void keep_inactive(const MediaSection &section, AnsweredSection &out) {
        if (!is_media(section) || !section.is_rtp()) return;
        for (const Codec &codec : section.codecs)
            if (!codec.name.empty() && !codec.is("rtx")) {
                out.is_accepted = true;
                out.codec = codec;
                out.codec.feedback.clear();
                return;
            }
    }

    /// All that is accepted shares one transport.
    Result share(const MediaSection &section) {
        if (!first_) first_ = &section;
        if (&section != first_ &&
            !(offer_.is_bundled(section.mid) && offer_.is_bundled(first_->mid)))
            return Result::error(name_of(offer_, section) + " is not in the BUNDLE of the others");
        if (is_media(section) && !section.rtcp_mux)
            return Result::error(name_of(offer_, section) + " has no rtcp-mux");
        return Result::ok();
    }

    static Result check_transport(Answer &out) {
        if (out.remote.ice.ufrag.empty() || out.remote.ice.password.empty())
            return Result::error("no ice-ufrag and ice-pwd");
        if (out.remote.fingerprints.empty()) return Result::error("no fingerprint");
        // As the server of DTLS this side decides the cipher, so it is that wherever it may be.
        out.is_dtls_client = out.remote.setup == Setup::passive;
        return Result::ok();
    }

    const Offer &offer_;
    const AnswerPolicy &policy_;
    std::vector<bool> is_taken_; ///< of the policy's tracks
    /// The section whose transport is that of all: of the BUNDLE, or the only one.
    const MediaSection *first_ = nullptr;
    bool is_of_use_ = false;
    bool has_data_ = false;
};

} // namespace

Result make_answer(const Offer &offer, const AnswerPolicy &policy, const LocalTransport &local,
                   Answer &out) {
    Answer answer;
    if (const Result result = Maker(offer, policy).run(answer); !result.is_ok()) return result;
    answer.text = write(describe_answer(offer, policy, local, answer));
    if (answer.text.size() > max_size) return Result::error("its answer is longer than 256 KiB");
    out = std::move(answer);
    return Result::ok();
}

} // namespace penstock::sdp

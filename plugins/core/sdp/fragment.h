// SPDX-License-Identifier: LGPL-2.1-or-later
// The bodies of PATCH requests of WHIP and WHEP, application/trickle-ice-sdpfrag: candidates that
// come later, and ICE restarts (RFC 8840, section 9; RFC 9725, section 4.3). Thread-safe.
#pragma once

#include "core/bytes/result.h"
#include "core/sdp/answer.h"

#include <string>
#include <string_view>
#include <vector>

namespace penstock::sdp {

struct Fragment {
    stun::Credentials ice; ///< of the fragment, or of its first section; empty: not said
    std::vector<Candidate> candidates; ///< of all sections, because they share one transport
    bool has_all_candidates = false;   ///< a=end-of-candidates
};

/// Reads a fragment. Errors (status 400), which name the line: those of parse_fragment(), ICE
/// credentials of a wrong length, different ones in two sections. Malformed candidates are ignored.
/// On error `out` is unchanged.
Result read_fragment(std::string_view text, Fragment &out);

/// Whether the offerer restarts ICE by it: it has credentials, and they are new (RFC 8839, section
/// 4.4.1.1.1).
bool is_restart(const Fragment &fragment, const stun::Credentials &remote);

/// What an answer to a restart repeats of a session's answer: its BUNDLE, and its first accepted
/// section.
struct RestartForm {
    bool trickle = false; ///< the offerer takes candidates that come later
    std::string bundle;   ///< the value of a=group; empty: none
    std::string kind, protocol, format, mid;
};
RestartForm restart_form(const Offer &offer, const Answer &answer);

/// Writes the answer to a restart (RFC 9725, section 4.3.3): the new credentials and candidates.
std::string write_restart(const RestartForm &form, const LocalTransport &local);

} // namespace penstock::sdp

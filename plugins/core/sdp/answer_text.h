// SPDX-License-Identifier: LGPL-2.1-or-later
// Parts of make_answer(): the lines of an answer. Thread-safe.
#pragma once

#include "core/sdp/answer.h"

namespace penstock::sdp {

/// Describes the sections of an answer, whose text is not needed.
Description describe_answer(const Offer &offer, const AnswerPolicy &policy,
                            const LocalTransport &local, const Answer &answer);

/// The group of what is accepted and bundled, as the value of a=group; empty if there is none.
std::string bundle_of(const Offer &offer, const Answer &answer);

/// The candidates of this side, and that they are all.
void add_candidates(const LocalTransport &local, Attributes &out);

} // namespace penstock::sdp

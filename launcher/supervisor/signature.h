// SPDX-License-Identifier: LGPL-2.1-or-later
// Signatures of the parts of a description with their values. Parts with equal signatures behave
// alike.
#pragma once

#include "description/binding.h"

#include <string>

namespace penstock::supervisor {

std::string signature_of(const description::PipelineText &text,
                         const description::Binding &binding);
std::string signature_of(const description::PublishRule &rule, const description::Binding &binding);
std::string signature_of(const description::PlayRule &rule, const description::Binding &binding);

} // namespace penstock::supervisor

// SPDX-License-Identifier: LGPL-2.1-or-later
// The key `expect`: the output that `penstock test` requires of a description.
#pragma once

#include "description/launch_text.h"
#include "description/source.h"
#include "description/yaml.h"

#include <map>
#include <optional>
#include <string>

namespace penstock::description {

class Binding;
struct Description;

/// A number, duration or word, or a single placeholder for one.
struct ExpectValue {
    Node node;
    Pieces pieces;
};

/// Lower and upper bound; a single value sets both.
struct ExpectRange {
    std::optional<ExpectValue> min, max;
    bool is_single = false;
};

/// The expectations of the video, or of the audio.
struct ExpectMedia {
    bool is_wanted = true; ///< false: the output must not have this medium
    std::optional<ExpectValue> codec, width, height, rate, channels;
};

/// The expectations of an output.
struct ExpectOutput {
    std::optional<ExpectValue> keyframe_interval, skew, latency;
    std::optional<ExpectRange> fps;
    std::optional<ExpectMedia> video, audio;
};

struct Expect {
    bool is_written = false;                ///< the description has the key
    std::map<std::string, std::string> set; ///< parameters for the test; --set takes precedence
    std::string sample;    ///< path parameter that gets a generated file; empty: none
    std::string publisher; ///< the description that publishes to the rules; empty: test-publisher
    std::string beside;    ///< the description to run alongside; empty: none
    std::optional<ExpectValue> within, duration;
    ExpectOutput output;
    /// By a protocol's name: what differs of its outputs.
    std::map<std::string, ExpectOutput> over;

    /// The expectations of a protocol's outputs.
    ExpectOutput output_of(const std::string &protocol) const;
};

/// Loads the key `expect`. The parameters must have been loaded.
Expect load_expect(const Node::Entry &entry, const Description &description, Problems &problems);

/// Expands the value: a duration in ns, or a plain number. Returns nullopt and sets the reason if
/// it is not of that type.
std::optional<double> duration_of(const ExpectValue &value, const Binding &binding,
                                  std::string *error);
std::optional<double> number_of(const ExpectValue &value, const Binding &binding,
                                std::string *error);
/// Expands the value as text.
std::optional<std::string> word_of(const ExpectValue &value, const Binding &binding,
                                   std::string *error);

} // namespace penstock::description

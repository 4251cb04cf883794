// SPDX-License-Identifier: LGPL-2.1-or-later
// The key `expect`: what `penstock test` asks of a description's outputs.
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

/// A number, duration or word, or one placeholder that stands for it.
struct ExpectValue {
    Node node;
    Pieces pieces;
};

/// A bound on both sides; a single value is both.
struct ExpectRange {
    std::optional<ExpectValue> min, max;
    bool is_single = false;
};

/// The expectations of the video, or of the audio.
struct ExpectMedia {
    bool is_wanted = true; ///< false: there must be none
    std::optional<ExpectValue> codec, width, height, rate, channels;
};

struct Expect {
    bool is_written = false;                ///< the description has the key
    std::map<std::string, std::string> set; ///< parameters for the test, unless --set says other
    std::string sample;    ///< the parameter that is given a made file; empty: none
    std::string publisher; ///< the description that publishes to the rules; empty: test-publisher
    std::string beside;    ///< the description that runs beside it; empty: none
    std::optional<ExpectValue> within, duration, keyframe_interval, skew, latency;
    std::optional<ExpectRange> fps;
    std::optional<ExpectMedia> video, audio;
};

/// Reads the key; parameters are loaded already.
Expect load_expect(const Node::Entry &entry, const Description &description, Problems &problems);

/// The value with its placeholder filled in: nanoseconds of a duration, or a plain number. nullopt
/// and the reason if the parameter's value is none.
std::optional<double> duration_of(const ExpectValue &value, const Binding &binding,
                                  std::string *error);
std::optional<double> number_of(const ExpectValue &value, const Binding &binding,
                                std::string *error);
/// As text.
std::optional<std::string> word_of(const ExpectValue &value, const Binding &binding,
                                   std::string *error);

} // namespace penstock::description

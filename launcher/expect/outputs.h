// SPDX-License-Identifier: LGPL-2.1-or-later
// The outputs of a description, and their redirection to unused ports for a test.
#pragma once

#include "description/binding.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace penstock::expect {

struct Output {
    const protocols::Protocol *protocol = nullptr;
    std::string receive;   ///< launch text from the element `src` to the demuxer `demux`
    bool is_taken = false; ///< pushed to `address`, where the test listens
    std::string label;     ///< "rtmp live/test", "udp 127.0.0.1:5000"
    std::string address;   ///< a URL, or host:port for datagrams
    std::string written;   ///< the address as the description has it, with its values
};

/// An output that the test can't receive.
struct Unmeasured {
    std::string label; ///< "filesink /srv/test.flv"
    std::string why;
    bool has_receiver = true; ///< false: it is served, and nothing here receives its protocol
};

/// Replaces the addresses of a description by ones for the test.
class Bench {
public:
    explicit Bench(description::Binding &binding) : binding_(binding) {}

    /// Call before opening listeners: sets every address to a free port, except parameters in
    /// `fixed`, which the user has set. Returns false and sets the reason if there is none.
    bool choose_addresses(const std::set<std::string> &fixed, std::string *error);
    /// Call after opening them. Every capture is "test".
    std::vector<Output> outputs() const;
    /// The elements that put something out and are none of `measured`.
    std::vector<Unmeasured> unmeasured(const std::vector<Output> &measured) const;
    /// The URLs for publishers, including keys; one per rule.
    std::vector<std::string> publish_urls() const;

private:
    description::Binding &binding_;
    /// Keep the ports open to which outputs are pushed.
    std::vector<std::shared_ptr<protocols::Listener>> listeners_;
};

/// Every capture of the description as "test".
description::Captures captures_of(const description::Description &description);

/// Whether the element is where a stream leaves the pipeline.
bool puts_out(const std::string &factory);

/// The parameter that supplies the whole address to which an element of the description publishes;
/// nullptr if there is none.
const description::Parameter *push_parameter(const description::Binding &binding);

} // namespace penstock::expect

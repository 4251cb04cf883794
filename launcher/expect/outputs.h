// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a description's media comes out, and how a test moves that to ports nobody uses.
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
    std::string address;   ///< a URL, or host:port that datagrams go to
};

/// A description whose addresses are the test's own.
class Bench {
public:
    explicit Bench(description::Binding &binding) : binding_(binding) {}

    /// Before the ports open: free ones for every address that is not in `fixed` (parameters that
    /// the user has set). False and the reason if there is none.
    bool choose_addresses(const std::set<std::string> &fixed, std::string *error);
    /// After they are open. Every capture is "test".
    std::vector<Output> outputs() const;
    /// Where a publisher has to go, its key included; one for each rule.
    std::vector<std::string> publish_urls() const;

private:
    description::Binding &binding_;
    /// Keep open the ports that pushed outputs go to.
    std::vector<std::shared_ptr<protocols::Listener>> listeners_;
};

/// The parameter that is the whole address an element of the description publishes to; nullptr if
/// there is none.
const description::Parameter *push_parameter(const description::Binding &binding);

} // namespace penstock::expect

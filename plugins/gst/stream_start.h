// SPDX-License-Identifier: LGPL-2.1-or-later
// The events that a source pad's stream begins and ends with.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <string>

namespace penstock {

/// Used by one thread at a time, which holds the pad's stream lock.
class StreamStart {
public:
    /// `name`: for the stream id and messages. `tags`: an event of tags that goes out behind the
    /// segment; nullptr, or nullptr from it: none.
    StreamStart(GstElement *element, GstPad *pad, std::function<std::string()> name,
                std::function<GstEvent *()> tags = nullptr);

    bool has_started() const { return has_started_; }
    /// A stream is to begin anew.
    void restart() { has_started_ = false; }
    /// The first events of the stream, or its caps when they change.
    void push(GstCaps *caps);
    /// Sends the tags anew, if the stream has started.
    void push_tags();
    /// Sends EOS, behind a stream-start.
    void push_eos();
    std::string name() const { return name_(); }

private:
    void push_id();

    GstElement *const element_;
    GstPad *const pad_;
    const std::function<std::string()> name_;
    const std::function<GstEvent *()> tags_;
    bool has_started_ = false;
};

} // namespace penstock

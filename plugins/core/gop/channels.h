// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams that one pipeline offers to the others of the process, by name. No GStreamer.
#pragma once

#include <memory>
#include <string>

namespace penstock::gop {

/// What offers a stream: its plugin knows the real type.
class ChannelSource {
public:
    virtual ~ChannelSource() = default;
};

/// Who wants a stream, whether it is there yet or not. The calls come one at a time, from the
/// thread that offers or withdraws, or from within listen(); they must not call Channels.
class ChannelListener {
public:
    virtual ~ChannelListener() = default;
    virtual void on_source(const std::shared_ptr<ChannelSource> &source) = 0;
    /// The source is about to go: nothing of it may be used afterwards.
    virtual void on_lost() = 0;
};

/// Holds an offer or a subscription. Its end waits for a call that is under way.
class ChannelHandle {
public:
    virtual ~ChannelHandle() = default;
};

/// The names are those of mounts: "live/cam". All functions are thread-safe.
class Channels {
public:
    /// nullptr if another source has the name.
    static std::unique_ptr<ChannelHandle> offer(const std::string &name,
                                                std::shared_ptr<ChannelSource> source);
    static std::unique_ptr<ChannelHandle> listen(const std::string &name,
                                                 ChannelListener &listener);
    static bool is_offered(const std::string &name);
};

} // namespace penstock::gop

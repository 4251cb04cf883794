// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams that pipelines offer to others in the same process, by name. Does not depend on
// GStreamer.
#pragma once

#include <memory>
#include <string>

namespace penstock::gop {

/// A source of a stream. Opaque: only the offering plugin knows the derived type.
class ChannelSource {
public:
    virtual ~ChannelSource() = default;
};

/// A subscriber to a stream that may not be offered yet. Its functions are called one at a time, on
/// the thread that offers or withdraws the stream or calls listen(). They must not use the
/// same name of Channels.
class ChannelListener {
public:
    virtual ~ChannelListener() = default;
    virtual void on_source(const std::shared_ptr<ChannelSource> &source) = 0;
    /// The source is being withdrawn and must not be used after this call.
    virtual void on_lost() = 0;
};

/// An offer or a subscription. The destructor waits for calls in progress.
class ChannelHandle {
public:
    virtual ~ChannelHandle() = default;
};

/// Names are paths of mounts: "live/cam". All functions are thread-safe.
class Channels {
public:
    /// Returns nullptr if the name is already offered.
    static std::unique_ptr<ChannelHandle> offer(const std::string &name,
                                                std::shared_ptr<ChannelSource> source);
    static std::unique_ptr<ChannelHandle> listen(const std::string &name,
                                                 ChannelListener &listener);
    static bool is_offered(const std::string &name);
};

} // namespace penstock::gop

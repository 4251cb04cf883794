// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of gopsrc: reads a channel as a branch of the goptee that offers it.
#pragma once

#include "core/gop/channels.h"
#include "gop/branch.h"
#include "gst/ptr.h"
#include "gst/stats.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

namespace penstock::gop {

enum class OnLoss { wait, eos };

/// The goptee's branch pushes, on its own thread and from its bounded queue, into an inlet: a pad
/// without parent element. The inlet forwards to the element's source pad and moves segments to
/// this pipeline's running time. lock_ guards the attached source and is never held during a push.
class ChannelReader final : public ChannelListener {
public:
    ChannelReader(GstElement *element, GstPad *src);
    ~ChannelReader() override;

    std::string channel() const;
    void set_channel(const std::string &name);
    OnLoss on_loss() const { return on_loss_; }
    void set_on_loss(OnLoss what) { on_loss_ = what; }

    /// READY→PAUSED. Returns false and sets the reason if the channel's name is invalid.
    bool start(std::string *error);
    /// At PLAYING: starts to wait for the stream. Further calls have no effect.
    void listen();
    /// After the source pad was deactivated.
    void stop();

    bool src_query(GstQuery *query);
    GstPtr<GstStructure> stats() const;

private:
    struct Source {
        GstPtr<GstElement> tee;
        std::shared_ptr<Branch> branch;
    };

    void on_source(const std::shared_ptr<ChannelSource> &source) override;
    void on_lost() override;
    Source source() const;
    GstFlowReturn chain(GstPtr<GstBuffer> buffer);
    bool event(GstPtr<GstEvent> event);
    GstPtr<GstEvent> moved(GstPtr<GstEvent> segment) const;
    void end();

    GstElement *const element_; ///< borrowed: it owns this object
    GstPad *const src_;         ///< borrowed: the element owns it
    GstPtr<GstPad> inlet_;
    Counters counters_;
    std::atomic<OnLoss> on_loss_ = OnLoss::wait;
    std::atomic<bool> ended_ = false; ///< EOS was sent

    mutable std::mutex lock_;
    std::string channel_;
    Source source_;
    std::unique_ptr<ChannelHandle> subscription_; ///< used in state changes only
};

} // namespace penstock::gop

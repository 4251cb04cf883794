// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/gop/channels.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

namespace penstock::gop {
namespace {

/// One name. Lives while it is offered or listened to.
struct Channel {
    std::mutex mutex; ///< held during calls of listeners, so that unsubscribing waits for them
    std::shared_ptr<ChannelSource> source;
    std::vector<ChannelListener *> listeners;
};

/// Finds the channel of a name. A slow listener holds up its own channel only: no call is made
/// under this mutex.
class Table {
public:
    std::shared_ptr<Channel> find(const std::string &name) {
        std::lock_guard lock(mutex_);
        const auto found = channels_.find(name);
        return found == channels_.end() ? nullptr : found->second.lock();
    }
    std::shared_ptr<Channel> find_or_add(const std::string &name) {
        std::lock_guard lock(mutex_);
        std::weak_ptr<Channel> &known = channels_[name];
        auto channel = known.lock();
        if (!channel) known = channel = std::make_shared<Channel>();
        return channel;
    }
    void release(std::shared_ptr<Channel> channel) {
        std::lock_guard lock(mutex_);
        channel.reset();
        std::erase_if(channels_, [](const auto &entry) { return entry.second.expired(); });
    }

private:
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<Channel>> channels_;
};

Table &table() {
    static auto *instance = new Table; // never destroyed: an element may stop after main()
    return *instance;
}

class Offer final : public ChannelHandle {
public:
    explicit Offer(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}
    ~Offer() override {
        {
            std::lock_guard lock(channel_->mutex);
            for (ChannelListener *listener : channel_->listeners)
                listener->on_lost();
            channel_->source.reset();
        }
        table().release(std::move(channel_));
    }

private:
    std::shared_ptr<Channel> channel_;
};

class Subscription final : public ChannelHandle {
public:
    Subscription(std::shared_ptr<Channel> channel, ChannelListener &listener)
        : channel_(std::move(channel)), listener_(listener) {}
    ~Subscription() override {
        {
            std::lock_guard lock(channel_->mutex);
            std::erase(channel_->listeners, &listener_);
        }
        table().release(std::move(channel_));
    }

private:
    std::shared_ptr<Channel> channel_;
    ChannelListener &listener_;
};

} // namespace

std::unique_ptr<ChannelHandle> Channels::offer(const std::string &name,
                                               std::shared_ptr<ChannelSource> source) {
    const auto channel = table().find_or_add(name);
    std::lock_guard lock(channel->mutex);
    if (channel->source) return nullptr;
    auto offer = std::make_unique<Offer>(channel);
    channel->source = std::move(source);
    for (ChannelListener *listener : channel->listeners)
        listener->on_source(channel->source);
    return offer;
}

std::unique_ptr<ChannelHandle> Channels::listen(const std::string &name,
                                                ChannelListener &listener) {
    const auto channel = table().find_or_add(name);
    std::lock_guard lock(channel->mutex);
    auto subscription = std::make_unique<Subscription>(channel, listener);
    channel->listeners.push_back(&listener);
    if (channel->source) listener.on_source(channel->source);
    return subscription;
}

bool Channels::is_offered(const std::string &name) {
    const auto channel = table().find(name);
    if (!channel) return false;
    std::lock_guard lock(channel->mutex);
    return channel->source != nullptr;
}

} // namespace penstock::gop

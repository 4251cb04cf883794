// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/gop/channels.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

namespace penstock::gop {
namespace {

struct Channel {
    std::shared_ptr<ChannelSource> source;
    std::vector<ChannelListener *> listeners;
};

struct Table {
    std::mutex mutex; ///< held during calls of listeners, so that unsubscribing waits for them
    std::map<std::string, Channel> channels;

    void forget_if_unused(const std::string &name) {
        const auto found = channels.find(name);
        if (!found->second.source && found->second.listeners.empty()) channels.erase(found);
    }
};

Table &table() {
    static auto *instance = new Table; // never destroyed: an element may stop after main()
    return *instance;
}

class Offer final : public ChannelHandle {
public:
    explicit Offer(std::string name) : name_(std::move(name)) {}
    ~Offer() override {
        std::lock_guard lock(table().mutex);
        Channel &channel = table().channels[name_];
        for (ChannelListener *listener : channel.listeners)
            listener->on_lost();
        channel.source.reset();
        table().forget_if_unused(name_);
    }

private:
    std::string name_;
};

class Subscription final : public ChannelHandle {
public:
    Subscription(std::string name, ChannelListener &listener)
        : name_(std::move(name)), listener_(listener) {}
    ~Subscription() override {
        std::lock_guard lock(table().mutex);
        std::erase(table().channels[name_].listeners, &listener_);
        table().forget_if_unused(name_);
    }

private:
    std::string name_;
    ChannelListener &listener_;
};

} // namespace

std::unique_ptr<ChannelHandle> Channels::offer(const std::string &name,
                                               std::shared_ptr<ChannelSource> source) {
    std::lock_guard lock(table().mutex);
    Channel &channel = table().channels[name];
    if (channel.source) return nullptr;
    auto offer = std::make_unique<Offer>(name);
    channel.source = std::move(source);
    for (ChannelListener *listener : channel.listeners)
        listener->on_source(channel.source);
    return offer;
}

std::unique_ptr<ChannelHandle> Channels::listen(const std::string &name,
                                                ChannelListener &listener) {
    std::lock_guard lock(table().mutex);
    Channel &channel = table().channels[name];
    auto subscription = std::make_unique<Subscription>(name, listener);
    channel.listeners.push_back(&listener);
    if (channel.source) listener.on_source(channel.source);
    return subscription;
}

bool Channels::is_offered(const std::string &name) {
    std::lock_guard lock(table().mutex);
    const auto found = table().channels.find(name);
    return found != table().channels.end() && found->second.source;
}

} // namespace penstock::gop

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtmp/client.h"

#include "core/net/loop/clock.h"
#include "core/net/rtmp/client_link.h"

#include <boost/asio/post.hpp>

#include <atomic>
#include <future>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

class Client final : public RtmpClient {
public:
    explicit Client(std::shared_ptr<ClientLink> link) : link_(std::move(link)) {
        asio::post(link_->context(), [link = link_] { link->start(); });
    }
    ~Client() override {
        std::promise<void> finished;
        asio::post(link_->context(), [link = link_, &finished] {
            link->finish([&finished] { finished.set_value(); });
        });
        finished.get_future().wait();
    }

    void publish(const flv::Tag &tag) override {
        link_->media().push(tag, steady_ms());
        if (woken_->exchange(true)) return;
        asio::post(link_->context(), [link = link_, woken = woken_] {
            *woken = false;
            link->wake();
        });
    }
    void discontinuity() override { link_->media().discontinuity(); }
    RtmpClientBacklog backlog() override { return link_->backlog(); }
    void resume() override {
        asio::post(link_->context(), [link = link_] { link->resume(); });
    }
    RtmpClientTotals totals() const override { return link_->totals(); }

private:
    const std::shared_ptr<ClientLink> link_;
    const std::shared_ptr<std::atomic<bool>> woken_ = std::make_shared<std::atomic<bool>>(false);
};

} // namespace

std::unique_ptr<RtmpClient> RtmpClient::open(RtmpClientOptions options, RtmpClientEvents &events,
                                             std::string *error) {
    auto loops = Loops::shared(error);
    if (!loops) return nullptr;
    std::shared_ptr<TlsClient> tls;
    if (options.url.tls) {
        tls = TlsClient::make(options.trust, error);
        if (!tls) return nullptr;
    }
    return std::make_unique<Client>(
        std::make_shared<ClientLink>(std::move(loops), std::move(options), std::move(tls), events));
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtsp/client.h"

#include "core/net/rtsp/client_link.h"

#include <boost/asio/post.hpp>

#include <future>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

class Client final : public RtspClient {
public:
    explicit Client(std::shared_ptr<RtspClientLink> link) : link_(std::move(link)) {
        asio::post(link_->context(), [link = link_] { link->start(); });
    }
    ~Client() override {
        std::promise<void> finished;
        asio::post(link_->context(), [link = link_, &finished] {
            link->finish();
            finished.set_value();
        });
        finished.get_future().wait();
    }
    void resume() override {
        asio::post(link_->context(), [link = link_] { link->resume(); });
    }
    RtspClientTotals totals() const override { return link_->totals(); }

private:
    const std::shared_ptr<RtspClientLink> link_;
};

} // namespace

std::unique_ptr<RtspClient> RtspClient::open(RtspClientOptions options, RtspClientEvents &events,
                                             std::string *error) {
    auto loops = Loops::shared(error);
    if (!loops) return nullptr;
    std::shared_ptr<TlsClient> tls;
    if (options.url.is_secure) {
        tls = TlsClient::make(options.trust, error);
        if (!tls) return nullptr;
    }
    return std::make_unique<Client>(std::make_shared<RtspClientLink>(
        std::move(loops), std::move(options), std::move(tls), events));
}

} // namespace penstock::net

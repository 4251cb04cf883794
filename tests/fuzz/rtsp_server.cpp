// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a client of an RTSP server's session, whose handler answers late, never or with a
// refusal. Laws: a request has one answer; nothing is read while one is pending; a session is
// played or recorded only after it was set up.
#include "core/rtsp/server_session.h"

#include "fuzz/law.h"

#include <algorithm>

using namespace penstock;
using namespace penstock::rtsp;

namespace {

class Server final : public ServerSession::Handler {
public:
    explicit Server(uint8_t choice)
        : session_(
              *this, "Fuzz",
              [](std::span<uint8_t> bytes) { std::fill(bytes.begin(), bytes.end(), uint8_t(7)); }),
          choice_(choice) {}

    void on_describe(const Request &, const Target &target) override {
        if (begins()) session_.accept_describe("v=0\r\n", target.base + "/");
    }
    void on_announce(const Request &request, const Target &) override {
        if (begins()) session_.accept_announce({"streamid=0", request.body.substr(0, 20)});
    }
    void on_setup(const Request &, const Target &, size_t track,
                  const std::vector<Transport> &transports) override {
        fuzz::law(!transports.empty() && track < max_media, "a track, and a way for it");
        if (begins()) session_.accept_setup(transports.front());
    }
    void on_play(const Request &) override {
        fuzz::law(session_.state() != ServerSession::State::init, "it was set up");
        if (begins()) session_.accept_play({});
    }
    void on_pause() override {
        if (begins()) session_.accept_pause();
    }
    void on_record(const Request &) override {
        fuzz::law(session_.is_announced() && session_.state() != ServerSession::State::init,
                  "it was announced and set up");
        if (begins()) session_.accept_record();
    }
    void on_teardown() override {}
    void on_keepalive() override { fuzz::law(!late_, "one is pending"); }
    bool on_interleaved(uint8_t, ByteView) override { return choice_ % 5 != 4; }
    void on_http(const Request &) override {}

    void run(ByteView input) {
        bool failed = session_.feed(input).is_error();
        for (int i = 0; i < 20 && !failed; ++i) {
            (void)session_.take_output();
            if (std::exchange(late_, false)) session_.refuse(503, {}, "late");
            failed = session_.resume().is_error();
        }
        (void)session_.take_rest();
    }

private:
    static constexpr size_t max_media = 32;
    /// Whether it is accepted at once.
    bool begins() {
        ++requests_;
        const unsigned what = (choice_ + requests_) % 4;
        if (what == 0) session_.refuse(404);
        late_ = what == 1;
        return what > 1;
    }
    ServerSession session_;
    const uint8_t choice_;
    unsigned requests_ = 0;
    bool late_ = false;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    Server server(data[0]);
    server.run({data + 1, size - 1});
    return 0;
}

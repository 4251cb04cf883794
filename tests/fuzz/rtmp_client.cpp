// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a server of an RTMP client session. Laws: cutting the input changes neither events
// nor the result; tags are framed as FLV; a publisher gets no media; no error names the key.
#include "core/rtmp/client_session.h"
#include "core/rtmp/client_url.h"

#include "fuzz/law.h"
#include "fuzz/rtmp_cuts.h"

#include <algorithm>
#include <string>
#include <vector>

using namespace penstock;

namespace {

constexpr const char *key = "the-key-that-nobody-sees";

class Peer : public rtmp::ClientSession::Handler {
public:
    explicit Peer(bool publish)
        : publish_(publish),
          session_(*this, {publish, "app", "rtmp://h/app", key}, fuzz::small_limits()) {}

    void on_started() override { events += 'S'; }
    void on_tag(flv::Tag &&tag) override {
        fuzz::law(!publish_, "a publisher gets no media");
        fuzz::law(tag.bytes.size() > flv::header_size + flv::trailer_size, "a tag has a body");
        events += 'T' + std::to_string(tag.timestamp) + ':' + std::to_string(tag.bytes.size());
        if (tag.type == flv::TagType::script) rtmp::publisher_metadata(tag.body_view());
    }
    void on_warning(const std::string &text) override { events += 'W' + text; }

    void feed(ByteView input) {
        if (!error.empty()) return;
        const Result result = session_.feed(input);
        error = result.reason();
        fuzz::law(error.find(key) == error.npos, "no error names the key");
        fuzz::law(result.is_error() == (session_.end() != rtmp::ClientEnd::none),
                  "an error has a kind");
        session_.take_output();
    }
    void finish() {
        session_.finish();
        session_.take_output();
    }

    std::string events, error;

private:
    const bool publish_;
    rtmp::ClientSession session_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const ByteView input(data, size);
    // The last byte decides what the client wants and how the input is cut.
    const uint8_t choice = size ? data[size - 1] : 0;
    Peer whole(choice & 1), parts(choice & 1);
    fuzz::check_cuts(input, choice, whole, parts);
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    std::string error;
    rtmp::parse_client_url(text, choice & 2 ? "key" : "", true, &error);
    return 0;
}

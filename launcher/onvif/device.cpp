// SPDX-License-Identifier: LGPL-2.1-or-later
// A conversation with each device: its time, its services, its profiles, their URLs. It proves the
// password by WS-UsernameToken, and by HTTP's digest where it is asked for that.
#include "onvif/device.h"

#include "authorize/http_client.h"
#include "core/net/loop/thread.h"
#include "core/net/tls/hash.h"
#include "core/net/tls/random.h"
#include "core/rtsp/client_authentication.h"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <future>
#include <thread>

namespace penstock::onvif {
namespace {

constexpr size_t max_threads = 16;
constexpr uint64_t call_ms = 5'000;
constexpr unsigned unauthorized = 401;
constexpr size_t nonce_size = 16;

void fill_random(std::span<uint8_t> bytes) {
    net::secure_random(bytes);
}

/// Talks to one device, from one thread.
class Conversation {
public:
    Conversation(const Credentials &credentials, bool is_named)
        : credentials_(credentials), is_named_(is_named),
          http_(credentials.user, credentials.password, {net::md5_hex, net::sha256_hex},
                fill_random) {}

    /// False: nothing answers at this address.
    bool talk(const std::string &address, Device &out) {
        out.address = address;
        std::string error;
        const auto time = call(address, get_time(), false, &error);
        if (!time && !has_answered_) {
            out.error = error;
            return false;
        }
        if (const auto told = time ? read_time(*time) : std::nullopt)
            clock_offset_ = *told - std::time(nullptr);
        out.error = fill(address, out);
        return true;
    }

private:
    /// Returns what went wrong.
    std::string fill(const std::string &address, Device &out) {
        std::string error;
        const auto capabilities = call(address, get_capabilities(), true, &error);
        if (!capabilities) return explained(error);
        const std::string media = at_host_of(address, read_media_address(*capabilities));
        if (media.empty()) return "it has no media service, so it is no camera";
        const auto profiles = call(media, get_profiles(), true, &error);
        if (!profiles) return explained(error);
        out.profiles = read_profiles(*profiles);
        std::string first;
        for (Profile &profile : out.profiles) {
            const auto uri = call(media, get_stream_uri(profile.token), true, &error);
            if (uri) profile.url = read_stream_uri(*uri);
            if (profile.url.empty() && first.empty())
                first = uri ? "it tells no address of profile '" + profile.token + "'"
                            : explained(error);
        }
        return out.profiles.empty() ? "it has no profiles: make one in the camera's own pages"
                                    : first;
    }

    std::string explained(const std::string &error) const {
        if (!is_refused_ && !is_refusal(error)) return error;
        if (credentials_.user.empty())
            return "it asks for a user and a password: --user NAME, and the password in "
                   "PENSTOCK_CAMERA_PASSWORD";
        if (http_.was_basic_refused())
            return "it asks for the password as it is (HTTP's Basic), which only a camera gets "
                   "that "
                   "you name: penstock cameras ADDRESS";
        return "it refuses the user '" + credentials_.user +
               "' or the password; many cameras have users of their own for ONVIF";
    }

    /// A camera behind a router tells an address that only it knows: the host is the one that was
    /// reached.
    static std::string at_host_of(const std::string &reached, const std::string &told) {
        const auto from = authorize::Url::parse(reached);
        const auto to = authorize::Url::parse(told);
        if (!from || !to) return {};
        if (from->host == to->host) return told;
        authorize::Url out = *to;
        out.host = from->host;
        return out.to_string();
    }

    std::optional<Element> call(const std::string &address, const std::string &body, bool signs,
                                std::string *error) {
        is_refused_ = false;
        // Once more with an answer to HTTP's challenge, and with another nonce of a camera's whim.
        for (int attempt = 0; attempt < 3; ++attempt) {
            const auto reply = post(address, body, signs, error);
            if (!reply) return std::nullopt;
            has_answered_ = true;
            if (reply->status == unauthorized) {
                rtsp::Response response;
                response.status = unauthorized;
                for (const std::string &challenge : reply->challenges)
                    response.headers.add("WWW-Authenticate", challenge);
                if (http_.on_unauthorized(response)) continue;
                is_refused_ = true;
                *error = "it refuses";
                return std::nullopt;
            }
            http_.on_accepted({});
            auto answer = read_answer(reply->body, error);
            if (!answer && reply->status != 200 && reply->body.empty())
                *error = "it answers with the status " + std::to_string(reply->status);
            return answer;
        }
        is_refused_ = true;
        return std::nullopt;
    }

    std::optional<authorize::Reply> post(const std::string &address, const std::string &body,
                                         bool signs, std::string *error) {
        const auto url = authorize::Url::parse(address);
        if (!url) {
            *error = "its address is neither HOST, HOST:PORT nor the URL of a web server";
            return std::nullopt;
        }
        // Whoever answers a probe may ask for Basic, and would have the password.
        http_.allow_basic(is_named_ || url->is_secure);
        authorize::Call call;
        call.url = *url;
        call.body = {"application/soap+xml; charset=utf-8", envelope(header(signs), body)};
        if (const std::string proof = http_.authorization("POST", url->target); !proof.empty())
            call.headers.emplace_back("Authorization", proof);
        call.timeout_ms = call_ms;
        call.max_reply = max_xml;
        std::promise<std::pair<std::optional<authorize::Reply>, std::string>> promise;
        auto future = promise.get_future();
        authorize::worker::request(std::move(call), [&promise](auto reply, const auto &reason) {
            promise.set_value({std::move(reply), reason});
        });
        auto [reply, reason] = future.get();
        if (!reply) *error = "no answer: " + reason;
        return reply;
    }

    std::string header(bool signs) const {
        if (!signs || credentials_.user.empty()) return {};
        std::string nonce(nonce_size, '\0');
        net::secure_random({reinterpret_cast<uint8_t *>(nonce.data()), nonce.size()});
        return security_header(credentials_, std::time(nullptr) + clock_offset_, nonce);
    }

    const Credentials credentials_;
    const bool is_named_;
    rtsp::ClientAuthentication http_;
    int64_t clock_offset_ = 0; ///< s; many cameras' clocks are not set
    bool has_answered_ = false, is_refused_ = false;
};

Device ask_one(const Found &found, const Credentials &credentials) {
    Device out;
    for (const std::string &address : found.addresses) {
        out = {};
        if (Conversation(credentials, found.is_named).talk(address, out)) break;
    }
    out.name = found.name;
    out.hardware = found.hardware;
    return out;
}

} // namespace

std::vector<Device> ask(const std::vector<Found> &found, const Credentials &credentials) {
    std::vector<Device> out(found.size());
    std::atomic<size_t> next{0};
    const auto work = [&] {
        for (size_t i = next++; i < found.size(); i = next++)
            out[i] = ask_one(found[i], credentials);
    };
    std::vector<std::thread> threads;
    std::string reason;
    for (size_t i = 1; i < std::min(found.size(), max_threads); ++i)
        if (auto thread = net::start_thread(work, &reason); thread.joinable())
            threads.push_back(std::move(thread));
    work();
    for (std::thread &thread : threads)
        thread.join();
    return out;
}

} // namespace penstock::onvif

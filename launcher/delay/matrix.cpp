// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/matrix.h"

#include "console/page.h"
#include "delay/browser.h"
#include "delay/client.h"
#include "delay/nginx.h"
#include "gst/ptr.h"
#include "supervisor/main_loop.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <optional>
#include <string_view>

namespace penstock::delay {
namespace {

constexpr const char *here = "127.0.0.1";
constexpr const char *any_port = "127.0.0.1:0";
/// The number of segments to wait for before an HLS player starts, so that it can start as far back
/// as it wants to.
constexpr int64_t segments_first = 5;

/// A pipeline that is stopped on destruction.
class Pipeline {
public:
    ~Pipeline() {
        if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    }
    bool make(const std::string &text, std::string *error) {
        GError *failed = nullptr;
        GstElement *made =
            gst_parse_launch_full(text.c_str(), nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &failed);
        if (!made || failed) {
            *error = failed ? failed->message : "no reason given";
            g_clear_error(&failed);
            if (made) gst_object_unref(made);
            return false;
        }
        pipeline_ = GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(made)));
        return true;
    }
    GstElement *get() const { return pipeline_.get(); }
    bool play() const {
        return gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) !=
               GST_STATE_CHANGE_FAILURE;
    }
    /// The first error posted; also handles the other messages.
    std::string error() const {
        std::string out;
        if (!pipeline_) return out;
        const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
        while (auto message = GstPtr<GstMessage>::adopt(gst_bus_pop(bus.get()))) {
            if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_LATENCY)
                gst_bin_recalculate_latency(GST_BIN(pipeline_.get()));
            if (GST_MESSAGE_TYPE(message.get()) != GST_MESSAGE_ERROR || !out.empty()) continue;
            GError *failed = nullptr;
            gst_message_parse_error(message.get(), &failed, nullptr);
            out = failed->message;
            g_error_free(failed);
        }
        return out;
    }

private:
    GstPtr<GstElement> pipeline_;
};

using Words = std::map<std::string, std::string>;

/// Replaces the "{name}" placeholders in `text`.
std::string filled(std::string text, const Words &words) {
    for (const auto &[name, value] : words) {
        const std::string key = "{" + name + "}";
        for (size_t at = 0; (at = text.find(key, at)) != std::string::npos; at += value.size())
            text.replace(at, key.size(), value);
    }
    return text;
}

} // namespace

std::vector<Setting> settings() {
    return {
        {"normal",
         "queue ! x264enc speed-preset=veryfast bitrate=2000 option-string=scenecut=0 "
         "rc-lookahead=10 bframes=0 b-adapt=false vbv-buf-capacity=1000 key-int-max=60",
         2'000'000'000, 125, true},
        {"low",
         "queue max-size-buffers=3 leaky=downstream ! x264enc speed-preset=veryfast bitrate=2000 "
         "option-string=scenecut=0 tune=zerolatency rc-lookahead=0 bframes=0 sliced-threads=true "
         "vbv-buf-capacity=300 key-int-max=30",
         1'000'000'000, 20, false},
    };
}

std::vector<Route> routes() {
    std::vector<Route> out;
    for (const auto &[owner, protocol] : protocols::all_readers()) {
        for (const protocols::MatrixRow &row : protocol->rows) {
            out.push_back({row.name, protocol, &row});
            if (row.relay && Nginx::is_installed())
                out.push_back({row.relay, protocol, &row, true, false});
            if (row.on_page && Browser::is_installed())
                out.push_back(
                    {std::string(row.name) + " in Chromium", protocol, &row, false, true});
        }
    }
    return out;
}

struct Run::Parts {
    const Route route;
    const Setting setting;
    const Options options;
    // Destroyed in reverse order: the client before the objects that it is connected to.
    std::vector<std::shared_ptr<protocols::Listener>> listeners; ///< keep the ports open
    std::optional<Nginx> nginx;
    int pipe[2] = {-1, -1};
    Pipeline server, source;
    std::optional<Client> client; ///< nullopt until it is started
    std::unique_ptr<console::Page> page;
    std::optional<Browser> browser; ///< in the client's place
    supervisor::Timer later;
    std::string failure;

    Parts(const Route &r, const Setting &s, const Options &o) : route(r), setting(s), options(o) {}
    ~Parts() {
        if (client) client->stop();
        // The client's end stays open: its pipeline is stopped on another thread.
        if (pipe[1] >= 0) ::close(pipe[1]);
    }
    bool find_addresses(Words &words, std::string *error);
    bool start_page(const Words &words, std::string *error);
};

bool Run::Parts::find_addresses(Words &words, std::string *error) {
    if (route.is_nginx) {
        nginx.emplace();
        if (!nginx->start(error)) return false;
        words[protocols::owner_of(*route.protocol).name] = nginx->address();
    } else {
        for (const auto &protocol : protocols::all()) {
            if (!protocol->open) continue;
            const auto any_udp_port = [&](const char *property) -> std::optional<std::string> {
                for (const protocols::ElementUse &use : protocol->elements)
                    if (use.udp_property && std::string_view(use.udp_property) == property)
                        return any_port;
                return std::nullopt;
            };
            auto listener = protocol->open({.address = {here, 0}, .property = any_udp_port}, error);
            if (!listener) return false;
            words[protocol->name] = listener->address().to_string();
            listeners.push_back(std::move(listener));
        }
    }
    const auto port = free_port(SOCK_DGRAM, error);
    if (!port) return false;
    words["to"] = std::string(here) + ":" + std::to_string(*port);
    words["port"] = std::to_string(*port);
    words["media"] = any_port;
    words["segment"] = std::to_string(setting.segment);
    words["srt-latency"] = std::to_string(setting.srt);
    words["sync"] = setting.sync ? "true" : "false";
    if (route.protocol != &direct()) return true;
    if (::pipe2(pipe, O_CLOEXEC) != 0) {
        *error = "no pipe can be had";
        return false;
    }
    words["fd"] = std::to_string(pipe[0]);
    return true;
}

/// At the listener of the client's protocol, where the page has nothing else to play.
bool Run::Parts::start_page(const Words &words, std::string *error) {
    const std::string &at = words.at(protocols::owner_of(*route.protocol).name);
    page = console::Page::serve(net::parse_address(at).value(), {}, error);
    if (!page) return false;
    browser.emplace(options.warm_up);
    const std::string scheme = protocols::page_protocol().schemes.front().name;
    return browser->start(scheme + "://" + at + "/#" + route.row->on_page, error);
}

Run::Run(const Route &route, const Setting &setting, const Options &options)
    : parts_(std::make_unique<Parts>(route, setting, options)) {
}

Run::~Run() = default;

bool Run::start(std::string *error) {
    Parts &p = *parts_;
    Words words;
    if (!p.find_addresses(words, error)) return false;
    const Protocol &protocol = *p.route.protocol;
    const protocols::MatrixRow &row = *p.route.row;
    if (row.serve && !p.route.is_nginx &&
        (!p.server.make(filled(row.serve, words), error) || !p.server.play()))
        return false;
    const std::string picture = "video/x-raw,format=I420,width=" + std::to_string(p.options.width) +
                                ",height=" + std::to_string(p.options.height) +
                                ",framerate=" + std::to_string(p.options.fps) + "/1";
    if (!p.source.make("videotestsrc is-live=true pattern=smpte ! " + picture +
                           " ! latencystamp ! " + p.setting.encoder +
                           " ! h264parse ! latencysei hop=capture+encode ! " +
                           filled(row.send, words),
                       error))
        return false;
    if (p.pipe[1] >= 0) {
        const auto sink =
            GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(p.source.get()), "out"));
        g_object_set(sink.get(), "fd", p.pipe[1], nullptr);
    }
    if (!p.source.play()) {
        *error = p.source.error();
        return false;
    }
    if (p.route.is_page) return p.start_page(words, error);
    const Client::Options options{
        .url = filled(row.url, words), .warm_up = p.options.warm_up, .tries_again = true};
    if (!protocol.is_paced) {
        p.client.emplace(protocol, options);
        return p.client->start(error);
    }
    p.later.start(static_cast<guint>(segments_first * p.setting.segment / 1'000'000),
                  [&p, options] {
                      p.client.emplace(*p.route.protocol, options);
                      p.client->start(&p.failure);
                  });
    return true;
}

int64_t Run::first_picture() const {
    if (parts_->browser) return parts_->browser->first_picture();
    return parts_->client ? parts_->client->first_picture() : 0;
}

std::string Run::failure() const {
    for (const Pipeline *pipeline : {&parts_->server, &parts_->source})
        if (const std::string error = pipeline->error(); !error.empty()) return error;
    if (!parts_->failure.empty()) return parts_->failure;
    if (parts_->browser) return parts_->browser->failure();
    if (!parts_->client || !parts_->client->is_over()) return "";
    return parts_->client->failure().empty() ? "the stream ended" : parts_->client->failure();
}

Measured Run::measured() const {
    if (parts_->browser) return parts_->browser->measured();
    return parts_->client ? parts_->client->measured() : Measured{};
}

} // namespace penstock::delay

// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of protocols is the launcher's only list of schemes and of their elements: no other
// source names one, and a protocol that is added at run time is known everywhere.
#include "cli/urls.h"
#include "description/elements.h"
#include "expect/outputs.h"
#include "protocols/table.h"
#include "supervisor/endpoints.h"
#include "supervisor/listeners.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "check.hpp"

using namespace penstock;
using protocols::Role;

namespace {

/// The string literals of a C++ source, without comments and includes.
std::vector<std::string> literals_of(const std::string &source) {
    std::vector<std::string> out;
    for (size_t i = 0; i < source.size(); ++i) {
        const std::string_view rest = std::string_view(source).substr(i);
        if (rest.starts_with("//") || rest.starts_with("#include")) {
            i = std::min(source.find('\n', i), source.size());
        } else if (rest.starts_with("/*")) {
            i = std::min(source.find("*/", i), source.size());
        } else if (rest.starts_with("R\"(")) {
            const size_t end = std::min(source.find(")\"", i), source.size());
            out.push_back(source.substr(i + 3, end - i - 3));
            i = end + 1;
        } else if (source[i] == '\'' && rest.size() > 3 && (rest[2] == '\'' || rest[3] == '\'')) {
            i += rest[1] == '\\' ? 3 : 2; // a character; elsewhere it parts digits
        } else if (source[i] == '"') {
            std::string text;
            for (++i; i < source.size() && source[i] != '"'; ++i) {
                if (source[i] == '\\') ++i;
                text += source[i];
            }
            out.push_back(text);
        }
    }
    return out;
}

bool is_word_at(const std::string &text, size_t at, size_t size) {
    const auto is_letter = [&](size_t i) {
        return i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) ||
                                   text[i] == '_' || text[i] == '-');
    };
    return (at == 0 || !is_letter(at - 1)) && !is_letter(at + size);
}

bool has_word(const std::string &text, const std::string &word) {
    for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1))
        if (is_word_at(text, at, word.size())) return true;
    return false;
}

/// Names of XML, which look like URLs and are never connected to.
constexpr const char *namespaces[] = {"http://www.w3.org/", "http://www.onvif.org/",
                                      "http://docs.oasis-open.org/", "http://schemas.xmlsoap.org/"};

/// The first name of the table that a text contains; empty if none.
std::string name_in(const std::string &text) {
    for (const auto &protocol : protocols::all()) {
        for (const auto &use : protocol->elements)
            if (has_word(text, use.factory)) return use.factory;
        if (protocol->readers.empty() || protocol->url_hint.empty()) continue; // of no network
        for (const auto &scheme : protocol->schemes) {
            const size_t at = text.find(scheme.name + "://");
            const bool is_namespace = std::ranges::any_of(
                namespaces, [&](const char *name) { return text.find(name) != text.npos; });
            if (text == scheme.name ||
                (at != text.npos && is_word_at(text, at, scheme.name.size()) && !is_namespace))
                return scheme.name;
        }
    }
    return {};
}

class PipeListener final : public protocols::Listener {
public:
    explicit PipeListener(net::Address address) : address_(std::move(address)) {
        if (address_.port == 0) address_.port = 4711;
    }
    net::Address address() const override { return address_; }
    std::string scheme() const override { return "lines"; }
    std::shared_ptr<const void> server() const override { return server_; }
    void add_watch(const std::shared_ptr<net::PeerWatch> &) override {}
    protocols::Lease lease_publish(protocols::PublishLease) override {
        return std::make_shared<int>(0);
    }
    protocols::Lease lease_play(protocols::PlayLease) override { return std::make_shared<int>(0); }
    bool parks_viewers() const override { return true; }
    bool is_publishing(const std::string &) const override { return false; }
    bool is_live(const std::string &) const override { return false; }
    bool is_fed(const std::string &) const override { return false; }
    unsigned viewers(const std::string &) const override { return 0; }
    void refuse(const std::string &, const std::string &) override {}
    void refuse_busy(const std::string &) override {}
    protocols::Lease watch(std::function<void(const std::string &)>) override { return {}; }
    void end_viewers(const std::string &, const std::string &) override {}

private:
    net::Address address_;
    std::shared_ptr<const void> server_ = std::make_shared<int>(0);
};

/// A protocol for lines of text, "served" by elements of GStreamer.
protocols::Protocol lines() {
    protocols::Protocol out;
    out.name = "lines";
    out.title = "Lines";
    out.schemes = {{.name = "lines", .port = 7000, .publish_match = true, .play_match = true}};
    out.elements = {{.factory = "filesrc", .role = Role::receive},
                    {.factory = "filesink", .role = Role::serve}};
    out.publish_example = "lines://${lines}/{name}";
    out.url_hint = "lines://HOST/NAME";
    out.open = [](const protocols::Opening &opening, std::string *) {
        return std::make_shared<PipeListener>(opening.address);
    };
    out.readers = {
        {.name = "lines", .suffix = "", .receive = "filesrc name=src ! tsdemux name=demux"}};
    return out;
}

constexpr const char *text =
    "summary: lines\n"
    "parameters:\n"
    "  at: {type: address, default: ':0'}\n"
    "publish:\n"
    "  match: lines://${at}/live/{name}\n"
    "  pipeline: filesrc location=lines://${at}/live/${name} !"
    " filesink location=lines://${at}/live/${name}\n"
    "play:\n"
    "  match: lines://${at}/live/{name}_2\n"
    "  pipeline: fakesrc ! filesink location=lines://${at}/live/${name}_2\n";

} // namespace

GST_START_TEST(test_names_stand_in_the_table_only) {
    const char *root = std::getenv("PENSTOCK_SOURCE_ROOT");
    fail_unless(root != nullptr);
    const std::filesystem::path launcher = std::filesystem::path(root) / "launcher";
    fail_unless(name_in("write rtmp://host").size() && name_in("rtmpserversrc name=a").size() &&
                name_in("http").size() && name_in("my-udpsink").empty());
    size_t files = 0, texts = 0;
    std::string found;
    for (auto entry = std::filesystem::recursive_directory_iterator(launcher);
         entry != std::filesystem::recursive_directory_iterator(); ++entry) {
        const std::string name = entry->path().filename();
        // Authorization sends requests to web servers, which are no streams.
        if (entry->is_directory() &&
            (name == "node_modules" || name == "protocols" || name == "authorize")) {
            entry.disable_recursion_pending();
            continue;
        }
        if (name == "authorization.cpp" || name == "loader_authorize.cpp") continue;
        if (!name.ends_with(".cpp") && !name.ends_with(".h")) continue;
        std::ifstream file(entry->path());
        std::stringstream source;
        source << file.rdbuf();
        ++files;
        for (const std::string &literal : literals_of(source.str())) {
            ++texts;
            if (const std::string name_found = name_in(literal); !name_found.empty())
                found += entry->path().string() + ": \"" + literal + "\" has " + name_found + "\n";
        }
    }
    fail_unless(files > 100 && texts > 1000, "%zu files, %zu texts", files, texts);
    fail_unless(found.empty(), "these belong into launcher/protocols:\n%s", found.c_str());
}
GST_END_TEST

GST_START_TEST(test_elements) {
    const auto with = [](std::string_view other) {
        return [other](std::string_view factory) { return factory == other; };
    };
    fail_unless_equals_string(protocols::find_element("udpsink", with("x")).protocol->name.c_str(),
                              "udp");
    fail_unless_equals_string(
        protocols::find_element("udpsink", with("rtpmp2tpay")).protocol->name.c_str(), "rtp");
    fail_unless(!protocols::find_element("identity"));
    fail_unless_equals_int(protocols::default_port("rtmp://a/b"), 1935);
    fail_unless_equals_int(protocols::default_port("https://a/b"), 443);
    fail_unless_equals_int(protocols::default_port("rtmps://a/b"), 443);
    fail_unless_equals_int(protocols::default_port("gopher://a/b"), 0);
    const auto *hls = protocols::find_protocol("hls");
    fail_unless(hls != nullptr);
    fail_unless_equals_string(protocols::stream_name(*hls, "live/cam/index.m3u8").c_str(),
                              "live/cam");
    fail_unless_equals_string(description::package_of("rtmp2src").c_str(),
                              "gstreamer1.0-plugins-bad");
    fail_unless_equals_string(description::package_of("hlssegmenter").c_str(), "penstock");
}
GST_END_TEST

GST_START_TEST(test_protocol_joins) {
    description::Problems problems;
    const auto load = [&] {
        problems.clear();
        return description::load_description(description::Source("lines", text), problems);
    };
    fail_if(load(), "a scheme that nobody knows was taken");
    fail_unless(problems.at(0).mend.find("rtmp://") != std::string::npos);
    {
        const protocols::Registration registration(lines());
        const auto described = load();
        fail_unless(described != nullptr, "%s", problems.empty() ? "" : problems[0].what.c_str());
        problems.clear();
        fail_unless(description::check_source(description::Source("lines", text), problems) !=
                        nullptr,
                    "%s", problems.empty() ? "" : problems[0].what.c_str());
        std::vector<std::string> errors;
        description::Binding binding(
            *described, {}, [](const char *) -> const char * { return nullptr; }, errors);
        fail_unless(errors.empty());
        supervisor::Listeners listeners;
        std::string error;
        fail_unless(supervisor::open_listeners(binding, listeners, &error), "%s", error.c_str());
        fail_unless(!listeners.empty() && binding.find("at")->text == ":4711", "%s",
                    binding.find("at")->text.c_str());
        const auto pattern =
            description::PathPattern::make(described->publish[0].match, binding, &error);
        fail_unless(pattern && pattern->protocol().name == "lines", "%s", error.c_str());
        std::string urls;
        for (const auto &url : cli::urls_of(binding))
            urls += url.kind + " " + url.text + "\n";
        fail_unless_equals_string(urls.c_str(), "publish lines://127.0.0.1:4711/live/NAME\n"
                                                "play lines://127.0.0.1:4711/live/NAME\n"
                                                "play lines://127.0.0.1:4711/live/NAME_2\n");
        const auto outputs = expect::Bench(binding).outputs();
        fail_unless(outputs.size() == 2 && outputs[0].label == "lines live/test");
    }
    fail_if(load(), "the protocol is still known after its registration has gone");
}
GST_END_TEST

constexpr const char *rtc_text =
    "summary: s\n"
    "parameters:\n"
    "  http: {type: address, default: ':8080'}\n"
    "  udp: {type: address, default: ':8190'}\n"
    "publish:\n"
    "  match: http://${http}/live/{name}/whip\n"
    "  publish-key: k\n"
    "  pipeline: rtcserversrc location=http://${http}/live/${name}/whip udp=${udp}"
    " announce=192.0.2.1 ! fakesink\n"
    "play:\n"
    "  match: http://${http}/live/{name}/whep\n"
    "  pipeline: gopsrc channel=live/${name} ! rtcserversink"
    " location=http://${http}/live/${name}/whep\n";

// Of the protocols of http:// the end of a path tells which is meant.
GST_START_TEST(test_http_protocols) {
    const auto name_of = [](const char *url) { return protocols::find_url(url)->name; };
    fail_unless(name_of("http://a/live/b.flv") == "http" && name_of("http://a/live/b") == "http");
    fail_unless(name_of("https://a/live/b/index.m3u8?key=/whip") == "hls");
    fail_unless(name_of("http://a/live/b/whip") == "rtc" && name_of("https://a/b/whep#x") == "rtc");
    fail_unless(name_of("rtmp://a/live/whip") == "rtmp");
    fail_if(protocols::find_url("gopher://a/whip"));
    const auto *rtc = protocols::find_protocol("rtc");
    fail_unless_equals_string(protocols::stream_name(*rtc, "live/cam/whep").c_str(), "live/cam");

    const auto error_of = [](const std::string &rule) {
        description::Problems problems;
        description::load_description(description::Source("x", "summary: s\n" + rule), problems);
        return problems.empty() ? "" : problems[0].what + ": " + problems[0].mend;
    };
    const auto publish = [&](const char *url) {
        return error_of(std::string("publish: {match: '") + url + "', pipeline: a}\n");
    };
    const auto play = [&](const char *url) {
        return error_of(std::string("play: {match: '") + url + "', pipeline: a}\n");
    };
    fail_unless_equals_string(publish("http://:1/live/{name}/whip").c_str(), "");
    fail_unless_equals_string(play("https://:1/live/{name}/whep").c_str(), "");
    fail_unless_equals_string(play("http://:1/live/{name}.ts").c_str(), "");
    for (const char *url : {"http://:1/live/{name}", "https://:1/live/{name}.flv",
                            "http://:1/live/{name}/whep", "http://:1/live/{name}/index.m3u8"}) {
        const std::string error = publish(url);
        fail_unless(error.find("come to a path that ends in /whip") != error.npos &&
                        error.find("write http://${http}/live/{name}/whip") != error.npos,
                    "%s", error.c_str());
    }
    fail_unless(play("http://:1/live/{name}/whip").find("ends in /whep") != std::string::npos);
}
GST_END_TEST

GST_START_TEST(test_rtc) {
    description::Problems problems;
    const auto described =
        description::load_description(description::Source("rtc", rtc_text), problems);
    fail_unless(described != nullptr, "%s", problems.empty() ? "" : problems[0].what.c_str());
    std::vector<std::string> errors;
    description::Binding binding(
        *described, {}, [](const char *) -> const char * { return nullptr; }, errors);
    std::string error;
    for (const auto *match : {&described->publish[0].match, &described->play[0].matches[0]}) {
        const auto pattern = description::PathPattern::make(*match, binding, &error);
        fail_unless(pattern && pattern->protocol().name == "rtc", "%s", error.c_str());
    }
    // The UDP ports of both, one of them by default; and what opens the listener.
    using Kind = supervisor::Endpoint::Kind;
    std::string media;
    bool has_match = false;
    for (const auto &endpoint : supervisor::find_endpoints(binding)) {
        fail_unless_equals_string(endpoint.protocol->name.c_str(), "rtc");
        if (endpoint.kind == Kind::media)
            media += supervisor::address_of(endpoint, binding, &error)->to_string() + " ";
        if (!endpoint.rule) continue;
        has_match = true;
        fail_unless(supervisor::property_of(endpoint, binding, "udp") == ":8190");
        fail_unless(supervisor::property_of(endpoint, binding, "announce") == "192.0.2.1");
        fail_if(supervisor::property_of(endpoint, binding, "ice-servers"));
        fail_if(supervisor::property_of(endpoint, binding, "location")); // has a capture
    }
    fail_unless(has_match);
    fail_unless_equals_string(media.c_str(), ":8190 :8189 ");
    std::string urls;
    for (const auto &url : cli::urls_of(binding))
        urls += url.kind + " " + url.text + "\n";
    fail_unless_equals_string(urls.c_str(),
                              "whip http://127.0.0.1:8080/live/NAME/whip  bearer token KEY\n"
                              "whep http://127.0.0.1:8080/live/NAME/whep\n");
    // rtcpushsink publishes it; `penstock test` receives what is played.
    expect::Bench bench(binding);
    fail_unless_equals_int(bench.publish_urls().size(), 1);
    fail_unless(bench.publish_urls()[0].ends_with("/whip?key=k"));
    const auto outputs = bench.outputs();
    fail_unless(outputs.size() == 1 && outputs[0].label == "rtc live/test/whep");
    fail_unless(outputs[0].receive.starts_with("rtcpullsrc name=src "));
    fail_unless(bench.choose_addresses({}, &error), "%s", error.c_str());
    fail_unless_equals_string(binding.find("udp")->text.c_str(), "127.0.0.1:0");
}
GST_END_TEST

GST_START_TEST(test_rtc_notes) {
    const auto *rtc = protocols::find_protocol("rtc");
    const auto note = [&](const char *udp, const char *announce) {
        return rtc->note("rtcserversink", [&](const char *name) -> std::optional<std::string> {
            return std::string_view(name) == "udp" ? udp : announce;
        });
    };
    fail_unless_equals_string(note(":8189", "203.0.113.7,2001:db8::7").c_str(),
                              "peers come to 203.0.113.7, 2001:db8::7");
    fail_unless_equals_string(note("127.0.0.1:8189", "").c_str(),
                              "this machine alone reaches it: set announce; at 127.0.0.1");
    fail_unless_equals_string(
        note("127.0.0.1:8189", "192.168.1.5").c_str(),
        "this network alone reaches it: set announce for others; at 192.168.1.5");
    fail_unless_equals_string(note(":8189", "172.31.0.1,198.51.100.1").c_str(),
                              "peers come to 172.31.0.1, 198.51.100.1");
    fail_unless_equals_string(note(":8189", "example.org").c_str(), "");
    // Whatever addresses this machine has.
    fail_if(note(":8189", "").empty());
}
GST_END_TEST

/// "kind url" of the lines of some kinds that a pipeline of ours shows with these settings.
static std::string urls_of(const std::string &name,
                           const std::map<std::string, std::string> &settings,
                           const std::set<std::string> &kinds) {
    const std::string path =
        std::string(std::getenv("PENSTOCK_SOURCE_ROOT")) + "/pipelines/" + name + ".yaml";
    description::Problems problems;
    description::Source source;
    const auto described = description::load_description_file(path, source, problems);
    fail_unless(described != nullptr, "%s", problems.empty() ? "" : problems[0].what.c_str());
    std::vector<std::string> errors;
    const description::Binding binding(
        *described, settings, [](const char *) -> const char * { return nullptr; }, errors);
    fail_unless(errors.empty(), "%s", errors.empty() ? "" : errors[0].c_str());
    std::string out;
    for (const auto &url : cli::urls_of(binding))
        if (kinds.contains(url.kind)) out += url.kind + " " + url.text + "\n";
    return out;
}

/// The same of `live` for RTMP.
static std::string urls_of_live(std::map<std::string, std::string> settings) {
    settings.insert({{"srt", "off"}, {"rtsp", "off"}});
    return urls_of("live", settings,
                   {"publish", "publish-tls", "play", "play-tls", "obs-multitrack"});
}

// A match that begins with rtmp:// is for the scheme of the rule's receiver.
GST_START_TEST(test_rtmps_urls) {
    const std::string asked = "obs-multitrack obs --config-url http://127.0.0.1:8080/multitrack/"
                              "live\n";
    fail_unless_equals_string(urls_of_live({}).c_str(),
                              ("publish rtmp://127.0.0.1:1935/live/NAME\n" + asked +
                               "play rtmp://127.0.0.1:1935/live/NAME\n")
                                  .c_str());
    const std::map<std::string, std::string> files = {{"tls-certificate", "a"}, {"tls-key", "b"}};
    fail_unless_equals_string(urls_of_live(files).c_str(),
                              ("publish rtmp://127.0.0.1:1935/live/NAME\n"
                               "publish-tls rtmps://127.0.0.1:1935/live/NAME\n" +
                               asked +
                               "play rtmp://127.0.0.1:1935/live/NAME\n"
                               "play-tls rtmps://127.0.0.1:1935/live/NAME\n")
                                  .c_str());
    auto only = files;
    only["ingest"] = "rtmps";
    fail_unless_equals_string(urls_of_live(only).c_str(),
                              ("publish rtmps://127.0.0.1:1935/live/NAME\n" + asked +
                               "play rtmps://127.0.0.1:1935/live/NAME\n")
                                  .c_str());
}
GST_END_TEST

// The MPD is where segments are in CMAF.
GST_START_TEST(test_dash_urls) {
    const auto shown = [](const char *name, const char *latency) {
        return urls_of(name, {{"latency", latency}}, {"hls", "dash"});
    };
    const std::string live = "hls http://127.0.0.1:8080/live/NAME/index.m3u8\n";
    fail_unless_equals_string(shown("live", "normal").c_str(), live.c_str());
    for (const char *latency : {"low", "low-dash"})
        fail_unless_equals_string(
            shown("live", latency).c_str(),
            (live + "dash http://127.0.0.1:8080/live/NAME/index.mpd\n").c_str());
    const std::string ladder = "hls http://127.0.0.1:8080/live/NAME_ladder/index.m3u8\n";
    fail_unless_equals_string(shown("ladder", "normal").c_str(), ladder.c_str());
    fail_unless_equals_string(
        shown("ladder", "low").c_str(),
        (ladder + "dash http://127.0.0.1:8080/live/NAME_ladder/index.mpd\n").c_str());
    // Files have no URL.
    fail_unless_equals_string(
        urls_of("file-to-hls", {{"file", "a.mp4"}, {"to", "www"}}, {"hls", "dash"}).c_str(), "");
}
GST_END_TEST

static Suite *protocols_suite() {
    Suite *suite = suite_create("protocols");
    TCase *tests = tcase_create("protocols");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_names_stand_in_the_table_only);
    tcase_add_test(tests, test_elements);
    tcase_add_test(tests, test_protocol_joins);
    tcase_add_test(tests, test_rtmps_urls);
    tcase_add_test(tests, test_dash_urls);
    tcase_add_test(tests, test_http_protocols);
    tcase_add_test(tests, test_rtc);
    tcase_add_test(tests, test_rtc_notes);
    return suite;
}
GST_CHECK_MAIN(protocols)

// SPDX-License-Identifier: LGPL-2.1-or-later
// URLs of HTTP servers, references in their answers, and the ICE servers that these offer.
#include "core/http/url.h"
#include "core/net/rtc/ice_links.h"
#include "core/net/rtc/options.h"

#include <string>

#include "check.hpp"

using namespace penstock;

namespace {

std::string text_of(const std::optional<http::Url> &url) {
    if (!url) return "(none)";
    return (url->is_secure ? "https://" : "http://") + url->authority() + url->target;
}

void resolves(const char *base, const char *reference, const char *wanted) {
    const auto from = http::parse_url(base);
    fail_unless(from.has_value(), "%s", base);
    fail_unless_equals_string(text_of(http::resolve_url(*from, reference)).c_str(), wanted);
}

std::string links(std::string_view header) {
    std::vector<net::IceServer> servers;
    net::read_ice_links(header, servers);
    std::string out;
    for (const auto &server : servers)
        out += net::slashed_url(server) + " ";
    return out;
}

} // namespace

GST_START_TEST(test_urls) {
    const auto url = http::parse_url("https://media.example.org:8443/live/whip?k=1");
    fail_unless(url && url->is_secure && url->port == 8443);
    fail_unless_equals_string(url->host.c_str(), "media.example.org");
    fail_unless_equals_string(url->target.c_str(), "/live/whip?k=1");
    fail_unless_equals_string(url->shown().c_str(), "https://media.example.org:8443/live/whip");
    fail_unless_equals_string(text_of(http::parse_url("http://[::1]:80?x")).c_str(),
                              "http://[::1]/?x");
    fail_unless_equals_string(text_of(http::parse_url("http://h:443/")).c_str(), "http://h:443/");
    for (const char *wrong :
         {"", "h/x", "ftp://h/", "http://", "http:///x", "http://h:0/", "http://h:65536/",
          "http://h:8x/", "http://h:/", "http://u@h/", "http://[::1/", "http://[::1]x/",
          "http://h/#f", "http://h/ x", "http://h/\r\nX: y", "http://h/\x80"})
        fail_if(http::parse_url(wrong).has_value(), "%s", wrong);
    fail_if(http::parse_url("http://h/" + std::string(http::max_url_size, 'a')).has_value());
}
GST_END_TEST

GST_START_TEST(test_references) {
    const char *base = "https://h:8443/live/cam/whip?key=1";
    resolves(base, "https://other/x?y", "https://other/x?y");
    resolves(base, "http://other/x", "http://other/x");
    resolves(base, "//other:1/x", "https://other:1/x");
    resolves(base, "/sessions/7", "https://h:8443/sessions/7");
    resolves(base, "whip/7?a=b", "https://h:8443/live/cam/whip/7?a=b");
    resolves(base, "../7", "https://h:8443/live/7");
    resolves(base, "../../../../7/.", "https://h:8443/7/");
    resolves(base, "/a/../b/..", "https://h:8443/");
    resolves(base, "?x", "https://h:8443/live/cam/whip?x");
    resolves("http://[::1]:90/", "a", "http://[::1]:90/a");
    for (const char *wrong : {"", "ftp://h/x", "javascript:1", "/a b", "/a#b", "//", "/a\r\nb"})
        resolves(base, wrong, "(none)");
}
GST_END_TEST

GST_START_TEST(test_ice_links) {
    fail_unless_equals_string(links("<stun:stun.example.org>; rel=\"ice-server\"").c_str(),
                              "stun://stun.example.org ");
    fail_unless_equals_string(
        links("<turn:t.example.org:3478?transport=udp>; rel=\"ice-server\"; "
              "username=\"u:\\\"1\\\"\"; credential=\"p@,;<\"; credential-type=\"password\" , "
              "<stuns:[2001:db8::1]:99>;rel=Ice-Server")
            .c_str(),
        "turn://u%3A%221%22:p%40%2C%3B%3C@t.example.org:3478?transport=udp "
        "stuns://[2001:db8::1]:99 ");
    // Other links, servers without what they need, and broken text.
    for (const char *none :
         {"", "<stun:h>", "<stun:h>; rel=next", "<http://h/>; rel=ice-server",
          "<turn:h>; rel=ice-server", "<turn:h>; rel=ice-server; username=u",
          "<turn:u:p@h>; rel=ice-server", "<stun:a,stun:b>; rel=ice-server",
          "stun:h; rel=ice-server", "<stun:h", "<>; rel=ice-server", ";;;,,,<", "<stun:>;rel="})
        fail_unless_equals_string(links(none).c_str(), "");
    fail_unless_equals_string(links("<stun:h>; rel=ice-server, <stun:h>; rel=ice-server").c_str(),
                              "stun://h ");
    std::string many;
    for (int i = 0; i < 99; ++i)
        many += "<stun:h" + std::to_string(i) + ">; rel=ice-server, ";
    std::vector<net::IceServer> servers;
    net::read_ice_links(many, servers);
    fail_unless_equals_int(int(servers.size()), int(net::max_ice_servers));
}
GST_END_TEST

static Suite *http_url_suite() {
    Suite *s = suite_create("http_url");
    TCase *tc = tcase_create("urls");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_urls);
    tcase_add_test(tc, test_references);
    tcase_add_test(tc, test_ice_links);
    return s;
}

GST_CHECK_MAIN(http_url)

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "onvif/messages.h"

#include "authorize/url.h"
#include "core/rtsp/url.h"

#include <glib.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace penstock::onvif {
namespace {

constexpr const char *security_ns =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
constexpr const char *utility_ns =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
constexpr const char *token_profile =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0";
constexpr const char *base64_type = "http://docs.oasis-open.org/wss/2004/01/"
                                    "oasis-200401-wss-soap-message-security-1.0#Base64Binary";
constexpr size_t max_addresses = 8;

std::string base64(const void *data, size_t size) {
    const std::unique_ptr<char, decltype(&g_free)> text(
        g_base64_encode(static_cast<const guchar *>(data), size), g_free);
    return text.get();
}

/// For people: bounded, without control characters.
std::string shown(std::string text) {
    for (char &c : text)
        if ((c >= 0 && c < ' ') || c == '\x7F') c = ' ';
    if (text.size() <= max_name) return text;
    text.resize(max_name);
    // Nothing that is half a character stays.
    const char *bad = nullptr;
    if (!g_utf8_validate(text.data(), gssize(text.size()), &bad))
        text.resize(static_cast<size_t>(bad - text.data()));
    return text;
}

bool is_plain_url(std::string_view text) {
    return text.size() <= 2048 &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7F'; });
}

std::optional<authorize::Url> web_url(std::string_view text) {
    return is_plain_url(text) ? authorize::Url::parse(text) : std::nullopt;
}

std::vector<std::string> words_of(const std::string &text) {
    std::vector<std::string> out;
    for (size_t at = 0; at < text.size();) {
        const size_t begin = text.find_first_not_of(" \t\r\n", at);
        if (begin == text.npos) break;
        at = std::min(text.find_first_of(" \t\r\n", begin), text.size());
        out.push_back(text.substr(begin, at - begin));
    }
    return out;
}

/// "onvif://www.onvif.org/name/My%20camera"
std::string scope_of(const std::vector<std::string> &scopes, std::string_view kind) {
    const std::string prefix = "onvif://www.onvif.org/" + std::string(kind) + "/";
    for (const std::string &scope : scopes) {
        if (!scope.starts_with(prefix)) continue;
        const std::unique_ptr<char, decltype(&g_free)> text(
            g_uri_unescape_string(scope.c_str() + prefix.size(), nullptr), g_free);
        if (text && g_utf8_validate(text.get(), -1, nullptr)) return shown(text.get());
    }
    return {};
}

unsigned number_of(const std::string &text) {
    const unsigned long value = std::strtoul(text.c_str(), nullptr, 10);
    return value <= 65'536 ? static_cast<unsigned>(value) : 0;
}

} // namespace

std::string probe(std::string_view id) {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
           "<e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\""
           " xmlns:w=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\""
           " xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\""
           " xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\"><e:Header>"
           "<w:MessageID>uuid:" +
           std::string(id) +
           "</w:MessageID><w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>"
           "<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>"
           "<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body>"
           "</e:Envelope>";
}

std::vector<Found> read_probe_matches(std::string_view text, std::string_view id,
                                      std::string_view sender) {
    const auto root = parse_xml(text);
    const Element *relates = root ? root->search("RelatesTo") : nullptr;
    const Element *matches = root ? root->search("ProbeMatches") : nullptr;
    if (!matches || !relates || relates->text.find(id) == std::string::npos) return {};
    std::vector<Found> out;
    for (const Element *match : matches->all("ProbeMatch")) {
        Found found;
        found.id = match->text_of("EndpointReference/Address");
        const auto scopes = words_of(match->text_of("Scopes"));
        found.name = scope_of(scopes, "name");
        found.hardware = scope_of(scopes, "hardware");
        for (const std::string &address : words_of(match->text_of("XAddrs")))
            if (const auto url = web_url(address);
                url && url->host == sender && found.addresses.size() < max_addresses)
                found.addresses.push_back(address);
        if (!found.addresses.empty()) out.push_back(std::move(found));
    }
    return out;
}

std::string envelope(std::string_view header, std::string_view body) {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
           "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">"
           "<s:Header>" +
           std::string(header) + "</s:Header><s:Body>" + std::string(body) +
           "</s:Body></s:Envelope>";
}

std::string security_header(const Credentials &credentials, int64_t created,
                            std::string_view nonce) {
    const std::unique_ptr<GDateTime, decltype(&g_date_time_unref)> time(
        g_date_time_new_from_unix_utc(created), g_date_time_unref);
    if (!time) return {};
    const std::unique_ptr<char, decltype(&g_free)> text(
        g_date_time_format(time.get(), "%Y-%m-%dT%H:%M:%SZ"), g_free);
    const std::unique_ptr<GChecksum, decltype(&g_checksum_free)> sum(
        g_checksum_new(G_CHECKSUM_SHA1), g_checksum_free);
    const std::string hashed = std::string(nonce) + text.get() + credentials.password;
    g_checksum_update(sum.get(), reinterpret_cast<const guchar *>(hashed.data()),
                      gssize(hashed.size()));
    guint8 digest[20];
    gsize size = sizeof digest;
    g_checksum_get_digest(sum.get(), digest, &size);
    return std::string("<w:Security s:mustUnderstand=\"1\" xmlns:w=\"") + security_ns +
           "\" xmlns:u=\"" + utility_ns + "\"><w:UsernameToken><w:Username>" +
           escaped(credentials.user) + "</w:Username><w:Password Type=\"" + token_profile +
           "#PasswordDigest\">" + base64(digest, size) + "</w:Password><w:Nonce EncodingType=\"" +
           base64_type + "\">" + base64(nonce.data(), nonce.size()) + "</w:Nonce><u:Created>" +
           text.get() + "</u:Created></w:UsernameToken></w:Security>";
}

std::string get_time() {
    return "<GetSystemDateAndTime xmlns=\"http://www.onvif.org/ver10/device/wsdl\"/>";
}

std::string get_capabilities() {
    return "<GetCapabilities xmlns=\"http://www.onvif.org/ver10/device/wsdl\">"
           "<Category>All</Category></GetCapabilities>";
}

std::string get_profiles() {
    return "<GetProfiles xmlns=\"http://www.onvif.org/ver10/media/wsdl\"/>";
}

std::string get_stream_uri(std::string_view profile_token) {
    return "<GetStreamUri xmlns=\"http://www.onvif.org/ver10/media/wsdl\"><StreamSetup>"
           "<Stream xmlns=\"http://www.onvif.org/ver10/schema\">RTP-Unicast</Stream>"
           "<Transport xmlns=\"http://www.onvif.org/ver10/schema\"><Protocol>RTSP</Protocol>"
           "</Transport></StreamSetup><ProfileToken>" +
           escaped(profile_token) + "</ProfileToken></GetStreamUri>";
}

std::optional<Element> read_answer(std::string_view text, std::string *error) {
    auto root = parse_xml(text);
    const Element *body = root ? root->find("Body") : nullptr;
    if (!body || body->children.empty()) {
        *error = "it answers with something other than SOAP";
        return std::nullopt;
    }
    if (const Element *fault = body->find("Fault")) {
        std::string reason = fault->text_of("Reason/Text");
        if (reason.empty()) reason = fault->text_of("faultstring");
        const Element *code = fault->find("Code/Subcode");
        std::string subcode;
        for (; code; code = code->find("Subcode"))
            subcode += (subcode.empty() ? "" : " ") + code->text_of("Value");
        *error = shown(reason.empty() ? "it refuses, without saying why" : reason) +
                 (subcode.empty() ? "" : " (" + shown(subcode) + ")");
        return std::nullopt;
    }
    return body->children.front();
}

bool is_refusal(std::string_view error) {
    for (const std::string_view word : {"NotAuthorized", "FailedAuthentication", "not authorized",
                                        "Not Authorized", "InvalidSecurity"})
        if (error.find(word) != error.npos) return true;
    return false;
}

std::optional<int64_t> read_time(const Element &answer) {
    const Element *utc = answer.search("UTCDateTime");
    if (!utc) return std::nullopt;
    const auto part = [&](const char *path) { return int(number_of(utc->text_of(path))); };
    const std::unique_ptr<GDateTime, void (*)(GDateTime *)> time(
        g_date_time_new_utc(part("Date/Year"), part("Date/Month"), part("Date/Day"),
                            part("Time/Hour"), part("Time/Minute"), part("Time/Second")),
        [](GDateTime *one) {
            if (one) g_date_time_unref(one);
        });
    if (!time) return std::nullopt;
    return g_date_time_to_unix(time.get());
}

std::string read_media_address(const Element &answer) {
    const Element *media = answer.search("Media");
    const std::string address = media ? media->text_of("XAddr") : std::string();
    return web_url(address) ? address : std::string();
}

std::vector<Profile> read_profiles(const Element &answer) {
    std::vector<Profile> out;
    for (const Element *element : answer.all("Profiles")) {
        if (out.size() == max_profiles) break;
        Profile profile;
        profile.token = element->attribute("token");
        if (profile.token.empty() || profile.token.size() > max_name) continue;
        profile.name = shown(element->text_of("Name"));
        if (const Element *video = element->find("VideoEncoderConfiguration")) {
            profile.codec = shown(video->text_of("Encoding"));
            profile.width = number_of(video->text_of("Resolution/Width"));
            profile.height = number_of(video->text_of("Resolution/Height"));
            const double fps =
                g_ascii_strtod(video->text_of("RateControl/FrameRateLimit").c_str(), nullptr);
            profile.fps = fps > 0 && fps < 1'000 ? fps : 0;
        }
        out.push_back(std::move(profile));
    }
    return out;
}

std::string read_stream_uri(const Element &answer) {
    const Element *uri = answer.search("Uri");
    return uri && is_plain_url(uri->text) && rtsp::parse_url(uri->text) ? uri->text : std::string();
}

} // namespace penstock::onvif

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/reason.h"

#include "delay/probe.h"

#include <gio/gio.h>

#include <string_view>

namespace penstock::delay {
namespace {

bool has(const std::string &text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string port_of(const net::Address &address) {
    return "UDP port " + std::to_string(address.port);
}

std::string srt_reason(const std::string &url, const Failure &failure) {
    const net::Address address = address_of(url);
    const bool waits = address.host.empty() || has(url, "mode=listener");
    if (address.port == 0) return "that URL has no port: srt://HOST:PORT";
    if (has(failure.detail, "authenticate"))
        return "the other end wants another passphrase: ?passphrase=WORDS&pbkeylen=16 must be as "
               "it is there";
    if (has(failure.detail, "passphrase"))
        return "a passphrase of SRT has 10 to 79 characters, and its pbkeylen is 16, 24 or 32";
    if (waits && has(failure.detail, "bind"))
        return port_of(address) +
               " can't be listened on: is another program there, or is that address not this "
               "machine's?";
    if (waits)
        return "nobody has called " + port_of(address) +
               ": does a sender call this machine there (mode=caller), and does a firewall let it "
               "in?";
    if (std::string reason = probe_name(address.host); !reason.empty()) return reason;
    if (failure.message.empty() || has(failure.detail, "imeout") || has(failure.detail, "time out"))
        return "nobody answers SRT on " + port_of(address) + " of " + address.host +
               ": does a sender listen there (mode=listener), and does a firewall let it through? "
               "srt://:PORT?mode=listener waits for one that calls";
    return failure.message + (failure.detail.empty() ? "" : " (" + failure.detail + ")");
}

std::string datagram_reason(const Protocol &protocol, const std::string &url,
                            const Failure &failure) {
    const net::Address address = address_of(url);
    if (!failure.message.empty() && !address.host.empty()) {
        return address.host + " and " + port_of(address) + " can't be received on (" +
               (failure.detail.empty() ? failure.message : failure.detail) + "): say " +
               protocol.scheme +
               "://0.0.0.0:PORT, an address of this machine or a multicast group; is another "
               "program on that port?";
    }
    const bool is_rtp = std::string_view(protocol.scheme) == "rtp";
    return "no picture came: does somebody send MPEG-TS" + std::string(is_rtp ? " in RTP" : "") +
           " to " + port_of(address) + " of this machine, and does a firewall let it in?";
}

} // namespace

std::string why_nothing_came(const Protocol &protocol, const std::string &url,
                             const Failure &failure) {
    const std::string_view scheme = protocol.scheme;
    if (scheme == "srt") return srt_reason(url, failure);
    if (scheme == "udp" || scheme == "rtp") return datagram_reason(protocol, url, failure);
    if (scheme == "http" || scheme == "rtmp")
        if (std::string reason = probe_server(protocol, url); !reason.empty()) return reason;
    // An element that can't go on says so after the one that knows why.
    const bool is_told = !failure.message.empty() && !failure.message.starts_with("Internal data");
    if (is_told && scheme == "rtmp")
        return "the server does not play it (" + failure.message +
               "): is the stream published, under that name, and does the URL want a key?";
    if (is_told && scheme == "http")
        return "the server answers, but not with what can be read (" + failure.message +
               "): is that the URL of a live stream?";
    if (is_told) return failure.message;
    if (scheme == "http")
        return "the server answers, but no picture came: is the stream published, and does it have "
               "H.264, H.265, AV1, VP8 or VP9?";
    return "no picture came: is the stream published, under that name?";
}

bool trust(const std::string &file, std::string *error) {
    GError *failed = nullptr;
    GList *found = g_tls_certificate_list_new_from_file(file.c_str(), &failed);
    const bool has_some = found != nullptr;
    g_list_free_full(found, g_object_unref);
    // The database wants an absolute path.
    char *path = g_canonicalize_filename(file.c_str(), nullptr);
    GTlsDatabase *database = has_some ? g_tls_file_database_new(path, &failed) : nullptr;
    g_free(path);
    if (!database) {
        *error = "no certificate can be read from " + file + ": " +
                 (failed ? failed->message : "there is none in it");
        g_clear_error(&failed);
        return false;
    }
    g_tls_backend_set_default_database(g_tls_backend_get_default(), database);
    g_object_unref(database);
    return true;
}

} // namespace penstock::delay

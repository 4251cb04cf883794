// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/reason.h"

#include <gio/gio.h>

#include <memory>
#include <string_view>

namespace penstock::delay {
namespace {

constexpr guint patience = 5; // seconds

struct Unref {
    void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using Ptr = std::unique_ptr<T, Unref>;

std::string take(GError *error) {
    std::string out = error ? error->message : "no reason given";
    g_clear_error(&error);
    return out;
}

/// The first line of what it answers to a GET; the rest is not read.
std::string status_of(GSocketConnection *connection, const std::string &host,
                      const std::string &path) {
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
    GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
    if (!g_output_stream_write_all(out, request.data(), request.size(), nullptr, nullptr, nullptr))
        return "";
    const Ptr<GDataInputStream> in(
        g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection))));
    g_data_input_stream_set_newline_type(in.get(), G_DATA_STREAM_NEWLINE_TYPE_ANY);
    char *line = g_data_input_stream_read_line(in.get(), nullptr, nullptr, nullptr);
    const std::string status = line ? line : "";
    g_free(line);
    return status;
}

} // namespace

std::string http_reason(const std::string &url) {
    GError *error = nullptr;
    GUri *parsed = g_uri_parse(url.c_str(), G_URI_FLAGS_ENCODED, &error);
    if (!parsed) return take(error);
    const std::unique_ptr<GUri, decltype(&g_uri_unref)> uri(parsed, &g_uri_unref);
    const bool is_secure = std::string_view(g_uri_get_scheme(parsed)) == "https";
    const std::string host = g_uri_get_host(parsed) ? g_uri_get_host(parsed) : "";
    const int given = g_uri_get_port(parsed);
    const auto port = guint16(given > 0 ? given : is_secure ? 443 : 80);
    const Ptr<GSocketClient> client(g_socket_client_new());
    g_socket_client_set_timeout(client.get(), patience);
    g_socket_client_set_tls(client.get(), is_secure);
    const Ptr<GSocketConnection> connection(
        g_socket_client_connect_to_host(client.get(), host.c_str(), port, nullptr, &error));
    if (!connection) return with_remedy(take(error));
    const char *query = g_uri_get_query(parsed);
    const std::string path = g_uri_get_path(parsed);
    const std::string status =
        status_of(connection.get(), host + ":" + std::to_string(port),
                  (path.empty() ? "/" : path) + (query ? std::string("?") + query : std::string()));
    const size_t code = status.find(' ');
    if (!status.starts_with("HTTP/") || code == std::string::npos)
        return is_secure ? "what answers there is no web server"
                         : "what answers there is no web server, or one that wants https://";
    if (status[code + 1] == '2' || status[code + 1] == '3') return "";
    return "the server answers " + status.substr(code + 1) +
           (status[code + 1] == '4' ? ": is that stream published, under that name?" : "");
}

std::string with_remedy(const std::string &failure) {
    if (failure.find("TLS certificate") == std::string::npos) return failure;
    return failure + ": this machine does not trust the server's certificate; --tls-ca FILE names "
                     "one (PEM) that it is to trust";
}

std::string why_no_picture(const Protocol &protocol) {
    const std::string_view scheme = protocol.scheme;
    if (scheme == "http")
        return "the server answers, but no picture came: is the stream published, and does it have "
               "H.264, H.265, AV1, VP8 or VP9?";
    if (scheme == "udp" || scheme == "rtp")
        return "no picture came: does somebody send MPEG-TS" +
               std::string(scheme == "rtp" ? " in RTP" : "") +
               " to that port of this machine, and does a firewall let it in?";
    if (scheme == "srt")
        return "no picture came: does somebody listen there? srt://:PORT?mode=listener waits for "
               "one that calls";
    return "no picture came: is the stream published, under that name?";
}

bool trust(const std::string &file, std::string *error) {
    GError *failed = nullptr;
    GList *found = g_tls_certificate_list_new_from_file(file.c_str(), &failed);
    const bool has_some = found != nullptr;
    g_list_free_full(found, g_object_unref);
    // The database wants an absolute path.
    char *path = g_canonicalize_filename(file.c_str(), nullptr);
    const Ptr<GTlsDatabase> database(has_some ? g_tls_file_database_new(path, &failed) : nullptr);
    g_free(path);
    if (!database) {
        *error = "no certificate can be read from " + file +
                 (failed ? ": " + take(failed) : ": there is none in it");
        return false;
    }
    g_tls_backend_set_default_database(g_tls_backend_get_default(), database.get());
    return true;
}

} // namespace penstock::delay

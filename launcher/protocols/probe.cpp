// SPDX-License-Identifier: LGPL-2.1-or-later
#include "protocols/probe.h"

#include <array>
#include <memory>
#include <string_view>

namespace penstock::protocols {
namespace {

struct Free {
    void operator()(gpointer object) const { g_object_unref(object); }
    void operator()(GError *error) const { g_error_free(error); }
    void operator()(GUri *uri) const { g_uri_unref(uri); }
};
template <class T>
using Ptr = std::unique_ptr<T, Free>;

std::optional<ProbedServer> server_of(const Probe &probe, const std::string &url,
                                      std::string *error) {
    GError *failed = nullptr;
    const Ptr<GUri> uri(g_uri_parse(url.c_str(), G_URI_FLAGS_ENCODED, &failed));
    const Ptr<GError> owner(failed);
    const char *host = uri ? g_uri_get_host(uri.get()) : nullptr;
    if (!host || !*host) {
        *error = "that is no URL of a server: " +
                 std::string(failed ? failed->message : "it names no host");
        return std::nullopt;
    }
    ProbedServer out;
    out.is_secure = std::string_view(g_uri_get_scheme(uri.get())).ends_with('s');
    out.host = host;
    const int port = g_uri_get_port(uri.get());
    const int usual = out.is_secure ? probe.secure_port : probe.port;
    out.port = static_cast<uint16_t>(port > 0 ? port : usual);
    const bool is_ipv6 = out.host.find(':') != std::string::npos;
    out.authority.append(is_ipv6 ? "[" : "").append(out.host).append(is_ipv6 ? "]" : "");
    if (port > 0) out.authority.append(":").append(std::to_string(port));
    const std::string path = g_uri_get_path(uri.get());
    const char *query = g_uri_get_query(uri.get());
    out.path = (path.empty() ? "/" : path) + (query ? std::string("?") + query : std::string());
    return out;
}

std::string unresolved(const std::string &host, const GError &error) {
    if (g_error_matches(&error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND))
        return "no machine is known by the name " + host +
               ": is it spelt right, and does DNS know it here?";
    return "the name " + host + " can't be looked up (" + error.message +
           "): is this machine on the network, and does its DNS server answer?";
}

std::string unconnected(const Probe &probe, const ProbedServer &server, unsigned patience,
                        const GError &error) {
    const auto is = [&](GIOErrorEnum code) {
        return g_error_matches(&error, G_IO_ERROR, code) != FALSE;
    };
    if (error.domain == G_RESOLVER_ERROR) return unresolved(server.host, error);
    if (is(G_IO_ERROR_CONNECTION_REFUSED))
        return "nothing listens on " + server.place() +
               " (connection refused): is the server running, and is that its port?";
    if (is(G_IO_ERROR_TIMED_OUT))
        return server.place() + " does not answer within " + std::to_string(patience) +
               " s: is that machine up, does a firewall let that port through" +
               (server.is_secure ? ", and is it one for TLS?" : "?");
    if (is(G_IO_ERROR_HOST_UNREACHABLE) || is(G_IO_ERROR_NETWORK_UNREACHABLE))
        return "there is no way from here to " + server.host +
               ": are both machines on the network, and is that address right?";
    if (g_error_matches(&error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
        return std::string(error.message) +
               ": this machine does not trust the server's certificate; --tls-ca FILE names one "
               "(PEM) that it is to trust";
    if (server.is_secure)
        return "TLS with " + server.place() + " could not be set up (" + error.message +
               "): is it a port for TLS, or one for " + probe.plain + "?";
    return std::string(error.message) + ": is the server running on " + server.place() + "?";
}

} // namespace

std::string ProbedServer::place() const {
    return "port " + std::to_string(port) + " of " + host;
}

std::string silent_server(const ProbedConnection &connection, const std::string &title) {
    return connection.server.place() + " accepts connections but sends nothing for " +
           std::to_string(connection.asking.patience) +
           " s: does that server still work, and does it speak " + title + "?";
}

std::optional<std::string> answer_to(const ProbedConnection &connection, const std::string &request,
                                     size_t size) {
    GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection.socket));
    GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(connection.socket));
    GCancellable *cancel = connection.asking.cancel;
    // A server may send its answer and close before it has read the whole request, so a failed
    // write is ignored.
    g_output_stream_write_all(out, request.data(), request.size(), nullptr, cancel, nullptr);
    std::string answer;
    std::array<char, 512> piece{};
    while (answer.size() < size && answer.find_first_of("\r\n") == std::string::npos) {
        GError *error = nullptr;
        const gssize got = g_input_stream_read(in, piece.data(), piece.size(), cancel, &error);
        const Ptr<GError> owner(error);
        if (got < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) && answer.empty())
            return std::nullopt;
        if (got <= 0) break;
        answer.append(piece.data(), static_cast<size_t>(got));
    }
    return answer.substr(0, answer.find_first_of("\r\n"));
}

std::string probe_server(const Probe &probe, const std::string &url, const Asking &asking) {
    std::string wrong;
    const auto server = server_of(probe, url, &wrong);
    if (!server) return wrong;
    const Ptr<GSocketClient> client(g_socket_client_new());
    g_socket_client_set_timeout(client.get(), asking.patience);
    g_socket_client_set_tls(client.get(), server->is_secure);
    GError *error = nullptr;
    const Ptr<GSocketConnection> connection(g_socket_client_connect_to_host(
        client.get(), server->host.c_str(), server->port, asking.cancel, &error));
    const Ptr<GError> owner(error);
    if (!connection) return unconnected(probe, *server, asking.patience, *error);
    return probe.ask({connection.get(), *server, asking});
}

std::string probe_name(const std::string &host, GCancellable *cancel) {
    const Ptr<GResolver> resolver(g_resolver_get_default());
    GError *error = nullptr;
    GList *found = g_resolver_lookup_by_name(resolver.get(), host.c_str(), cancel, &error);
    g_resolver_free_addresses(found);
    const Ptr<GError> owner(error);
    return error ? unresolved(host, *error) : "";
}

} // namespace penstock::protocols

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "api/state_server.h"

#include "api/socket_path.h"
#include "gst/ptr.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <list>

namespace penstock::api {
namespace {

constexpr size_t most_clients = 16;
constexpr size_t longest_request = 4096;
constexpr gint64 patience = 60'000'000; // µs
constexpr guint look_around = 10;       // seconds

using nlohmann::json;
using Answer = std::function<std::string()>;

/// A client connection. Reads nothing while an answer is being sent.
class Client {
public:
    Client(GSocketConnection *connection, const Answer &answer)
        : connection_(GstPtr<GObject>::ref(G_OBJECT(connection))),
          socket_(g_socket_connection_get_socket(connection)), answer_(answer) {
        g_socket_set_blocking(socket_, FALSE);
        watch(G_IO_IN);
    }
    ~Client() { unwatch(); }
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    bool is_done() const { return closed_ || g_get_monotonic_time() - last_ > patience; }

private:
    void unwatch() {
        if (!source_) return;
        g_source_destroy(source_);
        g_source_unref(source_);
        source_ = nullptr;
    }
    void watch(GIOCondition condition) {
        unwatch();
        source_ = g_socket_create_source(socket_, condition, nullptr);
        const GSocketSourceFunc ready = [](GSocket *, GIOCondition, gpointer data) -> gboolean {
            return static_cast<Client *>(data)->on_ready();
        };
        g_source_set_callback(source_, G_SOURCE_FUNC(ready), this, nullptr);
        g_source_attach(source_, nullptr);
    }
    gboolean on_ready();
    void read();
    bool write();
    std::string answer_to(const std::string &line) const;

    const GstPtr<GObject> connection_; ///< keeps socket_
    GSocket *const socket_;
    const Answer &answer_;
    GSource *source_ = nullptr;
    gint64 last_ = g_get_monotonic_time(); ///< time of the last read or write
    std::string request_, reply_;
    bool closed_ = false;
};

std::string Client::answer_to(const std::string &line) const {
    const json request = json::parse(line, nullptr, false);
    if (request.is_object() && request.value("get", json()) == "state") return answer_();
    return json{{"error", "send {\"get\":\"state\"} and a newline"}}.dump();
}

gboolean Client::on_ready() {
    const bool was_writing = !reply_.empty();
    if (!was_writing) read();
    if (!closed_ && !write()) closed_ = true;
    if (closed_) {
        g_socket_close(socket_, nullptr);
        return G_SOURCE_REMOVE;
    }
    if (was_writing == !reply_.empty()) return G_SOURCE_CONTINUE;
    watch(reply_.empty() ? G_IO_IN : G_IO_OUT);
    return G_SOURCE_REMOVE;
}

void Client::read() {
    char chunk[1024];
    const gssize size = g_socket_receive(socket_, chunk, sizeof chunk, nullptr, nullptr);
    if (size <= 0) {
        closed_ = true;
        return;
    }
    last_ = g_get_monotonic_time();
    request_.append(chunk, static_cast<size_t>(size));
    // One answer per wake-up, so that a client can't cause work faster than it reads.
    if (const size_t end = request_.find('\n'); end != request_.npos) {
        reply_ = answer_to(request_.substr(0, end)) + "\n";
        request_.erase(0, end + 1);
        // A client that sends more than one request at a time is closed.
        closed_ = !request_.empty();
    } else if (request_.size() > longest_request) {
        closed_ = true;
    }
}

bool Client::write() {
    while (!reply_.empty()) {
        GError *error = nullptr;
        const gssize size = g_socket_send(socket_, reply_.data(), reply_.size(), nullptr, &error);
        if (size < 0) {
            const bool later = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
            g_error_free(error);
            return later;
        }
        last_ = g_get_monotonic_time();
        reply_.erase(0, static_cast<size_t>(size));
    }
    return true;
}

class Server : public StateServer {
public:
    explicit Server(Answer answer) : answer_(std::move(answer)) {}
    ~Server() override {
        if (ticker_) g_source_remove(ticker_);
        if (!service_) return;
        g_socket_service_stop(service_);
        g_socket_listener_close(G_SOCKET_LISTENER(service_));
        g_object_unref(service_);
        unlink(path_.c_str());
    }

    bool listen(std::string *error) {
        const std::string directory = state_directory(true, error);
        if (directory.empty()) return false;
        path_ = directory + "/" + std::to_string(getpid()) + ".sock";
        // Remove the socket of a dead process with the same id.
        unlink(path_.c_str());
        const auto address =
            GstPtr<GObject>::adopt(G_OBJECT(g_unix_socket_address_new(path_.c_str())));
        GSocketService *service = g_socket_service_new();
        GError *why = nullptr;
        const auto socket = GstPtr<GObject>::adopt(reinterpret_cast<GObject *>(g_socket_new(
            G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, &why)));
        auto *listening = reinterpret_cast<GSocket *>(socket.get());
        const auto begin = [&] {
            // The directory keeps other users out; the mode protects the socket as well. It is set
            // before the socket is renamed to its final path, so that it is never accessible to
            // others.
            fchmod(g_socket_get_fd(listening), 0600);
            g_socket_set_listen_backlog(listening, 4 * most_clients);
            return g_socket_bind(listening, G_SOCKET_ADDRESS(address.get()), FALSE, &why) &&
                   g_socket_listen(listening, &why) &&
                   g_socket_listener_add_socket(G_SOCKET_LISTENER(service), listening, nullptr,
                                                &why);
        };
        if (!listening || !begin()) {
            if (error) *error = path_ + ": " + why->message;
            g_error_free(why);
            g_object_unref(service);
            return false;
        }
        service_ = service;
        g_signal_connect(service_, "incoming", G_CALLBACK(on_incoming), this);
        g_socket_service_start(service_);
        ticker_ = g_timeout_add_seconds(
            look_around,
            [](gpointer data) -> gboolean {
                static_cast<Server *>(data)->forget_done();
                return G_SOURCE_CONTINUE;
            },
            this);
        return true;
    }

private:
    static gboolean on_incoming(GSocketService *, GSocketConnection *connection, GObject *,
                                gpointer data) {
        auto *self = static_cast<Server *>(data);
        self->forget_done();
        if (self->clients_.size() < most_clients)
            self->clients_.emplace_back(connection, self->answer_);
        return TRUE;
    }
    void forget_done() {
        clients_.remove_if([](const Client &client) { return client.is_done(); });
    }

    const Answer answer_;
    std::string path_;
    GSocketService *service_ = nullptr;
    guint ticker_ = 0;
    std::list<Client> clients_;
};

} // namespace

std::unique_ptr<StateServer> StateServer::open(std::function<std::string()> answer,
                                               std::string *error) {
    auto server = std::make_unique<Server>(std::move(answer));
    if (!server->listen(error)) return nullptr;
    return server;
}

} // namespace penstock::api

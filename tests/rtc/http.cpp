// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/http.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <system_error>

#include <netdb.h>

namespace rtc_test {
namespace {

constexpr size_t longest_answer = 1 << 20;
constexpr uint64_t patience_ms = 30'000;

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; });
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

/// Takes the chunks of a body off; nullopt: the last has not come.
std::optional<std::string> join_chunks(std::string_view text) {
    std::string out;
    for (;;) {
        const size_t line = text.find("\r\n");
        size_t size = 0;
        if (line == text.npos ||
            std::from_chars(text.data(), text.data() + line, size, 16).ec != std::errc())
            return std::nullopt;
        text.remove_prefix(line + 2);
        if (size == 0) return out;
        if (text.size() < size + 2) return std::nullopt;
        out += text.substr(0, size);
        text.remove_prefix(size + 2);
    }
}

} // namespace

HttpUrl HttpUrl::parse(const std::string &text) {
    constexpr std::string_view scheme = "http://";
    if (!text.starts_with(scheme)) throw std::runtime_error("'" + text + "' is no http:// URL");
    HttpUrl out;
    const std::string rest = text.substr(scheme.size());
    const size_t slash = std::min(rest.find('/'), rest.size());
    out.authority = rest.substr(0, slash);
    if (slash < rest.size()) out.path = rest.substr(slash);
    const size_t colon = out.authority.rfind(':');
    const bool has_port = colon != out.authority.npos && out.authority.back() != ']';
    std::string host = out.authority.substr(0, has_port ? colon : out.authority.size());
    const std::string port = has_port ? out.authority.substr(colon + 1) : "80";
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found))
        throw std::runtime_error("'" + host + ":" + port + "': " + gai_strerror(error));
    std::memcpy(&out.address, found->ai_addr, found->ai_addrlen);
    out.address_size = found->ai_addrlen;
    freeaddrinfo(found);
    return out;
}

HttpUrl HttpUrl::at(std::string_view location) const {
    HttpUrl out = *this;
    if (const size_t scheme = location.find("://"); scheme != location.npos) {
        const size_t slash = location.find('/', scheme + 3);
        out.path = slash == location.npos ? "/" : location.substr(slash);
    } else if (location.starts_with('/')) {
        out.path = location;
    } else {
        out.path.resize(path.rfind('/') + 1);
        out.path += location;
    }
    return out;
}

const std::string *HttpResponse::header(std::string_view name) const {
    const auto found = std::find_if(headers.begin(), headers.end(),
                                    [&](const auto &one) { return one.first == name; });
    return found == headers.end() ? nullptr : &found->second;
}

HttpExchange::HttpExchange(Loop &loop, const HttpUrl &url, const Request &request, Done done)
    : loop_(loop),
      socket_(::socket(url.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      done_(std::move(done)) {
    if (!socket_) throw std::system_error(errno, std::generic_category(), "socket");
    out_ = request.method + " " + url.path + " HTTP/1.1\r\nHost: " + url.authority +
           "\r\nConnection: close\r\n";
    if (!request.type.empty()) out_ += "Content-Type: " + request.type + "\r\n";
    if (!request.body.empty() || request.method == "POST")
        out_ += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    for (const auto &[name, value] : request.headers)
        out_ += name + ": " + value + "\r\n";
    out_ += "\r\n" + request.body;
    // What is known at once is told by the first event.
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr *>(&url.address),
                  url.address_size) < 0 &&
        errno != EINPROGRESS)
        error_ = std::strerror(errno);
    loop_.watch(socket_.get(), EPOLLIN | EPOLLOUT, *this);
    loop_.wake(*this, steady_ms() + patience_ms);
}

HttpExchange::~HttpExchange() {
    if (socket_) loop_.forget(socket_.get(), *this);
}

void HttpExchange::on_ready(uint32_t events) {
    if (!error_.empty()) return finish(std::string(error_));
    if (events == 0) return finish("the server does not answer");
    if (events & EPOLLERR) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        return finish(std::strerror(error ? error : ECONNRESET));
    }
    if (!out_.empty() && (events & EPOLLOUT) && !write()) return finish(std::strerror(errno));
    if (events & (EPOLLIN | EPOLLHUP)) read();
}

bool HttpExchange::write() {
    const ssize_t sent = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    out_.erase(0, size_t(sent));
    if (out_.empty()) loop_.change(socket_.get(), EPOLLIN, *this);
    return true;
}

void HttpExchange::read() {
    std::array<char, 16384> buffer;
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR) finish(std::strerror(errno));
        return;
    }
    in_.append(buffer.data(), size_t(got));
    if (in_.size() > longest_answer) return finish("the answer is too long");
    if (is_complete()) return finish({});
    if (got > 0) return;
    // A body without a length ends with the connection.
    const bool is_short = head_size_ == 0 || response_.header("content-length") ||
                          response_.header("transfer-encoding");
    if (!is_short) response_.body = in_.substr(head_size_);
    finish(is_short ? "the server closed the connection" : "");
}

/// Reads the head once it is there.
bool HttpExchange::is_complete() {
    if (head_size_ == 0) {
        const size_t end = in_.find("\r\n\r\n");
        if (end == in_.npos) return false;
        head_size_ = end + 4;
        std::string_view head(in_.data(), end);
        if (head.size() > 12 && head.starts_with("HTTP/1."))
            std::from_chars(head.data() + 9, head.data() + 12, response_.status);
        for (size_t line = head.find("\r\n"); line != head.npos; line = head.find("\r\n")) {
            head.remove_prefix(line + 2);
            const std::string_view one = head.substr(0, head.find("\r\n"));
            const size_t colon = one.find(':');
            if (colon == one.npos) continue;
            response_.headers.emplace_back(lower(one.substr(0, colon)),
                                           std::string(trimmed(one.substr(colon + 1))));
        }
    }
    const std::string_view body = std::string_view(in_).substr(head_size_);
    if (response_.status == 204 || response_.status == 304) return true;
    if (const std::string *length = response_.header("content-length")) {
        size_t size = 0;
        std::from_chars(length->data(), length->data() + length->size(), size);
        if (body.size() < size) return false;
        response_.body = body.substr(0, size);
        return true;
    }
    if (!response_.header("transfer-encoding")) return false;
    auto joined = join_chunks(body);
    if (joined) response_.body = std::move(*joined);
    return joined.has_value();
}

void HttpExchange::finish(std::string error) {
    error_ = std::move(error);
    loop_.forget(socket_.get(), *this);
    socket_.reset();
    const Done done = std::exchange(done_, {});
    if (done) done(*this); // which may be the end of this
}

} // namespace rtc_test

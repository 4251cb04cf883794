// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/library.h"

#include "core/net/loop/log.h"

#include <cstring>
#include <mutex>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <srt/access_control.h>
#include <srt/srt.h>

namespace penstock::net {
namespace {

/// libsrt would write to stderr. What it says of single packets and handshakes is for developers.
void on_log(void *, int, const char *, int, const char *area, const char *text) {
    std::string line(text ? text : "");
    while (!line.empty() && line.back() == '\n')
        line.pop_back();
    log(LogLevel::debug, "srt", std::string(area ? area : "") + ": " + line);
}

} // namespace

bool start_srt(std::string *error) {
    static std::mutex mutex;
    static bool started = false;
    std::lock_guard lock(mutex);
    if (started) return true;
    if (srt_startup() < 0) {
        if (error) *error = "libsrt can't be started: " + srt_error_text();
        return false;
    }
    srt_setloglevel(SRT_LOG_LEVEL_MIN);
    srt_setlogflags(SRT_LOGF_DISABLE_TIME | SRT_LOGF_DISABLE_THREADNAME |
                    SRT_LOGF_DISABLE_SEVERITY | SRT_LOGF_DISABLE_EOL);
    srt_setloghandler(nullptr, on_log);
    return started = true;
}

std::string srt_error_text(int *system_error) {
    int of_system = 0;
    srt_getlasterror(&of_system);
    if (system_error) *system_error = of_system;
    if (of_system != 0) return std::strerror(of_system);
    std::string text = srt_getlasterror_str();
    while (!text.empty() && (text.back() == '\n' || text.back() == '.' || text.back() == ' '))
        text.pop_back();
    const size_t head = text.find(": ");
    return head == text.npos ? text : text.substr(head + 2);
}

std::string srt_refusal_text(int reason) {
    switch (reason) {
    case SRT_REJ_BADSECRET:
        return "the passphrases differ";
    case SRT_REJ_UNSECURE:
        return "one end has a passphrase and the other has none";
    case SRT_REJ_TIMEOUT:
    case SRT_REJ_UNKNOWN:
        return "nothing answers SRT there";
    case SRT_REJ_BACKLOG:
        return "too many others connect at this moment";
    case SRT_REJX_BAD_REQUEST:
        return "the stream id is not understood there";
    case SRT_REJX_UNAUTHORIZED:
        return "the key is wrong, or missing";
    case SRT_REJX_OVERLOAD:
        return "there are too many connections already";
    case SRT_REJX_FORBIDDEN:
        return "that is forbidden";
    case SRT_REJX_NOTFOUND:
        return "there is no such stream";
    case SRT_REJX_BAD_MODE:
        return "the stream id's mode is not served there";
    case SRT_REJX_CONFLICT:
        return "the name is being published already";
    default:
        break;
    }
    if (reason >= SRT_REJC_PREDEFINED)
        return "refused with code " + std::to_string(reason - SRT_REJC_PREDEFINED);
    return srt_rejectreason_str(reason);
}

bool is_lasting_refusal(int reason) {
    return reason == SRT_REJ_BADSECRET || reason == SRT_REJ_UNSECURE ||
           reason == SRT_REJX_BAD_REQUEST || reason == SRT_REJX_UNAUTHORIZED ||
           reason == SRT_REJX_FORBIDDEN || reason == SRT_REJX_BAD_MODE;
}

std::string endpoint_text(const sockaddr *address) {
    char text[INET6_ADDRSTRLEN] = "";
    if (address->sa_family == AF_INET) {
        const auto *v4 = reinterpret_cast<const sockaddr_in *>(address);
        ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        return std::string(text) + ":" + std::to_string(ntohs(v4->sin_port));
    }
    const auto *v6 = reinterpret_cast<const sockaddr_in6 *>(address);
    const std::string port = ":" + std::to_string(ntohs(v6->sin6_port));
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        ::inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, text, sizeof text);
        return text + port;
    }
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]" + port;
}

bool set_srt(SRTSOCKET socket, SRT_SOCKOPT option, const std::string &text) {
    return srt_setsockflag(socket, option, text.data(), static_cast<int>(text.size())) == 0;
}

std::vector<SocketAddress> own_addresses(const std::string &host, uint16_t port,
                                         std::string *error) {
    std::vector<SocketAddress> found;
    const auto add = [&found](const void *address, size_t size) {
        SocketAddress &each = found.emplace_back();
        std::memcpy(&each.storage, address, size);
        each.size = static_cast<socklen_t>(size);
    };
    if (host.empty()) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        add(&v6, sizeof v6);
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        add(&v4, sizeof v4);
        return found;
    }
    addrinfo hints{}, *list = nullptr;
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_NUMERICSERV;
    const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    for (const addrinfo *each = list; each; each = each->ai_next)
        add(each->ai_addr, each->ai_addrlen);
    if (list) ::freeaddrinfo(list);
    if (failed && error)
        *error = "the host '" + host + "' can't be found: " + ::gai_strerror(failed);
    return found;
}

} // namespace penstock::net

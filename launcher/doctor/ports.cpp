// SPDX-License-Identifier: LGPL-2.1-or-later
// Tries the ports as a listener would and names the process that holds one.
#include "doctor/doctor.h"
#include "supervisor/endpoints.h"
#include "supervisor/listeners.h"
#include "supervisor/port_owner.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>

namespace penstock::doctor {
namespace {

using description::enumerate;
using supervisor::owner_of_port;

struct Use {
    bool named = false;
    /// ": --set rtmp=:PORT"; empty if no parameter has the address.
    std::string setting;
    std::vector<std::string> by;
};

struct FreeInfo {
    void operator()(addrinfo *info) const { freeaddrinfo(info); }
};
using Info = std::unique_ptr<addrinfo, FreeInfo>;

Info resolve(const net::Address &address, int type, int *error) {
    addrinfo hints{};
    hints.ai_family = address.host.empty() ? AF_INET6 : AF_UNSPEC;
    hints.ai_socktype = type;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo *found = nullptr;
    *error = getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(),
                         std::to_string(address.port).c_str(), &hints, &found);
    return Info(*error == 0 ? found : nullptr);
}

struct Socket {
    explicit Socket(const addrinfo &info)
        : descriptor(socket(info.ai_family, info.ai_socktype | SOCK_CLOEXEC, 0)) {}
    ~Socket() {
        if (descriptor >= 0) close(descriptor);
    }
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;
    const int descriptor;
};

/// Returns 0 or the errno that a listener would get.
int try_to_listen(const addrinfo &info) {
    const Socket tried(info);
    if (tried.descriptor < 0) return errno;
    const bool is_tcp = info.ai_socktype == SOCK_STREAM;
    const int on = 1, off = 0;
    // With SO_REUSEADDR, bind() would accept a UDP port that another program has.
    if (is_tcp) setsockopt(tried.descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info.ai_family == AF_INET6)
        setsockopt(tried.descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(tried.descriptor, info.ai_addr, info.ai_addrlen) != 0) return errno;
    return !is_tcp || listen(tried.descriptor, 1) == 0 ? 0 : errno;
}

/// `type`: SOCK_STREAM, or SOCK_DGRAM for UDP.
Finding check_listening(const net::Address &address, int type, const Use &use) {
    const bool is_tcp = type == SOCK_STREAM;
    const std::string subject = address.to_string() + (is_tcp ? "/tcp" : "/udp");
    const std::string users = enumerate(use.by);
    if (address.port == 0)
        return {Status::ok, "ports", subject, "the system chooses; for " + users, ""};
    int unresolved = 0;
    const Info info = resolve(address, type, &unresolved);
    int error = info ? try_to_listen(*info) : 0;
    // A machine without IPv6 listens on IPv4 only.
    if (address.host.empty() && (error == EAFNOSUPPORT || !info)) {
        const Info v4 = resolve({"0.0.0.0", address.port}, type, &unresolved);
        error = v4 ? try_to_listen(*v4) : EAFNOSUPPORT;
    } else if (!info) {
        return {Status::fail, "ports", subject,
                "'" + address.host + "' is no address: " + gai_strerror(unresolved),
                "give an address of this machine, or none for every interface"};
    }
    if (error == 0) return {Status::ok, "ports", subject, "is free; for " + users, ""};
    const Status status = use.named ? Status::fail : Status::warn;
    if (error == EADDRINUSE) {
        const auto owner = is_tcp ? owner_of_port(address.port) : std::nullopt;
        const std::string other = use.setting.empty() ? "change its port in the description"
                                                      : "choose another port" + use.setting;
        return {status, "ports", subject,
                "is in use" + (owner ? " by " + owner->to_string() : "") + "; " + users +
                    " would take it",
                (owner ? "end it, or "
                       : std::string("`sudo ss -l") + (is_tcp ? "t" : "u") + "np sport = :" +
                             std::to_string(address.port) + "` names the program: end it, or ") +
                    other};
    }
    if (error == EACCES)
        return {
            Status::fail, "ports", subject, "may not be opened by this user; for " + users,
            "sudo setcap cap_net_bind_service=+ep \"$(readlink -f \"$(command -v penstock)\")\", "
            "or a port of 1024 or more" +
                use.setting +
                "; for a service "
                "AmbientCapabilities=CAP_NET_BIND_SERVICE"};
    if (error == EADDRNOTAVAIL)
        return {Status::fail, "ports", subject, "is no address of this machine; for " + users,
                "`ip -brief address` lists those it has"};
    return {Status::fail, "ports", subject, std::string(std::strerror(error)) + "; for " + users,
            ""};
}

Finding check_sending(const net::Address &address, const Use &use) {
    const std::string subject = address.to_string() + "/udp";
    int unresolved = 0;
    const Info info = resolve(address, SOCK_DGRAM, &unresolved);
    if (!info)
        return {Status::fail, "ports", subject,
                "'" + address.host + "' has no address: " + gai_strerror(unresolved),
                "check its spelling, or give a number"};
    const Socket tried(*info);
    if (tried.descriptor >= 0 && connect(tried.descriptor, info->ai_addr, info->ai_addrlen) == 0)
        return {Status::ok, "ports", subject,
                "there is a route; " + enumerate(use.by) +
                    (use.by.size() == 1 ? " sends there" : " send there"),
                ""};
    return {use.named ? Status::fail : Status::warn, "ports", subject,
            "can't be reached (" + std::string(std::strerror(errno)) + ") by " + enumerate(use.by),
            "`ip route get " + address.host + "`: is the network up?"};
}

} // namespace

void check_ports(const Subjects &subjects, Findings &out) {
    std::map<net::Address, Use> served, media, sent;
    for (const Subject &subject : subjects) {
        const std::string &name = subject.binding->description().name;
        for (const auto &endpoint : supervisor::find_endpoints(*subject.binding)) {
            std::string error;
            const auto address = supervisor::address_of(endpoint, *subject.binding, &error);
            if (!address) {
                out.push_back({Status::fail, "ports", name, error, ""});
                continue;
            }
            const bool is_media = endpoint.kind == supervisor::Endpoint::Kind::media;
            Use &use = (is_media ? media : endpoint.is_served() ? served : sent)[*address];
            use.named |= subject.named;
            if (endpoint.is_served() && use.setting.empty())
                use.setting = supervisor::set_port(
                    supervisor::parameter_of(endpoint.pieces, description::Type::address,
                                             subject.binding->description()),
                    *address);
            if (use.by.empty() || use.by.back() != name) use.by.push_back(name);
        }
    }
    for (const auto &[address, use] : served)
        out.push_back(check_listening(address, SOCK_STREAM, use));
    for (const auto &[address, use] : media)
        out.push_back(check_listening(address, SOCK_DGRAM, use));
    for (const auto &[address, use] : sent)
        out.push_back(check_sending(address, use));
}

} // namespace penstock::doctor

// SPDX-License-Identifier: LGPL-2.1-or-later
// The launcher's whole knowledge of the example's protocol. In launcher/protocols/ this would be
// lines.cpp with its function lines_protocols(); here it joins a launcher that is already built.
#include "line_server.h"
#include "protocols/mount_listener.h"
#include "protocols/table.h"

namespace penstock::protocols {
namespace {

class LineListener final : public MountListener {
public:
    explicit LineListener(const std::shared_ptr<example::LineServer> &server)
        : MountListener({.server = server,
                         .address = server->address(),
                         .scheme = "lines",
                         .rules = server->rules(),
                         .protocols = {"lines"}}),
          server_(server) {}
    void refuse(const std::string &path, const std::string &reason) override {
        server_->refuse(path, reason);
    }
    void refuse_busy(const std::string &path) override {
        refuse(path, "this name is being published already");
    }

private:
    const std::shared_ptr<example::LineServer> server_;
};

std::shared_ptr<Listener> open(const Opening &opening, std::string *error) {
    const auto server = example::LineServer::open(opening.address, error);
    return server ? std::make_shared<LineListener>(server) : nullptr;
}

std::vector<Port> publish_ports() {
    std::vector<Port> out;
    for (const auto &server : example::LineServer::all())
        out.push_back({"lines", server->address(), server->rules().needs_key()});
    return out;
}

Protocol lines_protocol() {
    Protocol lines;
    lines.name = "lines";
    lines.title = "Lines";
    lines.schemes = {{.name = "lines", .port = 7000, .publish_match = true, .play_match = true}};
    lines.elements = {
        {.factory = "linesserversrc", .role = Role::receive, .key_property = "publish-key"},
        {.factory = "linesserversink", .role = Role::serve}};
    lines.has_players = true;
    lines.publish_example = "lines://${lines}/live/{name}";
    lines.play_example = "lines://${lines}/live/{name}_again";
    lines.sample_url = "lines://127.0.0.1:7000/live/test";
    lines.open = open;
    lines.publish_ports = publish_ports;
    return lines;
}

const Registration registration(lines_protocol());

} // namespace
} // namespace penstock::protocols

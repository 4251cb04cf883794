// SPDX-License-Identifier: LGPL-2.1-or-later
// The element linesserversink: serves buffers of text to any number of players, each as a line.
#include "elements.h"
#include "gst/bytes.h"
#include "gst/server_sink.h"
#include "line_server.h"

using namespace penstock;
using namespace penstock::example;

namespace {

class Feed final : public ServerFeed {
public:
    Feed(std::shared_ptr<LineServer> server, std::unique_ptr<LineFeed> feed, std::string path)
        : server_(std::move(server)), feed_(std::move(feed)), path_(std::move(path)) {}

    Result push(GstBuffer *buffer) override {
        feed_->push(bytes_of(buffer));
        has_begun_ = true;
        return Result::ok();
    }
    bool has_begun() const override { return has_begun_; }
    net::ViewerTotals stats() const override { return feed_->totals(); }
    std::string bound_location() const override {
        return "lines://" + server_->address().to_string() + "/" + path_;
    }

private:
    const std::shared_ptr<LineServer> server_; ///< destroyed after the feed
    const std::unique_ptr<LineFeed> feed_;
    const std::string path_;
    bool has_begun_ = false;
};

std::unique_ptr<ServerFeed> open_feed(const FeedRequest &request, std::string *error) {
    auto server = LineServer::open(request.location.address, error);
    if (!server) return nullptr;
    const ViewerPolicy &viewers = request.settings.viewers;
    const std::string &path = request.location.path;
    auto feed = server->feed(
        path, {viewers.history(), viewers.policy, viewers.ending, request.watch}, error);
    if (!feed) return nullptr;
    return std::make_unique<Feed>(std::move(server), std::move(feed), path);
}

const ServerSinkKind kind{
    .schemes = {"lines"},
    .default_port = 7000,
    .default_location = "lines://127.0.0.1:7000/live/stream",
    .location_blurb = "Address to listen on and name to serve under",
    .caps = "text/x-raw, format=utf8",
    .long_name = "Line server sink",
    .description = "Serves lines of text to any number of players",
    .open = open_feed,
};

} // namespace

struct PenstockLinesServerSink {
    ServerSinkElement parent;
};
struct PenstockLinesServerSinkClass {
    ServerSinkElementClass parent;
};
G_DEFINE_TYPE(PenstockLinesServerSink, penstock_lines_server_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE(linesserversink, "linesserversink", GST_RANK_NONE,
                            penstock_lines_server_sink_get_type())

static void penstock_lines_server_sink_class_init(PenstockLinesServerSinkClass *klass) {
    server_sink_class_init(&klass->parent, kind);
}

static void penstock_lines_server_sink_init(PenstockLinesServerSink *self) {
    server_sink_init(&self->parent);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// The element srtliveserversink: a server sink whose feed is the core library's SRT server.
/**
 * SECTION:element-srtliveserversink
 * @title: srtliveserversink
 * @short_description: serves a stream to any number of SRT callers
 *
 * Listens at the UDP port of `location` and sends its stream to every caller that asks for its path
 * (ffplay, VLC, mpv, srt-live-transmit, srtsrc, decoder boxes). A caller that joins gets the last
 * GOP at once, or what `join` says. FLV is multiplexed into MPEG-TS once for all of them (H.264,
 * HEVC, AAC, MP3, AC-3, Opus; other codecs are left out, with a warning); a transport stream is
 * passed on as it is. Its messages are seven packets long. Each is made once: a caller whose
 * network is too slow skips to a newer keyframe and never makes the others wait; one that takes
 * nothing for `stall-timeout` is closed. `join=fast-forward` is a burst here.
 *
 * When the pipeline stops, callers wait for `grace` (counted from the last media) and watch on if
 * it comes back. Then they are closed, `linger` later at most. They wait only while another element
 * keeps the address open.
 *
 * ## Stream ids
 * Callers say by their stream id which path they mean: `read:live/cam`, `#!::r=live/cam`, or the
 * path alone; in URLs `srt://host:8890?streamid=read:live/cam`. srtliveserversrc has more of that,
 * and of the codes with which handshakes are refused.
 *
 * ## Encryption
 * With `passphrase` callers need the same one; without it they must have none.
 *
 * ## Authorization
 * The signal `authorize` asks the application about each caller, behind the handshake: see
 * rtmpserversink.
 *
 * When not: to send to one address where somebody listens, use srtpushsink.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240 ! x264enc
 * tune=zerolatency key-int-max=60 ! h264parse ! tslivemux ! srtliveserversink
 * location=srt://127.0.0.1:28891/live/test
 * ]|
 * Play it with `ffplay 'srt://127.0.0.1:28891?streamid=read:live/test'`.
 *
 * Since: 0.1.0
 */
#include "srt/srtliveserversink.h"

#include "core/net/srt/server.h"
#include "gst/bytes.h"
#include "gst/flv_sink.h"
#include "gst/guard.h"
#include "gst/server_sink.h"
#include "srt/link_settings.h"

#include <mutex>

using namespace penstock;

struct PenstockSrtServerSink {
    ServerSinkElement parent;
    net::SrtTraits *traits; ///< guarded by the object's lock
};
struct PenstockSrtServerSinkClass {
    ServerSinkElementClass parent;
    guint first_id; ///< of the properties that only this sink has
};
#define SELF(object) (reinterpret_cast<PenstockSrtServerSink *>(object))

G_DEFINE_TYPE(PenstockSrtServerSink, penstock_srt_server_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE(srtliveserversink, "srtliveserversink", GST_RANK_NONE,
                            penstock_srt_server_sink_get_type())

namespace {

class SrtServerFeed final : public ServerFeed {
public:
    SrtServerFeed(GstElement *element, std::shared_ptr<net::SrtServer> server,
                  std::unique_ptr<net::SrtFeed> feed, std::string path)
        : element_(element), server_(std::move(server)), feed_(std::move(feed)),
          path_(std::move(path)) {}

    bool set_caps(const GstCaps *caps) override {
        is_flv_ = gst_structure_has_name(gst_caps_get_structure(caps, 0), "video/x-flv");
        return true;
    }
    Result push(GstBuffer *buffer) override {
        if (!is_flv_) {
            feed_->push(bytes_of(buffer).view());
            return Result::ok();
        }
        Result result = flv_.push(buffer, *feed_);
        if (const std::string left_out = feed_->take_complaint(); !left_out.empty())
            GST_ELEMENT_WARNING(element_, STREAM, FORMAT,
                                ("%s is left out: MPEG-TS over SRT has H.264 and HEVC, AAC, MP3, "
                                 "AC-3 and Opus here. Put copyorencode in front",
                                 left_out.c_str()),
                                ("%s", path_.c_str()));
        return result;
    }
    /// A muxer's list is one frame in packets or datagrams: it leaves as one.
    Result push(GstBufferList *list) override {
        if (is_flv_) return ServerFeed::push(list);
        whole_.clear();
        for (guint i = 0; i < gst_buffer_list_length(list); ++i) {
            const Bytes bytes = bytes_of(gst_buffer_list_get(list, i));
            whole_.insert(whole_.end(), bytes.begin(), bytes.end());
        }
        feed_->push(ByteView(whole_));
        return Result::ok();
    }
    bool has_begun() const override { return is_flv_ ? flv_.any() : feed_->has_begun(); }
    void flush() override { flv_.flush(); }
    net::ViewerTotals stats() const override { return feed_->stats(); }
    void add_stats(GstStructure *stats) const override {
        srt::add_network_stats(stats, feed_->network());
    }
    std::string bound_location() const override {
        return std::string(server_->scheme()) + "://" + server_->address().to_string() + "/" +
               path_;
    }

private:
    GstElement *const element_;
    const std::shared_ptr<net::SrtServer> server_; ///< destroyed after the feed
    const std::unique_ptr<net::SrtFeed> feed_;
    const std::string path_;
    bool is_flv_ = false;
    FlvSink flv_;
    std::vector<uint8_t> whole_; ///< empty between calls; keeps its memory
};

std::unique_ptr<ServerFeed> open_feed(const FeedRequest &request, std::string *error) {
    net::SrtTraits traits;
    GST_OBJECT_LOCK(request.element);
    traits = *SELF(request.element)->traits;
    GST_OBJECT_UNLOCK(request.element);
    auto server = net::SrtServer::open(request.location.address, error);
    if (!server) return nullptr;
    const ViewerPolicy &viewers = request.settings.viewers;
    const std::string &path = request.location.path;
    auto feed = server->feed(
        path, {viewers.history(), viewers.policy, viewers.ending, request.watch}, traits, error);
    if (!feed) return nullptr;
    return std::make_unique<SrtServerFeed>(request.element, std::move(server), std::move(feed),
                                           path);
}

const ServerSinkKind kind{
    .schemes = {"srt"},
    .default_port = 8890,
    .default_location = "srt://127.0.0.1:8890/live/stream",
    .location_blurb = "Address to listen on and name to serve under: srt://host:port/live/name; no "
                      "host: every interface; port 0: any free port",
    .caps = "video/mpegts, systemstream=(boolean)true; video/x-flv",
    .long_name = "SRT server sink",
    .description = "Serves a stream to any number of SRT callers",
    .open = open_feed,
    .more_stats = srt::network_stats,
};

} // namespace

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    const auto *klass = reinterpret_cast<PenstockSrtServerSinkClass *>(G_OBJECT_GET_CLASS(object));
    GST_OBJECT_LOCK(object);
    const bool is_own = srt::set_link_setting(*SELF(object)->traits, klass->first_id, id, value);
    GST_OBJECT_UNLOCK(object);
    if (!is_own) server_sink_set_property(object, id, value, spec);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    const auto *klass = reinterpret_cast<PenstockSrtServerSinkClass *>(G_OBJECT_GET_CLASS(object));
    GST_OBJECT_LOCK(object);
    const bool is_own = srt::get_link_setting(*SELF(object)->traits, klass->first_id, id, value);
    GST_OBJECT_UNLOCK(object);
    if (!is_own) server_sink_get_property(object, id, value, spec);
}

static GObjectFinalizeFunc base_finalize = nullptr;

static void finalize(GObject *object) {
    delete SELF(object)->traits;
    base_finalize(object);
}

static void penstock_srt_server_sink_class_init(PenstockSrtServerSinkClass *klass) {
    klass->first_id = server_sink_class_init(&klass->parent, kind);
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    base_finalize = object_class->finalize;
    object_class->finalize = finalize;
    srt::install_link_settings(object_class, klass->first_id);
}

static void penstock_srt_server_sink_init(PenstockSrtServerSink *self) {
    self->traits = new net::SrtTraits();
    server_sink_init(&self->parent);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// The element linesserversrc: receives one publisher's lines, each as a buffer of text.
#include "elements.h"
#include "gst/bytes.h"
#include "gst/guard.h"
#include "gst/peer_signals.h"
#include "gst/stats.h"
#include "line_server.h"

#include <gst/base/gstpushsrc.h>

#include <condition_variable>
#include <deque>
#include <mutex>

using namespace penstock;
using namespace penstock::example;

namespace {

constexpr size_t most_lines = 1000; ///< queued before the publisher is made to wait

class LineSource final : public LineReceiver {
public:
    void on_published(const net::Publisher &) override { is_published_ = true; }
    void on_unpublished(const std::string &) override { is_published_ = false; }
    bool on_line(Bytes line) override {
        counters_.in(line.size());
        std::lock_guard lock(mutex_);
        lines_.push_back(std::move(line));
        changed_.notify_one();
        return lines_.size() < most_lines;
    }

    bool start(GstElement *element, std::shared_ptr<net::PeerWatch> watch) {
        std::string error;
        const auto location = net::parse_location(location_of(element), 7000, &error);
        if (location && location->scheme != "lines") error = "a location begins with lines://";
        auto server = error.empty() ? LineServer::open(location->address, &error) : nullptr;
        if (server)
            claim_ = server->claim(location->path, *this, {.key = key, .watch = std::move(watch)},
                                   &error);
        if (!claim_)
            GST_ELEMENT_ERROR(element, RESOURCE, OPEN_READ, ("%s", error.c_str()), (nullptr));
        counters_.start();
        return claim_ != nullptr;
    }
    void stop() { claim_.reset(); }
    void set_flushing(bool flushing) {
        {
            std::lock_guard lock(mutex_);
            is_flushing_ = flushing;
            if (flushing) lines_.clear();
            changed_.notify_all();
        }
        // The queue may have been full, and is empty now.
        if (!flushing && claim_) claim_->resume();
    }
    /// Waits for a line; nullptr when flushing.
    GstBuffer *take() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return is_flushing_ || !lines_.empty(); });
        if (is_flushing_) return nullptr;
        const bool was_full = lines_.size() >= most_lines;
        const Bytes line = std::move(lines_.front());
        lines_.pop_front();
        lock.unlock();
        if (was_full) claim_->resume();
        counters_.out(line.size());
        return buffer_of(line).release();
    }
    GstPtr<GstStructure> stats() {
        return counters_.with_peers(is_published_ ? 1 : 0).to_structure();
    }

    std::string location = "lines://127.0.0.1:7000/live/stream", key; ///< guarded by the object

private:
    std::string location_of(GstElement *element) {
        GST_OBJECT_LOCK(element);
        const std::string copy = location;
        GST_OBJECT_UNLOCK(element);
        return copy;
    }

    std::unique_ptr<LineClaim> claim_;
    Counters counters_;
    std::atomic<bool> is_published_{false};
    std::mutex mutex_; ///< guards what follows
    std::condition_variable changed_;
    std::deque<Bytes> lines_;
    bool is_flushing_ = false;
};

enum { PROP_0, PROP_LOCATION, PROP_PUBLISH_KEY, PROP_STATS };
PeerSignals peer_signals;

GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("text/x-raw, format=utf8"));

} // namespace

struct PenstockLinesServerSrc {
    GstPushSrc parent;
    LineSource *impl;
};
struct PenstockLinesServerSrcClass {
    GstPushSrcClass parent;
};
G_DEFINE_TYPE(PenstockLinesServerSrc, penstock_lines_server_src, GST_TYPE_PUSH_SRC)
GST_ELEMENT_REGISTER_DEFINE(linesserversrc, "linesserversrc", GST_RANK_NONE,
                            penstock_lines_server_src_get_type())

static LineSource &impl_of(gpointer object) {
    return *reinterpret_cast<PenstockLinesServerSrc *>(object)->impl;
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *) {
    LineSource &impl = impl_of(object);
    const char *text = g_value_get_string(value);
    GST_OBJECT_LOCK(object);
    (id == PROP_LOCATION ? impl.location : impl.key) = text ? text : "";
    GST_OBJECT_UNLOCK(object);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *) {
    LineSource &impl = impl_of(object);
    if (id == PROP_STATS) return g_value_take_boxed(value, impl.stats().release());
    GST_OBJECT_LOCK(object);
    g_value_set_string(value, id == PROP_LOCATION ? impl.location.c_str() : "(hidden)");
    GST_OBJECT_UNLOCK(object);
}

static void penstock_lines_server_src_class_init(PenstockLinesServerSrcClass *klass) {
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = [](GObject *object) {
        delete &impl_of(object);
        G_OBJECT_CLASS(penstock_lines_server_src_parent_class)->finalize(object);
    };
    const auto flags = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
    g_object_class_install_property(
        object_class, PROP_LOCATION,
        g_param_spec_string("location", "Location", "Address to listen on and name to receive",
                            "lines://127.0.0.1:7000/live/stream", flags));
    g_object_class_install_property(
        object_class, PROP_PUBLISH_KEY,
        g_param_spec_string("publish-key", "Publish key", "Publishers need ?key=THIS", "", flags));
    g_object_class_install_property(
        object_class, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics", "As of every server source", GST_TYPE_STRUCTURE,
                           GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
    peer_signals = install_peer_signals(G_TYPE_FROM_CLASS(klass));
    auto *base = GST_BASE_SRC_CLASS(klass);
    base->start = [](GstBaseSrc *src) -> gboolean {
        return impl_of(src).start(
            GST_ELEMENT(src), make_signal_watch(G_OBJECT(src), peer_signals, PeerEvents::thread));
    };
    base->stop = [](GstBaseSrc *src) -> gboolean { return impl_of(src).stop(), TRUE; };
    base->unlock = [](GstBaseSrc *src) -> gboolean {
        return impl_of(src).set_flushing(true), TRUE;
    };
    base->unlock_stop = [](GstBaseSrc *src) -> gboolean {
        return impl_of(src).set_flushing(false), TRUE;
    };
    GST_PUSH_SRC_CLASS(klass)->create = [](GstPushSrc *src, GstBuffer **buffer) {
        *buffer = impl_of(src).take();
        return *buffer ? GST_FLOW_OK : GST_FLOW_FLUSHING;
    };
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Line server source", "Source/Network",
                                          "Receives lines of text that are published to us",
                                          "The Penstock authors");
}

static void penstock_lines_server_src_init(PenstockLinesServerSrc *self) {
    self->impl = new LineSource;
    gst_base_src_set_live(GST_BASE_SRC(self), TRUE);
    gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
    gst_base_src_set_do_timestamp(GST_BASE_SRC(self), TRUE);
}

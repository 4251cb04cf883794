// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/peer_signals.h"

#include "core/net/rtmp/server.h"
#include "gst/ptr.h"

namespace penstock {
namespace {

/// Limits of concurrent handlers and of questions waiting for one.
constexpr int max_threads = 16;
constexpr guint max_waiting = 1000;

using Work = std::function<void()>;

void run_work(gpointer data, gpointer) {
    const std::unique_ptr<Work> work(static_cast<Work *>(data));
    (*work)();
}

GThreadPool *new_pool(int threads) {
    return g_thread_pool_new(run_work, nullptr, threads, FALSE, nullptr);
}

/// Returns false and drops the work if too much is waiting.
bool run_on(GThreadPool *pool, Work work) {
    if (g_thread_pool_unprocessed(pool) >= max_waiting) return false;
    g_thread_pool_push(pool, new Work(std::move(work)), nullptr);
    return true;
}

void run_on_main_context(Work work) {
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(
        source,
        [](gpointer data) -> gboolean {
            (*static_cast<Work *>(data))();
            return G_SOURCE_REMOVE;
        },
        new Work(std::move(work)), [](gpointer data) { delete static_cast<Work *>(data); });
    g_source_attach(source, nullptr);
    g_source_unref(source);
}

GstPtr<GstStructure> to_structure(const net::PeerInfo &peer) {
    // A string field needs UTF-8, but a peer may send any bytes.
    const auto text = [](const std::string &raw) {
        return GOwned<>(g_utf8_make_valid(raw.c_str(), static_cast<gssize>(raw.size())));
    };
    return GstPtr<GstStructure>::adopt(gst_structure_new(
        "penstock-peer", "id", G_TYPE_STRING, peer.id.c_str(), "protocol", G_TYPE_STRING,
        peer.protocol.c_str(), "address", G_TYPE_STRING, peer.address.c_str(), "path",
        G_TYPE_STRING, peer.path.c_str(), "query", G_TYPE_STRING, text(peer.query).get(), "key",
        G_TYPE_STRING, text(peer.key).get(), "client", G_TYPE_STRING, text(peer.client).get(),
        "publish", G_TYPE_BOOLEAN, gboolean(peer.publish), nullptr));
}

class SignalWatch final : public net::PeerWatch {
public:
    SignalWatch(GObject *object, const PeerSignals &signals, PeerEvents events)
        : signals_(signals), events_(events) {
        g_weak_ref_init(&object_, object);
    }
    ~SignalWatch() override { g_weak_ref_clear(&object_); }

    bool authorize(const net::PeerInfo &peer, net::Answer answer) override {
        static GThreadPool *pool = new_pool(max_threads);
        const auto object = listening(signals_.authorize);
        if (!object) return false;
        const gint64 expires =
            g_get_monotonic_time() + gint64(net::RtmpLimits().authorize_ms) * 1000;
        const Work ask = [object, peer, answer, expires, id = signals_.authorize] {
            // A peer that waited too long for a thread has been refused.
            if (g_get_monotonic_time() > expires) return;
            const auto structure = to_structure(peer);
            gboolean allowed = FALSE;
            g_signal_emit(object.get(), id, 0, structure.get(), &allowed);
            answer(allowed);
        };
        if (!run_on(pool, ask)) answer(false);
        return true;
    }
    bool is_listening() const override {
        return listening(signals_.authorize) || listening(signals_.connected) ||
               listening(signals_.disconnected);
    }
    void connected(const net::PeerInfo &peer) override { emit(signals_.connected, peer, {}); }
    void disconnected(const net::PeerInfo &peer, const std::string &reason) override {
        emit(signals_.disconnected, peer, reason);
    }

private:
    /// The object, if it still exists and a handler of this signal is connected.
    GstPtr<GObject> listening(guint id) const {
        auto object = GstPtr<GObject>::adopt(static_cast<GObject *>(g_weak_ref_get(&object_)));
        if (object && !g_signal_has_handler_pending(object.get(), id, 0, FALSE)) object.reset();
        return object;
    }
    void emit(guint id, const net::PeerInfo &peer, const std::string &reason) {
        static GThreadPool *pool = new_pool(1);
        const auto object = listening(id);
        if (!object) return;
        const Work work = [object, peer, reason, id] {
            const auto structure = to_structure(peer);
            if (!reason.empty())
                gst_structure_set(structure.get(), "reason", G_TYPE_STRING, reason.c_str(),
                                  nullptr);
            g_signal_emit(object.get(), id, 0, structure.get());
        };
        if (events_ == PeerEvents::main_context)
            run_on_main_context(work);
        else if (!run_on(pool, work))
            GST_WARNING("peers come and go faster than the handlers return: one is left out");
    }

    mutable GWeakRef object_;
    const PeerSignals signals_;
    const PeerEvents events_;
};

/// The first handler that refuses decides.
gboolean all_have_to_allow(GSignalInvocationHint *, GValue *total, const GValue *one, gpointer) {
    const gboolean allowed = g_value_get_boolean(one);
    g_value_set_boolean(total, allowed);
    return allowed;
}

} // namespace

PeerSignals install_peer_signals(GType type) {
    // Not GST_TYPE_STRUCTURE, because gst_init() may come later.
    PeerSignals signals;
    signals.authorize = g_signal_new("authorize", type, G_SIGNAL_RUN_LAST, 0, all_have_to_allow,
                                     nullptr, nullptr, G_TYPE_BOOLEAN, 1, gst_structure_get_type());
    signals.connected = g_signal_new("peer-connected", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr,
                                     nullptr, G_TYPE_NONE, 1, gst_structure_get_type());
    signals.disconnected = g_signal_new("peer-disconnected", type, G_SIGNAL_RUN_LAST, 0, nullptr,
                                        nullptr, nullptr, G_TYPE_NONE, 1, gst_structure_get_type());
    return signals;
}

std::shared_ptr<net::PeerWatch> make_signal_watch(GObject *object, const PeerSignals &signals,
                                                  PeerEvents events) {
    return std::make_shared<SignalWatch>(object, signals, events);
}

} // namespace penstock

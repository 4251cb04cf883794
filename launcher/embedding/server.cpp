// SPDX-License-Identifier: LGPL-2.1-or-later
// PenstockServer: GObject boilerplate around Run.
#include "embedding/internal.h"
#include "embedding/run.h"
#include "gst/peer_signals.h"

using namespace penstock;
using namespace penstock::embedding;

struct _PenstockServer {
    GObject parent;
    Run *run;
};

G_DEFINE_FINAL_TYPE(PenstockServer, penstock_server, G_TYPE_OBJECT)

enum { PROP_0, PROP_RUNNING };
enum { SIGNAL_REPORT, SIGNAL_ENDED, SIGNAL_PIPELINE_ADDED, SIGNAL_PIPELINE_REMOVED, LAST_SIGNAL };
static guint signals[LAST_SIGNAL];
static PeerSignals peer_signals;

static Run *make_run(PenstockServer *self) {
    Run::Handlers handlers;
    handlers.report = [self](supervisor::Severity severity, const std::string &text) {
        g_signal_emit(self, signals[SIGNAL_REPORT], 0, PenstockSeverity(severity), text.c_str());
    };
    handlers.pipeline = [self](const std::string &label, GstElement *pipeline, bool there) {
        g_signal_emit(self, signals[there ? SIGNAL_PIPELINE_ADDED : SIGNAL_PIPELINE_REMOVED], 0,
                      label.c_str(), pipeline);
    };
    handlers.ended = [self](bool well) {
        const auto held = GstPtr<GObject>::ref(G_OBJECT(self)); // a handler may release it
        g_signal_emit(self, signals[SIGNAL_ENDED], 0, gboolean(well));
        g_object_notify(G_OBJECT(self), "running");
    };
    handlers.watch = [self] {
        return make_signal_watch(G_OBJECT(self), peer_signals, PeerEvents::main_context);
    };
    return new Run(std::move(handlers));
}

/// If the run can't be created, the server can't be started and reports that.
static void penstock_server_init(PenstockServer *self) {
    self->run = shielded<Run *>(nullptr, [self] { return make_run(self); });
}

static void penstock_server_dispose(GObject *object) {
    if (Run *run = PENSTOCK_SERVER(object)->run) {
        shielded(0, [run] {
            run->stop_now();
            return 0;
        });
    }
    G_OBJECT_CLASS(penstock_server_parent_class)->dispose(object);
}

static void penstock_server_finalize(GObject *object) {
    delete PENSTOCK_SERVER(object)->run;
    G_OBJECT_CLASS(penstock_server_parent_class)->finalize(object);
}

static void penstock_server_get_property(GObject *object, guint id, GValue *value,
                                         GParamSpec *spec) {
    if (id == PROP_RUNNING)
        g_value_set_boolean(value, penstock_server_is_running(PENSTOCK_SERVER(object)));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void penstock_server_class_init(PenstockServerClass *klass) {
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->dispose = penstock_server_dispose;
    object_class->finalize = penstock_server_finalize;
    object_class->get_property = penstock_server_get_property;
    g_object_class_install_property(
        object_class, PROP_RUNNING,
        g_param_spec_boolean("running", "Running", "It has started and has not ended", FALSE,
                             GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
    const GType type = G_TYPE_FROM_CLASS(klass);
    /**
     * PenstockServer::report:
     * @self: the server
     * @severity: the severity
     * @text: one line
     *
     * An event such as a failed pipeline, a removed branch or a scheduled restart. Contains no
     * secrets. Emitted on the default main context.
     */
    signals[SIGNAL_REPORT] =
        g_signal_new("report", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE,
                     2, PENSTOCK_TYPE_SEVERITY, G_TYPE_STRING);
    /**
     * PenstockServer::ended:
     * @self: the server
     * @well: %FALSE if a pipeline failed whose failure ends the server
     *
     * Nothing is running any more. Emitted once per start, on the default main context.
     */
    signals[SIGNAL_ENDED] = g_signal_new("ended", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr,
                                         nullptr, G_TYPE_NONE, 1, G_TYPE_BOOLEAN);
    /**
     * PenstockServer::pipeline-added:
     * @self: the server
     * @label: the pipeline's label
     * @pipeline: the pipeline, in state NULL
     *
     * A pipeline is about to start, so handlers can connect to its elements. Its bus belongs to the
     * server. Emitted on the default main context, also from within penstock_server_start().
     */
    signals[SIGNAL_PIPELINE_ADDED] =
        g_signal_new("pipeline-added", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
                     G_TYPE_NONE, 2, G_TYPE_STRING, GST_TYPE_ELEMENT);
    /**
     * PenstockServer::pipeline-removed:
     * @self: the server
     * @label: the pipeline's label
     * @pipeline: the pipeline, about to be stopped
     *
     * A pipeline is about to end. Emitted on the default main context.
     */
    signals[SIGNAL_PIPELINE_REMOVED] =
        g_signal_new("pipeline-removed", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr,
                     G_TYPE_NONE, 2, G_TYPE_STRING, GST_TYPE_ELEMENT);
    /**
     * PenstockServer::authorize:
     * @self: the server
     * @peer: who asks: `id`, `protocol`, `address`, `path`, `query`, `key`, `client` (strings) and
     *   `publish` (boolean; otherwise it plays)
     *
     * A peer requests to publish or play, and no pipeline has been started for it. A publish key
     * has already been verified. Emitted on separate threads, up to sixteen at a time: the handler
     * may take five seconds, after which the peer is refused. Without a handler every peer is
     * allowed.
     * Returns: whether the peer is allowed; a single handler that returns %FALSE refuses it
     */
    /**
     * PenstockServer::peer-connected:
     * @self: the server
     * @peer: as in #PenstockServer::authorize
     *
     * A peer has begun to publish or play. Emitted on the default main context.
     */
    /**
     * PenstockServer::peer-disconnected:
     * @self: the server
     * @peer: as in #PenstockServer::authorize, and `reason`
     *
     * A peer that published or played has left. Emitted on the default main context.
     */
    peer_signals = install_peer_signals(type);
}

PenstockServer *penstock_server_new(void) {
    return PENSTOCK_SERVER(g_object_new(PENSTOCK_TYPE_SERVER, nullptr));
}

void penstock_server_add(PenstockServer *self, PenstockBinding *binding) {
    g_return_if_fail(PENSTOCK_IS_SERVER(self) && PENSTOCK_IS_BINDING(binding));
    g_return_if_fail(self->run && !self->run->is_running());
    shielded(0, [&] {
        self->run->add(bound_of(binding));
        return 0;
    });
}

gboolean penstock_server_start(PenstockServer *self, GError **error) {
    g_return_val_if_fail(PENSTOCK_IS_SERVER(self), FALSE);
    g_return_val_if_fail(self->run && !self->run->is_running(), FALSE);
    return shielded<gboolean>(error, PENSTOCK_ERROR_RUN, FALSE, [&]() -> gboolean {
        std::string reason;
        const bool started = self->run->start(&reason);
        if (!started) set_error(error, PENSTOCK_ERROR_RUN, reason);
        if (started) g_object_notify(G_OBJECT(self), "running");
        return started;
    });
}

gboolean penstock_server_reload(PenstockServer *self, PenstockBinding **bindings, gsize n_bindings,
                                GError **error) {
    g_return_val_if_fail(PENSTOCK_IS_SERVER(self) && (bindings || n_bindings == 0), FALSE);
    g_return_val_if_fail(self->run && self->run->is_running(), FALSE);
    return shielded<gboolean>(error, PENSTOCK_ERROR_RUN, FALSE, [&]() -> gboolean {
        std::vector<std::shared_ptr<Bound>> all;
        for (gsize i = 0; i < n_bindings; ++i)
            all.push_back(bound_of(bindings[i]));
        std::string reason;
        const bool done = self->run->reload(std::move(all), &reason);
        if (!done) set_error(error, PENSTOCK_ERROR_RUN, reason);
        return done;
    });
}

void penstock_server_drain(PenstockServer *self, guint limit_ms) {
    g_return_if_fail(PENSTOCK_IS_SERVER(self) && self->run);
    shielded(0, [&] {
        self->run->drain(limit_ms);
        return 0;
    });
}

void penstock_server_stop(PenstockServer *self) {
    g_return_if_fail(PENSTOCK_IS_SERVER(self) && self->run);
    shielded(0, [&] {
        self->run->stop();
        return 0;
    });
}

gboolean penstock_server_run(PenstockServer *self, GError **error) {
    g_return_val_if_fail(PENSTOCK_IS_SERVER(self), FALSE);
    struct Waiting {
        GMainLoop *loop;
        gboolean well;
    } waiting{g_main_loop_new(nullptr, FALSE), FALSE};
    const gulong handler = g_signal_connect(
        self, "ended", G_CALLBACK(+[](PenstockServer *, gboolean well, Waiting *mine) {
            mine->well = well;
            g_main_loop_quit(mine->loop);
        }),
        &waiting);
    g_object_ref(self);
    const bool started = penstock_server_start(self, error);
    if (started) g_main_loop_run(waiting.loop);
    if (started && !waiting.well)
        shielded(0, [&] {
            set_error(error, PENSTOCK_ERROR_RUN, self->run->last_error());
            return 0;
        });
    g_signal_handler_disconnect(self, handler);
    g_object_unref(self);
    g_main_loop_unref(waiting.loop);
    return started && waiting.well;
}

gboolean penstock_server_is_running(PenstockServer *self) {
    g_return_val_if_fail(PENSTOCK_IS_SERVER(self), FALSE);
    return self->run && self->run->is_running();
}

gchar **penstock_server_dup_pipelines(PenstockServer *self) {
    g_return_val_if_fail(PENSTOCK_IS_SERVER(self) && self->run, nullptr);
    return shielded<gchar **>(nullptr, [&] {
        std::vector<std::string> labels;
        for (const auto &[label, pipeline] : self->run->stats().pipelines)
            labels.push_back(label);
        return dup_list(labels);
    });
}

GstElement *penstock_server_get_element(PenstockServer *self, const gchar *pipeline,
                                        const gchar *name) {
    g_return_val_if_fail(PENSTOCK_IS_SERVER(self) && self->run, nullptr);
    return shielded<GstElement *>(nullptr, [&]() -> GstElement * {
        for (const auto &[label, element] : self->run->stats().pipelines) {
            if (pipeline && label != pipeline) continue;
            if (!name) return GST_ELEMENT(gst_object_ref(element.get()));
            if (GstElement *found = gst_bin_get_by_name(GST_BIN(element.get()), name)) return found;
        }
        return nullptr;
    });
}

GVariant *penstock_server_get_stats(PenstockServer *self) {
    g_return_val_if_fail(PENSTOCK_IS_SERVER(self) && self->run, nullptr);
    return shielded<GVariant *>(nullptr,
                                [&] { return g_variant_ref_sink(make_stats(self->run->stats())); });
}

gchar *penstock_server_get_stats_json(PenstockServer *self) {
    g_return_val_if_fail(PENSTOCK_IS_SERVER(self) && self->run, nullptr);
    return shielded<gchar *>(nullptr, [&] {
        GVariant *stats = g_variant_ref_sink(make_stats(self->run->stats()));
        gchar *text = dup(to_json(stats));
        g_variant_unref(stats);
        return text;
    });
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptions at work: publishers are taken, pipelines supervised, as `penstock run` does it. */
#pragma once

#include <penstock/binding.h>

G_BEGIN_DECLS

/**
 * PenstockSeverity:
 * @PENSTOCK_SEVERITY_INFO: what goes on
 * @PENSTOCK_SEVERITY_WARNING: what may be wrong
 * @PENSTOCK_SEVERITY_ERROR: a pipeline or a branch of it has failed
 *
 * How much a report matters.
 */
typedef enum {
    PENSTOCK_SEVERITY_INFO,
    PENSTOCK_SEVERITY_WARNING,
    PENSTOCK_SEVERITY_ERROR
} PenstockSeverity;

#define PENSTOCK_TYPE_SEVERITY (penstock_severity_get_type())
PENSTOCK_API GType penstock_severity_get_type(void);

#define PENSTOCK_TYPE_SERVER (penstock_server_get_type())
/**
 * PenstockServer:
 *
 * Runs descriptions whole. It belongs to the thread that runs the default #GMainContext: its
 * methods are called there and its signals come there, with the one exception of
 * #PenstockServer::authorize. Nothing goes on while that context does not run, but for media in
 * pipelines that play already. Releasing the last reference stops what still runs.
 */
PENSTOCK_API
G_DECLARE_FINAL_TYPE(PenstockServer, penstock_server, PENSTOCK, SERVER, GObject)

/**
 * penstock_server_new:
 *
 * Returns: (transfer full): a server without descriptions
 */
PENSTOCK_API PenstockServer *penstock_server_new(void);
/**
 * penstock_server_add:
 * @self: a server that has not started
 * @binding: what to run; its address parameters get the ports that the system chose
 *
 * Adds a description to what penstock_server_start() starts.
 */
PENSTOCK_API void penstock_server_add(PenstockServer *self, PenstockBinding *binding);
/**
 * penstock_server_start:
 * @self: a server
 * @error: return location for a #PenstockError
 *
 * Opens the ports, takes publishers, starts the pipelines. A server that has ended may start
 * again.
 *
 * Returns: whether it runs; if not, nothing of it does
 */
PENSTOCK_API gboolean penstock_server_start(PenstockServer *self, GError **error);
/**
 * penstock_server_reload:
 * @self: a server that runs
 * @bindings: (array length=n_bindings): what is to run from here on, all of it
 * @n_bindings: how many
 * @error: return location for a #PenstockError
 *
 * Replaces what the server runs and leaves alone what does not differ: a changed `start` pipeline
 * is stopped and started, the streams of a changed rule go on as they are until they end, and new
 * ones follow the new text. An address whose port is 0 keeps the port that the system chose for
 * the description of the same name. Not to be called by a handler of the server's signals.
 *
 * Returns: whether it did; if not, everything goes on as before
 */
PENSTOCK_API gboolean penstock_server_reload(PenstockServer *self, PenstockBinding **bindings,
                                             gsize n_bindings, GError **error);
/**
 * penstock_server_drain:
 * @self: a server
 * @limit_ms: how long it may take, in milliseconds
 *
 * Takes no more publishers and players' wishes and lets every pipeline finish what it writes;
 * what still runs after the time is stopped. #PenstockServer::ended follows. Does nothing if the
 * server does not run, or ends already; penstock_server_stop() cuts it short.
 */
PENSTOCK_API void penstock_server_drain(PenstockServer *self, guint limit_ms);
/**
 * penstock_server_stop:
 * @self: a server
 *
 * Begins to stop everything; #PenstockServer::ended follows. Does nothing if it does not run.
 */
PENSTOCK_API void penstock_server_stop(PenstockServer *self);
/**
 * penstock_server_run:
 * @self: a server
 * @error: return location for a #PenstockError
 *
 * Starts the server and runs the default #GMainContext until it has ended.
 *
 * Returns: whether it ended well
 */
PENSTOCK_API gboolean penstock_server_run(PenstockServer *self, GError **error);
/**
 * penstock_server_is_running:
 * @self: a server
 *
 * Returns: whether it has started and has not ended
 */
PENSTOCK_API gboolean penstock_server_is_running(PenstockServer *self);
/**
 * penstock_server_dup_pipelines:
 * @self: a server
 *
 * Returns: (transfer full) (array zero-terminated=1): the labels of the pipelines that are there:
 *   a description's name, followed by "/NAME" if it has several `start` pipelines, or the path of
 *   a stream that is published or made on demand
 */
PENSTOCK_API gchar **penstock_server_dup_pipelines(PenstockServer *self);
/**
 * penstock_server_get_element:
 * @self: a server
 * @pipeline: (nullable): a pipeline's label; %NULL: the first pipeline that has such an element
 * @name: (nullable): the element's `name`; %NULL: the pipeline itself
 *
 * Returns: (transfer full) (nullable): the element, or %NULL if there is none now
 */
PENSTOCK_API GstElement *penstock_server_get_element(PenstockServer *self, const gchar *pipeline,
                                                     const gchar *name);
/**
 * penstock_server_get_stats:
 * @self: a server
 *
 * What goes on, of type `a{sv}`: `running` (b); `uptime` (t, nanoseconds); `pipelines`, an
 * `a{sv}` of each pipeline by its label, with `state` (s) and `elements`, the `stats` of each
 * element that has some by its name; `streams` (aa{sv}) with `path`, `publishing`, `publisher`,
 * `players`, `bytes-in` and `bytes-out` of each RTMP stream.
 *
 * Returns: (transfer full): the statistics
 */
PENSTOCK_API GVariant *penstock_server_get_stats(PenstockServer *self);
/**
 * penstock_server_get_stats_json:
 * @self: a server
 *
 * Returns: (transfer full): penstock_server_get_stats() as JSON
 */
PENSTOCK_API gchar *penstock_server_get_stats_json(PenstockServer *self);

G_END_DECLS

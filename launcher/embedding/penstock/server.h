/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs descriptions like `penstock run`: accepts publishers and supervises pipelines. */
#pragma once

#include <penstock/binding.h>

G_BEGIN_DECLS

/**
 * PenstockSeverity:
 * @PENSTOCK_SEVERITY_INFO: a normal event
 * @PENSTOCK_SEVERITY_WARNING: a possible problem
 * @PENSTOCK_SEVERITY_ERROR: a pipeline or one of its branches has failed
 *
 * The severity of a report.
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
 * Runs complete descriptions. It belongs to the thread that runs the default #GMainContext: methods
 * must be called there, and signals are emitted there except #PenstockServer::authorize. While that
 * context does not run, only media in playing pipelines continue. Releasing the last reference
 * stops everything.
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
 * @binding: what to run; its address parameters receive the ports that the system chose
 *
 * Adds a description to what penstock_server_start() starts.
 */
PENSTOCK_API void penstock_server_add(PenstockServer *self, PenstockBinding *binding);
/**
 * penstock_server_start:
 * @self: a server
 * @error: return location for a #PenstockError
 *
 * Opens the listeners, accepts publishers and starts the pipelines. A server that has ended may be
 * started again.
 *
 * Returns: whether it was started; if not, nothing runs
 */
PENSTOCK_API gboolean penstock_server_start(PenstockServer *self, GError **error);
/**
 * penstock_server_reload:
 * @self: a server that runs
 * @bindings: (array length=n_bindings): everything that shall run from now on
 * @n_bindings: their number
 * @error: return location for a #PenstockError
 *
 * Replaces the running descriptions and leaves unchanged parts alone: a changed `start` pipeline is
 * stopped and started again, streams of a changed rule continue until they end, and new streams use
 * the new text. An address with port 0 keeps the port that the system chose for the description of
 * the same name. Must not be called by a handler of the server's signals.
 *
 * Returns: whether it succeeded; if not, everything continues unchanged
 */
PENSTOCK_API gboolean penstock_server_reload(PenstockServer *self, PenstockBinding **bindings,
                                             gsize n_bindings, GError **error);
/**
 * penstock_server_drain:
 * @self: a server
 * @limit_ms: time limit in milliseconds
 *
 * Accepts no new publishers and viewers and lets every pipeline finish its output; stops what is
 * still running after the time limit. #PenstockServer::ended follows. No effect if the server is
 * not running or is already ending. penstock_server_stop() ends it early.
 */
PENSTOCK_API void penstock_server_drain(PenstockServer *self, guint limit_ms);
/**
 * penstock_server_stop:
 * @self: a server
 *
 * Starts to stop everything; #PenstockServer::ended follows. No effect if it is not running.
 */
PENSTOCK_API void penstock_server_stop(PenstockServer *self);
/**
 * penstock_server_run:
 * @self: a server
 * @error: return location for a #PenstockError
 *
 * Starts the server and runs the default #GMainContext until it has ended.
 *
 * Returns: %FALSE if starting failed, or if a pipeline failed whose failure ends the server
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
 * Returns: (transfer full) (array zero-terminated=1): the labels of the current pipelines: the name
 *   of the description, followed by "/NAME" if it has several `start` pipelines, or the path of a
 *   stream that is published or requested
 */
PENSTOCK_API gchar **penstock_server_dup_pipelines(PenstockServer *self);
/**
 * penstock_server_get_element:
 * @self: a server
 * @pipeline: (nullable): a pipeline's label; %NULL: the first pipeline with such an element
 * @name: (nullable): the element's `name`; %NULL: the pipeline itself
 *
 * Returns: (transfer full) (nullable): the element, or %NULL if it does not exist now
 */
PENSTOCK_API GstElement *penstock_server_get_element(PenstockServer *self, const gchar *pipeline,
                                                     const gchar *name);
/**
 * penstock_server_get_stats:
 * @self: a server
 *
 * Statistics of type `a{sv}`: `running` (b); `uptime` (t, nanoseconds); `pipelines`, an `a{sv}` by
 * pipeline label, each with `state` (s) and `elements`, the `stats` of its elements by name;
 * `streams` (aa{sv}) with `path`, `publishing`, `publisher`, `standby`, `players`, `bytes-in` and
 * `bytes-out` of each RTMP stream.
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

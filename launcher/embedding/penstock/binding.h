/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A description with values for its parameters: what pipelines are made from. */
#pragma once

#include <penstock/api.h>

G_BEGIN_DECLS

#define PENSTOCK_TYPE_BINDING (penstock_binding_get_type())
/**
 * PenstockBinding:
 *
 * A description with a value for each of its parameters: see penstock_description_bind().
 * Its methods may be called from any thread.
 */
PENSTOCK_API
G_DECLARE_FINAL_TYPE(PenstockBinding, penstock_binding, PENSTOCK, BINDING, GObject)

/**
 * penstock_binding_dup_value:
 * @self: a binding
 * @parameter: a parameter's name
 *
 * The value of a secret parameter is returned too: keep it out of logs. Once a server runs, a port
 * that was 0 is the one that the system chose.
 *
 * Returns: (transfer full) (nullable): the value as text; %NULL if there is no such parameter
 */
PENSTOCK_API gchar *penstock_binding_dup_value(PenstockBinding *self, const gchar *parameter);
/**
 * penstock_binding_dup_pipelines:
 * @self: a binding
 *
 * Returns: (transfer full) (array zero-terminated=1): the names of the `start` pipelines that
 *   exist with these values
 */
PENSTOCK_API gchar **penstock_binding_dup_pipelines(PenstockBinding *self);
/**
 * penstock_binding_create_pipeline:
 * @self: a binding
 * @name: (nullable): which of penstock_binding_dup_pipelines(); %NULL: the first
 * @error: return location for a #PenstockError
 *
 * Makes a `start` pipeline for the application to run: its state, its bus and what happens after
 * an error are the application's. For restarts, publishers and failing branches use
 * #PenstockServer.
 *
 * Returns: (transfer full): a #GstPipeline in state NULL, or %NULL
 */
PENSTOCK_API GstElement *penstock_binding_create_pipeline(PenstockBinding *self, const gchar *name,
                                                          GError **error);
/**
 * penstock_binding_create_bin:
 * @self: a binding
 * @name: (nullable): which of penstock_binding_dup_pipelines(); %NULL: the first
 * @error: return location for a #PenstockError
 *
 * Makes a `start` pipeline as a part of the application's own. The first element that nothing
 * leads to gives its sink pad as `sink`, the first that leads nowhere its source pad as `src`.
 *
 * Returns: (transfer full): a #GstBin, or %NULL
 */
PENSTOCK_API GstElement *penstock_binding_create_bin(PenstockBinding *self, const gchar *name,
                                                     GError **error);
/**
 * penstock_binding_create_publish_pipeline:
 * @self: a binding
 * @path: a stream's path, such as "live/cam"
 * @error: return location for a #PenstockError
 *
 * Makes the pipeline of the first `publish` rule that takes this path. Its rtmpserversrc listens by
 * itself, for this one path and with the rule's key; to take whoever comes, run a #PenstockServer.
 *
 * Returns: (transfer full): a #GstPipeline in state NULL, or %NULL
 */
PENSTOCK_API GstElement *
penstock_binding_create_publish_pipeline(PenstockBinding *self, const gchar *path, GError **error);

G_END_DECLS

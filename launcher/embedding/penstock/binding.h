/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A description with values for its parameters, from which pipelines are made. */
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
 * Secret parameters are returned as well: keep their values out of logs. While a server runs, a
 * port of 0 is replaced by the one that the system chose.
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
 * Makes a `start` pipeline for the application to run. State, bus and error handling are up to the
 * application. For restarts, publishers and failing branches use #PenstockServer.
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
 * Makes a `start` pipeline as a bin for the application's own pipeline. The first element without a
 * linked sink pad provides the ghost pad `sink`, the first without a linked source pad `src`.
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
 * Makes the pipeline of the first `publish` rule that matches this path. Its rtmpserversrc opens a
 * listener of its own, for this path only and with the rule's key. To accept any publisher, run a
 * #PenstockServer.
 *
 * Returns: (transfer full): a #GstPipeline in state NULL, or %NULL
 */
PENSTOCK_API GstElement *
penstock_binding_create_publish_pipeline(PenstockBinding *self, const gchar *path, GError **error);

G_END_DECLS

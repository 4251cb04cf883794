/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A description: YAML text that states which pipelines run and when. */
#pragma once

#include <penstock/binding.h>
#include <penstock/parameter.h>

G_BEGIN_DECLS

#define PENSTOCK_TYPE_DESCRIPTION (penstock_description_get_type())
/**
 * PenstockDescription:
 *
 * A valid, immutable description. May be used from any thread.
 */
PENSTOCK_API
G_DECLARE_FINAL_TYPE(PenstockDescription, penstock_description, PENSTOCK, DESCRIPTION, GObject)

/**
 * penstock_list_descriptions:
 *
 * The names that penstock_description_new_from_name() finds: those in the directories of
 * `$PENSTOCK_PIPELINES`, in the user's configuration directory and in the installed data.
 *
 * Returns: (transfer full) (array zero-terminated=1): their names, sorted
 */
PENSTOCK_API gchar **penstock_list_descriptions(void);

/**
 * penstock_description_new_from_name:
 * @name: a name, looked up as `penstock run` does, or a file's path
 * @error: return location for a #PenstockError
 *
 * Returns: (transfer full): a description, or %NULL
 */
PENSTOCK_API PenstockDescription *penstock_description_new_from_name(const gchar *name,
                                                                     GError **error);
/**
 * penstock_description_new_from_file:
 * @file: (type filename): a YAML file, at most 256 KiB
 * @error: return location for a #PenstockError
 *
 * Returns: (transfer full): a description, or %NULL
 */
PENSTOCK_API PenstockDescription *penstock_description_new_from_file(const gchar *file,
                                                                     GError **error);
/**
 * penstock_description_new_from_string:
 * @text: YAML, UTF-8
 * @name: (nullable): its name, also in errors; %NULL: "description"
 * @error: return location for a #PenstockError
 *
 * Never give it text from the network: launch text can open files and connections.
 *
 * Returns: (transfer full): a description, or %NULL
 */
PENSTOCK_API PenstockDescription *
penstock_description_new_from_string(const gchar *text, const gchar *name, GError **error);

/**
 * penstock_description_get_name:
 * @self: a description
 *
 * Returns: the file's name without directory and ending
 */
PENSTOCK_API const gchar *penstock_description_get_name(PenstockDescription *self);
/**
 * penstock_description_get_summary:
 * @self: a description
 *
 * Returns: a one-line summary
 */
PENSTOCK_API const gchar *penstock_description_get_summary(PenstockDescription *self);
/**
 * penstock_description_get_text:
 * @self: a description
 *
 * Returns: a longer description; may be empty
 */
PENSTOCK_API const gchar *penstock_description_get_text(PenstockDescription *self);
/**
 * penstock_description_list_parameters:
 * @self: a description
 *
 * Returns: (transfer full) (element-type PenstockParameter): its parameters in the order of the
 *   file
 */
PENSTOCK_API GList *penstock_description_list_parameters(PenstockDescription *self);
/**
 * penstock_description_bind:
 * @self: a description
 * @values: (nullable) (element-type utf8 utf8): parameters' names and their values as text
 * @error: return location for a #PenstockError
 *
 * Gives each parameter a value: from @values, else from the environment (`PENSTOCK_PUBLISH_KEY` for
 * `publish-key`), else its default.
 *
 * Returns: (transfer full): a binding, or %NULL
 */
PENSTOCK_API PenstockBinding *penstock_description_bind(PenstockDescription *self,
                                                        GHashTable *values, GError **error);
/**
 * penstock_description_bind_list:
 * @self: a description
 * @settings: (nullable) (array zero-terminated=1): "name=value" each
 * @error: return location for a #PenstockError
 *
 * Like penstock_description_bind(), for arguments from a command line.
 *
 * Returns: (transfer full): a binding, or %NULL
 */
PENSTOCK_API PenstockBinding *penstock_description_bind_list(PenstockDescription *self,
                                                             const gchar *const *settings,
                                                             GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A parameter of a description: what may be set from outside. */
#pragma once

#include <penstock/api.h>

G_BEGIN_DECLS

/**
 * PenstockParameterType:
 * @PENSTOCK_PARAMETER_STRING: text, UTF-8, without control characters
 * @PENSTOCK_PARAMETER_INT: a whole number of 64 bits
 * @PENSTOCK_PARAMETER_FLOAT: a number
 * @PENSTOCK_PARAMETER_BOOL: "true" or "false"
 * @PENSTOCK_PARAMETER_DURATION: a number and a unit ("500ms"); ranges are in nanoseconds
 * @PENSTOCK_PARAMETER_BITRATE: a number and a unit ("2Mbit"); ranges are in bit/s
 * @PENSTOCK_PARAMETER_SIZE: a number and a unit ("512KiB"); ranges are in bytes
 * @PENSTOCK_PARAMETER_ADDRESS: "host:port"; ":port" is every interface, port 0 any that is free
 * @PENSTOCK_PARAMETER_PATH: a file's name
 * @PENSTOCK_PARAMETER_URL: "scheme://…"
 * @PENSTOCK_PARAMETER_CHOICE: one of penstock_parameter_get_choices()
 *
 * What a value is. Values are written as text in each of them.
 */
typedef enum {
    PENSTOCK_PARAMETER_STRING,
    PENSTOCK_PARAMETER_INT,
    PENSTOCK_PARAMETER_FLOAT,
    PENSTOCK_PARAMETER_BOOL,
    PENSTOCK_PARAMETER_DURATION,
    PENSTOCK_PARAMETER_BITRATE,
    PENSTOCK_PARAMETER_SIZE,
    PENSTOCK_PARAMETER_ADDRESS,
    PENSTOCK_PARAMETER_PATH,
    PENSTOCK_PARAMETER_URL,
    PENSTOCK_PARAMETER_CHOICE
} PenstockParameterType;

#define PENSTOCK_TYPE_PARAMETER_TYPE (penstock_parameter_type_get_type())
PENSTOCK_API GType penstock_parameter_type_get_type(void);

#define PENSTOCK_TYPE_PARAMETER (penstock_parameter_get_type())
/**
 * PenstockParameter:
 *
 * A parameter of a description. It never changes and may be used from any thread.
 */
PENSTOCK_API
G_DECLARE_FINAL_TYPE(PenstockParameter, penstock_parameter, PENSTOCK, PARAMETER, GObject)

/**
 * penstock_parameter_get_name:
 * @self: a parameter
 *
 * Returns: its name
 */
PENSTOCK_API const gchar *penstock_parameter_get_name(PenstockParameter *self);
/**
 * penstock_parameter_get_value_type:
 * @self: a parameter
 *
 * Returns: what its values are
 */
PENSTOCK_API PenstockParameterType penstock_parameter_get_value_type(PenstockParameter *self);
/**
 * penstock_parameter_get_default:
 * @self: a parameter
 *
 * Returns: (nullable): its value where nothing else is said; %NULL if it has to be given, and for
 *   one that is secret
 */
PENSTOCK_API const gchar *penstock_parameter_get_default(PenstockParameter *self);
/**
 * penstock_parameter_get_help:
 * @self: a parameter
 *
 * Returns: one line for people; may be empty
 */
PENSTOCK_API const gchar *penstock_parameter_get_help(PenstockParameter *self);
/**
 * penstock_parameter_get_range:
 * @self: a parameter
 * @minimum: (out): the least that is allowed, -infinity if there is no bound
 * @maximum: (out): the most that is allowed, infinity if there is no bound
 *
 * The range of a number in the type's unit (#PenstockParameterType); of a string, its length in
 * bytes.
 *
 * Returns: whether there is a bound at all
 */
PENSTOCK_API gboolean penstock_parameter_get_range(PenstockParameter *self, gdouble *minimum,
                                                   gdouble *maximum);
/**
 * penstock_parameter_get_choices:
 * @self: a parameter
 *
 * Returns: (transfer none) (array zero-terminated=1): the words of a choice; empty for other types
 */
PENSTOCK_API const gchar *const *penstock_parameter_get_choices(PenstockParameter *self);
/**
 * penstock_parameter_is_secret:
 * @self: a parameter
 *
 * Returns: whether its value must never be shown
 */
PENSTOCK_API gboolean penstock_parameter_is_secret(PenstockParameter *self);
/**
 * penstock_parameter_is_required:
 * @self: a parameter
 *
 * Returns: whether it has no default and has to be given
 */
PENSTOCK_API gboolean penstock_parameter_is_required(PenstockParameter *self);

G_END_DECLS

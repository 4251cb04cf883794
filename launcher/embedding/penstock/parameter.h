/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A parameter of a description. */
#pragma once

#include <penstock/api.h>

G_BEGIN_DECLS

/**
 * PenstockParameterType:
 * @PENSTOCK_PARAMETER_STRING: text, UTF-8, without control characters
 * @PENSTOCK_PARAMETER_INT: a 64-bit integer
 * @PENSTOCK_PARAMETER_FLOAT: a number
 * @PENSTOCK_PARAMETER_BOOL: "true" or "false"
 * @PENSTOCK_PARAMETER_DURATION: a number and a unit ("500ms"); ranges are in nanoseconds
 * @PENSTOCK_PARAMETER_BITRATE: a number and a unit ("2Mbit"); ranges are in bit/s
 * @PENSTOCK_PARAMETER_SIZE: a number and a unit ("512KiB"); ranges are in bytes
 * @PENSTOCK_PARAMETER_ADDRESS: "host:port"; ":port" means all interfaces, port 0 any free port
 * @PENSTOCK_PARAMETER_PATH: a file name
 * @PENSTOCK_PARAMETER_URL: "scheme://…"
 * @PENSTOCK_PARAMETER_CHOICE: one of penstock_parameter_get_choices()
 *
 * The type of a parameter. Values of all types are written as text.
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
 * A parameter of a description. Immutable; may be used from any thread.
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
 * Returns: the type of its values
 */
PENSTOCK_API PenstockParameterType penstock_parameter_get_value_type(PenstockParameter *self);
/**
 * penstock_parameter_get_default:
 * @self: a parameter
 *
 * Returns: (nullable): its default value; %NULL if a value is required or the parameter is secret
 */
PENSTOCK_API const gchar *penstock_parameter_get_default(PenstockParameter *self);
/**
 * penstock_parameter_get_help:
 * @self: a parameter
 *
 * Returns: a one-line help text; may be empty
 */
PENSTOCK_API const gchar *penstock_parameter_get_help(PenstockParameter *self);
/**
 * penstock_parameter_get_range:
 * @self: a parameter
 * @minimum: (out): the minimum, -infinity if there is none
 * @maximum: (out): the maximum, infinity if there is none
 *
 * The range of a number in the type's unit (#PenstockParameterType); for a string, its length in
 * bytes.
 *
 * Returns: whether there is a minimum or maximum
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
 * Returns: whether it has no default, so that a value must be given
 */
PENSTOCK_API gboolean penstock_parameter_is_required(PenstockParameter *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Common part of libpenstock's headers: visibility, version, errors. */
#pragma once

#include <gst/gst.h>

/**
 * PENSTOCK_API: (skip)
 *
 * A symbol that the library exports.
 */
#if defined(__GNUC__)
#define PENSTOCK_API __attribute__((visibility("default"))) extern
#else
#define PENSTOCK_API extern
#endif

G_BEGIN_DECLS

/**
 * PenstockError:
 * @PENSTOCK_ERROR_NOT_FOUND: there is no description, pipeline or rule of this name
 * @PENSTOCK_ERROR_DESCRIPTION: the description has mistakes; the message lists all of them as
 *   `file:line:column: what is wrong: how to fix it`
 * @PENSTOCK_ERROR_VALUE: a parameter's value is invalid or missing
 * @PENSTOCK_ERROR_BUILD: the pipeline can't be built, for example because a plugin is missing
 * @PENSTOCK_ERROR_RUN: starting failed, for example because a port is in use, or the run failed
 *
 * Error codes. Messages are readable, suggest a remedy, and may have several lines.
 */
typedef enum {
    PENSTOCK_ERROR_NOT_FOUND,
    PENSTOCK_ERROR_DESCRIPTION,
    PENSTOCK_ERROR_VALUE,
    PENSTOCK_ERROR_BUILD,
    PENSTOCK_ERROR_RUN
} PenstockError;

/**
 * PENSTOCK_ERROR:
 *
 * The domain of the library's errors.
 */
#define PENSTOCK_ERROR (penstock_error_quark())
#define PENSTOCK_TYPE_ERROR (penstock_error_get_type())

PENSTOCK_API GQuark penstock_error_quark(void);
PENSTOCK_API GType penstock_error_get_type(void);

/**
 * penstock_version:
 *
 * Returns: the version of the library at run time, such as "0.1.0"
 */
PENSTOCK_API const gchar *penstock_version(void);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every header of libpenstock begins with: visibility, the version, errors. */
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
 * @PENSTOCK_ERROR_DESCRIPTION: the description has mistakes; the message has all of them, each as
 *   `file:line:column: what is wrong: how to mend it`
 * @PENSTOCK_ERROR_VALUE: a parameter can't have the value it was given, or has none
 * @PENSTOCK_ERROR_BUILD: the pipeline can't be built, such as for a missing plugin
 * @PENSTOCK_ERROR_RUN: the run does not start, such as for a port in use, or has failed
 *
 * What went wrong. The message is for people and says how to mend it; it may have several lines.
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
 * Returns: the version of the library that runs, as "0.1.0"
 */
PENSTOCK_API const gchar *penstock_version(void);

G_END_DECLS

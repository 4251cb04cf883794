// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps C++ exceptions from crossing GStreamer callbacks.
#pragma once

#include <gst/gst.h>

#include <exception>

namespace penstock {

/// Runs `fn` for a vfunc, pad function or callback of `element`. On an exception posts an element
/// error and returns `fallback`.
template <class R, class Fn>
R guard(gpointer element, R fallback, Fn &&fn) noexcept {
    try {
        return fn();
    } catch (const std::exception &e) {
        GST_ELEMENT_ERROR(GST_ELEMENT(element), LIBRARY, FAILED, ("Internal error: %s", e.what()),
                          ("exception"));
    } catch (...) {
        GST_ELEMENT_ERROR(GST_ELEMENT(element), LIBRARY, FAILED, ("Internal error."),
                          ("unknown exception"));
    }
    return fallback;
}

template <class Fn>
void guard(gpointer element, Fn &&fn) noexcept {
    guard(element, 0, [&] {
        fn();
        return 0;
    });
}

} // namespace penstock

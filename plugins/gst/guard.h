// SPDX-License-Identifier: LGPL-2.1-or-later
// No C++ exception may cross a GStreamer callback.
#pragma once

#include <gst/gst.h>

#include <exception>

namespace penstock {

/// Runs `fn` for a vfunc, pad function or callback of `element`: an exception becomes an element
/// error and `fallback` is returned.
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

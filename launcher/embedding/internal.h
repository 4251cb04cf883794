// SPDX-License-Identifier: LGPL-2.1-or-later
// What the parts of libpenstock know of one another.
#pragma once

#include "description/binding.h"
#include "description/description.h"
#include "penstock/penstock.h"

#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace penstock::embedding {

using SharedDescription = std::shared_ptr<const description::Description>;

/// A binding with the description that it refers to.
struct Bound {
    SharedDescription description;
    std::mutex mutex; ///< values: a server sets ports
    description::Binding values;
    Bound(SharedDescription what, description::Binding binding)
        : description(std::move(what)), values(std::move(binding)) {}
};

PenstockParameter *new_parameter(SharedDescription description, const description::Parameter &of);
PenstockBinding *new_binding(std::shared_ptr<Bound> bound);
std::shared_ptr<Bound> bound_of(PenstockBinding *binding);

/// Sets a GError without the newline at the end of `message`.
void set_error(GError **error, PenstockError code, std::string message);
gchar *dup(const std::string &text);
/// A strv that g_strfreev() releases.
gchar **dup_list(const std::vector<std::string> &texts);

/// No exception leaves the library: it becomes an error of this code, and `fallback` is returned.
/// Every function of the API that may throw is called through it.
template <class R, class Fn>
R shielded(GError **error, PenstockError code, R fallback, Fn &&fn) noexcept {
    // Nothing here allocates by `new`, which may be what has failed.
    const auto fail = [&](const char *what) {
        if (error && !*error) g_set_error(error, PENSTOCK_ERROR, code, "internal error: %s", what);
    };
    try {
        return fn();
    } catch (const std::exception &e) {
        fail(e.what());
    } catch (...) {
        fail("unknown exception");
    }
    return fallback;
}
/// The same for a function that has no GError.
template <class R, class Fn>
R shielded(R fallback, Fn &&fn) noexcept {
    return shielded<R>(nullptr, PENSTOCK_ERROR_RUN, fallback, std::forward<Fn>(fn));
}

} // namespace penstock::embedding

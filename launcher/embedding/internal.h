// SPDX-License-Identifier: LGPL-2.1-or-later
// Internals shared by the parts of libpenstock.
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

/// A binding together with the description that it refers to.
struct Bound {
    SharedDescription description;
    std::mutex mutex; ///< guards values: a server sets ports
    description::Binding values;
    Bound(SharedDescription what, description::Binding binding)
        : description(std::move(what)), values(std::move(binding)) {}
};

PenstockParameter *new_parameter(SharedDescription description, const description::Parameter &of);
PenstockBinding *new_binding(std::shared_ptr<Bound> bound);
std::shared_ptr<Bound> bound_of(PenstockBinding *binding);

/// Sets a GError; removes a trailing newline from `message`.
void set_error(GError **error, PenstockError code, std::string message);
gchar *dup(const std::string &text);
/// A strv, to be released by g_strfreev().
gchar **dup_list(const std::vector<std::string> &texts);

/// Keeps exceptions from leaving the library: turns them into an error with this code and returns
/// `fallback`. Every API function that may throw is called through it.
template <class R, class Fn>
R shielded(GError **error, PenstockError code, R fallback, Fn &&fn) noexcept {
    // Nothing here uses `new`, because memory may be exhausted.
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
/// The same for functions without a GError.
template <class R, class Fn>
R shielded(R fallback, Fn &&fn) noexcept {
    return shielded<R>(nullptr, PENSTOCK_ERROR_RUN, fallback, std::forward<Fn>(fn));
}

} // namespace penstock::embedding

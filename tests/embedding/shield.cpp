// SPDX-License-Identifier: LGPL-2.1-or-later
// No exception leaves libpenstock: if memory runs out, each function reports failure and works
// again afterwards.
#include <cstdlib>
#include <functional>
#include <new>

#include "penstock/penstock.h"

#include "check.hpp"

namespace {

/// The number of allocations by `new` on this thread before one fails; negative: none fails.
thread_local long left = -1;

void *allocate(std::size_t size) {
    if (left == 0) throw std::bad_alloc();
    if (left > 0) --left;
    if (void *memory = std::malloc(size ? size : 1)) return memory;
    throw std::bad_alloc();
}

} // namespace

// The library's allocations come here too, because operator new is looked up in the program first.
void *operator new(std::size_t size) {
    return allocate(size);
}
void *operator new[](std::size_t size) {
    return allocate(size);
}
void operator delete(void *memory) noexcept {
    std::free(memory);
}
void operator delete[](void *memory) noexcept {
    std::free(memory);
}
void operator delete(void *memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void *memory, std::size_t) noexcept {
    std::free(memory);
}

namespace {

/// Calls `call` with room for 0, 1, 2, … allocations until it succeeds; returns how often it
/// failed.
int failures_of(const std::function<bool()> &call) {
    for (int room = 0; room < 100'000; ++room) {
        left = room;
        const bool done = call();
        const bool all_fitted = left > 0;
        left = -1;
        if (done && all_fitted) return room;
    }
    ck_abort_msg("it never succeeds");
    return 0;
}

PenstockBinding *make_binding() {
    GError *error = nullptr;
    PenstockDescription *description = penstock_description_new_from_string(
        "summary: s\nparameters:\n  first-long-name: {type: string, default: a-long-default-text}\n"
        "start:\n  - {name: a-long-name-of-a-pipeline, pipeline: fakesrc is-live=true ! fakesink}\n"
        "  - {name: another-long-name-of-one, pipeline: fakesrc is-live=true ! fakesink}\n",
        "shielded", &error);
    g_assert_no_error(error);
    PenstockBinding *binding = penstock_description_bind_list(description, nullptr, &error);
    g_assert_no_error(error);
    GList *parameters = nullptr;
    failures_of([&] {
        parameters = penstock_description_list_parameters(description);
        const bool done = parameters != nullptr;
        g_list_free_full(parameters, g_object_unref);
        return done;
    });
    g_object_unref(description);
    return binding;
}

} // namespace

GST_START_TEST(test_binding) {
    PenstockBinding *binding = make_binding();
    const int failed = failures_of([&] {
        gchar **names = penstock_binding_dup_pipelines(binding);
        const bool done = names && g_strv_length(names) == 2;
        g_strfreev(names);
        return done;
    });
    fail_unless(failed > 0, "nothing was allocated: the test proves nothing");
    g_object_unref(binding);
}
GST_END_TEST

GST_START_TEST(test_server) {
    PenstockBinding *binding = make_binding();
    PenstockServer *server = nullptr;
    left = 0;
    server = penstock_server_new();
    left = -1;
    fail_unless(server != nullptr && !penstock_server_is_running(server));
    g_object_unref(server);

    server = penstock_server_new();
    failures_of([&] {
        penstock_server_add(server, binding);
        return true;
    });
    GError *error = nullptr;
    left = 0;
    fail_if(penstock_server_start(server, &error));
    left = -1;
    fail_unless(error && g_str_has_prefix(error->message, "internal error: "));
    g_clear_error(&error);
    g_object_unref(server);

    server = penstock_server_new();
    penstock_server_add(server, binding);
    fail_unless(penstock_server_start(server, &error), "%s", error ? error->message : "");
    int failed = failures_of([&] {
        gchar **labels = penstock_server_dup_pipelines(server);
        const bool done = labels && g_strv_length(labels) == 2;
        g_strfreev(labels);
        return done;
    });
    fail_unless(failed > 0);
    failed = failures_of([&] {
        GVariant *stats = penstock_server_get_stats(server);
        const bool done = stats != nullptr;
        g_clear_pointer(&stats, g_variant_unref);
        return done;
    });
    fail_unless(failed > 0);
    // Not penstock_server_get_stats_json(): the JSON library allocates where it destroys a value.
    g_object_unref(server);
    g_object_unref(binding);
}
GST_END_TEST

static Suite *shield_suite() {
    Suite *suite = suite_create("shield");
    TCase *tests = tcase_create("shield");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_binding);
    tcase_add_test(tests, test_server);
    return suite;
}
GST_CHECK_MAIN(shield)

// SPDX-License-Identifier: LGPL-2.1-or-later
// The enum and flags types of Penstock's properties are marked as plugin API, so that GStreamer's
// documentation and bindings show their values.
#include <set>
#include <string>

#include "check.hpp"

namespace {

/// Penstock's enum and flags types among the properties of an element's class.
std::set<GType> types_of(GstElementFactory *factory) {
    std::set<GType> types;
    auto *klass = G_OBJECT_CLASS(g_type_class_ref(gst_element_factory_get_element_type(factory)));
    guint count = 0;
    GParamSpec **specs = g_object_class_list_properties(klass, &count);
    for (guint i = 0; i < count; ++i) {
        const GType type = specs[i]->value_type;
        if ((G_TYPE_IS_ENUM(type) || G_TYPE_IS_FLAGS(type)) &&
            g_str_has_prefix(g_type_name(type), "Penstock"))
            types.insert(type);
    }
    g_free(specs);
    g_type_class_unref(klass);
    return types;
}

GST_START_TEST(test_types_are_marked) {
    size_t seen = 0;
    std::string unmarked;
    GList *plugins = gst_registry_get_plugin_list(gst_registry_get());
    for (GList *p = plugins; p; p = p->next) {
        const char *name = gst_plugin_get_name(GST_PLUGIN(p->data));
        if (!g_str_has_prefix(name, "penstock")) continue;
        GList *features = gst_registry_get_feature_list_by_plugin(gst_registry_get(), name);
        for (GList *f = features; f; f = f->next) {
            if (!GST_IS_ELEMENT_FACTORY(f->data)) continue;
            GstPluginFeature *loaded = gst_plugin_feature_load(GST_PLUGIN_FEATURE(f->data));
            fail_unless(loaded != nullptr);
            for (const GType type : types_of(GST_ELEMENT_FACTORY(loaded))) {
                ++seen;
                if (!gst_type_is_plugin_api(type, nullptr))
                    unmarked += std::string(" ") + g_type_name(type);
            }
            gst_object_unref(loaded);
        }
        gst_plugin_feature_list_free(features);
    }
    gst_plugin_list_free(plugins);
    fail_unless(unmarked.empty(), "not marked as plugin API:%s", unmarked.c_str());
    fail_unless(seen >= 10, "only %zu types were found", seen);
}
GST_END_TEST

Suite *plugin_api_suite() {
    Suite *suite = suite_create("plugin_api");
    TCase *tc = tcase_create("all");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, test_types_are_marked);
    return suite;
}

} // namespace

GST_CHECK_MAIN(plugin_api)

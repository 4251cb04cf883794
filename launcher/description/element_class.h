// SPDX-License-Identifier: LGPL-2.1-or-later
// The class of an element: properties and pad templates can be inspected without an instance.
#pragma once

#include "gst/ptr.h"

#include <string>
#include <vector>

namespace penstock::description {

/// Loads the plugin of an element and holds a reference to the element's class.
class ElementClass {
public:
    explicit ElementClass(const std::string &name) {
        const auto factory =
            GstPtr<GstElementFactory>::adopt(gst_element_factory_find(name.c_str()));
        if (!factory) return;
        const auto loaded = GstPtr<GstPluginFeature>::adopt(
            gst_plugin_feature_load(GST_PLUGIN_FEATURE(factory.get())));
        if (!loaded) return;
        const GType type = gst_element_factory_get_element_type(GST_ELEMENT_FACTORY(loaded.get()));
        if (type) class_ = G_OBJECT_CLASS(g_type_class_ref(type));
    }
    ~ElementClass() {
        if (class_) g_type_class_unref(class_);
    }
    ElementClass(const ElementClass &) = delete;
    ElementClass &operator=(const ElementClass &) = delete;

    explicit operator bool() const { return class_ != nullptr; }
    GstElementClass *get() const { return GST_ELEMENT_CLASS(class_); }
    GParamSpec *find(const std::string &property) const {
        return g_object_class_find_property(class_, property.c_str());
    }
    std::vector<std::string> properties() const {
        guint count = 0;
        GParamSpec **specs = g_object_class_list_properties(class_, &count);
        std::vector<std::string> names;
        for (guint i = 0; i < count; ++i)
            names.emplace_back(specs[i]->name);
        g_free(specs);
        return names;
    }

private:
    GObjectClass *class_ = nullptr;
};

} // namespace penstock::description

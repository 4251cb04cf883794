// SPDX-License-Identifier: LGPL-2.1-or-later
// PenstockDescription: loads, tells about itself, binds.
#include "description/catalogue.h"
#include "description/elements.h"
#include "embedding/internal.h"
#include "gst/core_log.h"

#include <map>

using namespace penstock;
using namespace penstock::embedding;
using penstock::description::Problem;

struct _PenstockDescription {
    GObject parent;
    SharedDescription *held;
};

G_DEFINE_FINAL_TYPE(PenstockDescription, penstock_description, G_TYPE_OBJECT)

enum { PROP_0, PROP_NAME, PROP_SUMMARY, PROP_TEXT };

static void penstock_description_init(PenstockDescription *) {
}

static void penstock_description_finalize(GObject *object) {
    delete PENSTOCK_DESCRIPTION(object)->held;
    G_OBJECT_CLASS(penstock_description_parent_class)->finalize(object);
}

static void penstock_description_get_property(GObject *object, guint id, GValue *value,
                                              GParamSpec *spec) {
    auto *self = PENSTOCK_DESCRIPTION(object);
    switch (id) {
    case PROP_NAME:
        g_value_set_string(value, penstock_description_get_name(self));
        break;
    case PROP_SUMMARY:
        g_value_set_string(value, penstock_description_get_summary(self));
        break;
    case PROP_TEXT:
        g_value_set_string(value, penstock_description_get_text(self));
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void penstock_description_class_init(PenstockDescriptionClass *klass) {
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->finalize = penstock_description_finalize;
    object_class->get_property = penstock_description_get_property;
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    g_object_class_install_property(
        object_class, PROP_NAME,
        g_param_spec_string("name", "Name", "The file's name without its ending", nullptr, ro));
    g_object_class_install_property(
        object_class, PROP_SUMMARY,
        g_param_spec_string("summary", "Summary", "One line", nullptr, ro));
    g_object_class_install_property(object_class, PROP_TEXT,
                                    g_param_spec_string("text", "Text", "More", nullptr, ro));
}

namespace {

/// Checking elements needs GStreamer's registry.
void start_gstreamer() {
    if (!gst_is_initialized()) gst_init(nullptr, nullptr);
    static const bool installed = (install_core_log(), true);
    (void)installed;
}

PenstockDescription *finish(description::Loaded loaded, GError **error) {
    if (!loaded.description) {
        set_error(error, PENSTOCK_ERROR_DESCRIPTION, loaded.render_problems());
        return nullptr;
    }
    auto *self = PENSTOCK_DESCRIPTION(g_object_new(PENSTOCK_TYPE_DESCRIPTION, nullptr));
    self->held = new SharedDescription(std::move(loaded.description));
    return self;
}

using Values = std::map<std::string, std::string>;

PenstockBinding *bind_values(const SharedDescription &description, const Values &values,
                             GError **error) {
    std::string text;
    const auto add = [&](const Problem &problem) { text += description->source.render(problem); };
    for (const auto &[name, value] : values) {
        const description::Parameter *parameter = description->find_parameter(name);
        std::string reason;
        if (!parameter)
            add({{},
                 "there is no parameter '" + name + "'",
                 description::did_you_mean(
                     name, description->parameter_names(),
                     "there are " + description::enumerate(description->parameter_names()))});
        else if (!g_utf8_validate(value.c_str(), -1, nullptr))
            add({parameter->mark, "the value of '" + name + "' is not UTF-8", ""});
        else if (!description::parse_value(*parameter, value, &reason))
            add({parameter->mark, "the parameter '" + name + "' can't have this value: " + reason,
                 ""});
    }
    std::vector<std::string> others;
    description::Binding binding(*description, values, g_getenv, others);
    // An invalid value has been reported with its location.
    if (text.empty())
        for (const std::string &other : others)
            text += other + "\n";
    if (!text.empty()) {
        set_error(error, PENSTOCK_ERROR_VALUE, text);
        return nullptr;
    }
    return new_binding(std::make_shared<Bound>(description, std::move(binding)));
}

} // namespace

gchar **penstock_list_descriptions(void) {
    return shielded<gchar **>(nullptr, PENSTOCK_ERROR_NOT_FOUND, dup_list({}), [] {
        std::vector<std::string> names;
        for (const auto &[name, file] : description::all_descriptions())
            names.push_back(name);
        return dup_list(names);
    });
}

PenstockDescription *penstock_description_new_from_name(const gchar *name, GError **error) {
    g_return_val_if_fail(name != nullptr, nullptr);
    return shielded<PenstockDescription *>(error, PENSTOCK_ERROR_DESCRIPTION, nullptr, [&] {
        std::string reason;
        const std::string file = description::find_file(name, &reason);
        if (!file.empty()) return penstock_description_new_from_file(file.c_str(), error);
        set_error(error, PENSTOCK_ERROR_NOT_FOUND, reason);
        return static_cast<PenstockDescription *>(nullptr);
    });
}

PenstockDescription *penstock_description_new_from_file(const gchar *file, GError **error) {
    g_return_val_if_fail(file != nullptr, nullptr);
    return shielded<PenstockDescription *>(error, PENSTOCK_ERROR_DESCRIPTION, nullptr, [&] {
        start_gstreamer();
        return finish(description::load(file, true), error);
    });
}

PenstockDescription *penstock_description_new_from_string(const gchar *text, const gchar *name,
                                                          GError **error) {
    g_return_val_if_fail(text != nullptr, nullptr);
    return shielded<PenstockDescription *>(error, PENSTOCK_ERROR_DESCRIPTION, nullptr, [&] {
        start_gstreamer();
        return finish(description::load_text(name ? name : "description", text, true), error);
    });
}

const gchar *penstock_description_get_name(PenstockDescription *self) {
    g_return_val_if_fail(PENSTOCK_IS_DESCRIPTION(self), nullptr);
    return (*self->held)->name.c_str();
}

const gchar *penstock_description_get_summary(PenstockDescription *self) {
    g_return_val_if_fail(PENSTOCK_IS_DESCRIPTION(self), nullptr);
    return (*self->held)->summary.c_str();
}

const gchar *penstock_description_get_text(PenstockDescription *self) {
    g_return_val_if_fail(PENSTOCK_IS_DESCRIPTION(self), nullptr);
    return (*self->held)->text.c_str();
}

GList *penstock_description_list_parameters(PenstockDescription *self) {
    g_return_val_if_fail(PENSTOCK_IS_DESCRIPTION(self), nullptr);
    GList *list = nullptr;
    const bool whole = shielded(false, [&] {
        for (const description::Parameter &parameter : (*self->held)->parameters)
            list = g_list_prepend(list, new_parameter(*self->held, parameter));
        return true;
    });
    if (!whole) g_list_free_full(std::exchange(list, nullptr), g_object_unref);
    return g_list_reverse(list);
}

PenstockBinding *penstock_description_bind(PenstockDescription *self, GHashTable *values,
                                           GError **error) {
    g_return_val_if_fail(PENSTOCK_IS_DESCRIPTION(self), nullptr);
    return shielded<PenstockBinding *>(error, PENSTOCK_ERROR_VALUE, nullptr, [&] {
        Values given;
        if (values) {
            GHashTableIter iter;
            gpointer name = nullptr, value = nullptr;
            g_hash_table_iter_init(&iter, values);
            while (g_hash_table_iter_next(&iter, &name, &value))
                given[static_cast<const gchar *>(name)] =
                    value ? static_cast<const gchar *>(value) : "";
        }
        return bind_values(*self->held, given, error);
    });
}

PenstockBinding *penstock_description_bind_list(PenstockDescription *self,
                                                const gchar *const *settings, GError **error) {
    g_return_val_if_fail(PENSTOCK_IS_DESCRIPTION(self), nullptr);
    return shielded<PenstockBinding *>(
        error, PENSTOCK_ERROR_VALUE, nullptr, [&]() -> PenstockBinding * {
            Values given;
            for (; settings && *settings; ++settings) {
                const std::string setting = *settings;
                const size_t equals = setting.find('=');
                if (equals == setting.npos || equals == 0) {
                    set_error(error, PENSTOCK_ERROR_VALUE, "'" + setting + "': write name=value");
                    return nullptr;
                }
                given[setting.substr(0, equals)] = setting.substr(equals + 1);
            }
            return bind_values(*self->held, given, error);
        });
}

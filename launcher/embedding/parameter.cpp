// SPDX-License-Identifier: LGPL-2.1-or-later
// PenstockParameter.
#include "embedding/internal.h"

#include <limits>

using namespace penstock;
using penstock::description::Type;

G_DEFINE_ENUM_TYPE(PenstockParameterType, penstock_parameter_type,
                   G_DEFINE_ENUM_VALUE(PENSTOCK_PARAMETER_STRING, "string"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_PARAMETER_INT, "int"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_PARAMETER_FLOAT, "float"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_PARAMETER_BOOL, "bool"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_PARAMETER_DURATION, "duration"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_PARAMETER_BITRATE, "bitrate"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_PARAMETER_SIZE, "size"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_PARAMETER_ADDRESS, "address"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_PARAMETER_PATH, "path"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_PARAMETER_URL, "url"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_PARAMETER_CHOICE, "choice"))

static_assert(int(Type::string) == PENSTOCK_PARAMETER_STRING &&
              int(Type::duration) == PENSTOCK_PARAMETER_DURATION &&
              int(Type::choice) == PENSTOCK_PARAMETER_CHOICE);

namespace {

struct Held {
    embedding::SharedDescription description; ///< owns the parameter
    const description::Parameter &parameter;
    std::vector<const gchar *> choices;
};

} // namespace

struct _PenstockParameter {
    GObject parent;
    Held *held;
};

G_DEFINE_FINAL_TYPE(PenstockParameter, penstock_parameter, G_TYPE_OBJECT)

enum { PROP_0, PROP_NAME, PROP_VALUE_TYPE, PROP_DEFAULT, PROP_HELP, PROP_SECRET, PROP_REQUIRED };

static void penstock_parameter_init(PenstockParameter *) {
}

static void penstock_parameter_finalize(GObject *object) {
    delete PENSTOCK_PARAMETER(object)->held;
    G_OBJECT_CLASS(penstock_parameter_parent_class)->finalize(object);
}

static void penstock_parameter_get_property(GObject *object, guint id, GValue *value,
                                            GParamSpec *spec) {
    auto *self = PENSTOCK_PARAMETER(object);
    switch (id) {
    case PROP_NAME:
        g_value_set_string(value, penstock_parameter_get_name(self));
        break;
    case PROP_VALUE_TYPE:
        g_value_set_enum(value, penstock_parameter_get_value_type(self));
        break;
    case PROP_DEFAULT:
        g_value_set_string(value, penstock_parameter_get_default(self));
        break;
    case PROP_HELP:
        g_value_set_string(value, penstock_parameter_get_help(self));
        break;
    case PROP_SECRET:
        g_value_set_boolean(value, penstock_parameter_is_secret(self));
        break;
    case PROP_REQUIRED:
        g_value_set_boolean(value, penstock_parameter_is_required(self));
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void penstock_parameter_class_init(PenstockParameterClass *klass) {
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->finalize = penstock_parameter_finalize;
    object_class->get_property = penstock_parameter_get_property;
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    g_object_class_install_property(
        object_class, PROP_NAME, g_param_spec_string("name", "Name", "How it is set", nullptr, ro));
    g_object_class_install_property(
        object_class, PROP_VALUE_TYPE,
        g_param_spec_enum("value-type", "Value type", "What its values are",
                          PENSTOCK_TYPE_PARAMETER_TYPE, PENSTOCK_PARAMETER_STRING, ro));
    g_object_class_install_property(object_class, PROP_DEFAULT,
                                    g_param_spec_string("default", "Default",
                                                        "Its value where nothing else is said",
                                                        nullptr, ro));
    g_object_class_install_property(object_class, PROP_HELP,
                                    g_param_spec_string("help", "Help", "One line", nullptr, ro));
    g_object_class_install_property(
        object_class, PROP_SECRET,
        g_param_spec_boolean("secret", "Secret", "Never to be shown", FALSE, ro));
    g_object_class_install_property(
        object_class, PROP_REQUIRED,
        g_param_spec_boolean("required", "Required", "It has to be given", FALSE, ro));
}

const gchar *penstock_parameter_get_name(PenstockParameter *self) {
    g_return_val_if_fail(PENSTOCK_IS_PARAMETER(self), nullptr);
    return self->held->parameter.name.c_str();
}

PenstockParameterType penstock_parameter_get_value_type(PenstockParameter *self) {
    g_return_val_if_fail(PENSTOCK_IS_PARAMETER(self), PENSTOCK_PARAMETER_STRING);
    return PenstockParameterType(self->held->parameter.type);
}

const gchar *penstock_parameter_get_default(PenstockParameter *self) {
    g_return_val_if_fail(PENSTOCK_IS_PARAMETER(self), nullptr);
    const description::Parameter &parameter = self->held->parameter;
    return parameter.default_text && !parameter.secret ? parameter.default_text->c_str() : nullptr;
}

const gchar *penstock_parameter_get_help(PenstockParameter *self) {
    g_return_val_if_fail(PENSTOCK_IS_PARAMETER(self), nullptr);
    return self->held->parameter.help.c_str();
}

gboolean penstock_parameter_get_range(PenstockParameter *self, gdouble *minimum, gdouble *maximum) {
    g_return_val_if_fail(PENSTOCK_IS_PARAMETER(self), FALSE);
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const description::Parameter &parameter = self->held->parameter;
    if (minimum) *minimum = parameter.min.value_or(-infinity);
    if (maximum) *maximum = parameter.max.value_or(infinity);
    return parameter.min || parameter.max;
}

const gchar *const *penstock_parameter_get_choices(PenstockParameter *self) {
    g_return_val_if_fail(PENSTOCK_IS_PARAMETER(self), nullptr);
    return self->held->choices.data();
}

gboolean penstock_parameter_is_secret(PenstockParameter *self) {
    g_return_val_if_fail(PENSTOCK_IS_PARAMETER(self), FALSE);
    return self->held->parameter.secret;
}

gboolean penstock_parameter_is_required(PenstockParameter *self) {
    g_return_val_if_fail(PENSTOCK_IS_PARAMETER(self), FALSE);
    return self->held->parameter.required;
}

namespace penstock::embedding {

PenstockParameter *new_parameter(SharedDescription description, const description::Parameter &of) {
    auto held = std::make_unique<Held>(Held{std::move(description), of, {}});
    for (const description::Choice &choice : of.choices)
        held->choices.push_back(choice.name.c_str());
    held->choices.push_back(nullptr);
    auto *self = PENSTOCK_PARAMETER(g_object_new(PENSTOCK_TYPE_PARAMETER, nullptr));
    self->held = held.release();
    return self;
}

} // namespace penstock::embedding

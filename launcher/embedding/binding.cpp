// SPDX-License-Identifier: LGPL-2.1-or-later
// PenstockBinding: makes pipelines.
#include "embedding/internal.h"
#include "protocols/table.h"

using namespace penstock;
using namespace penstock::embedding;
using penstock::description::PipelineText;

struct _PenstockBinding {
    GObject parent;
    std::shared_ptr<Bound> *bound;
};

G_DEFINE_FINAL_TYPE(PenstockBinding, penstock_binding, G_TYPE_OBJECT)

static void penstock_binding_init(PenstockBinding *) {
}

static void penstock_binding_finalize(GObject *object) {
    delete PENSTOCK_BINDING(object)->bound;
    G_OBJECT_CLASS(penstock_binding_parent_class)->finalize(object);
}

static void penstock_binding_class_init(PenstockBindingClass *klass) {
    G_OBJECT_CLASS(klass)->finalize = penstock_binding_finalize;
}

namespace penstock::embedding {

PenstockBinding *new_binding(std::shared_ptr<Bound> bound) {
    auto *self = PENSTOCK_BINDING(g_object_new(PENSTOCK_TYPE_BINDING, nullptr));
    self->bound = new std::shared_ptr<Bound>(std::move(bound));
    return self;
}

std::shared_ptr<Bound> bound_of(PenstockBinding *binding) {
    return *binding->bound;
}

namespace {

std::vector<const PipelineText *> pipelines(const Bound &bound) {
    std::vector<const PipelineText *> out;
    for (const PipelineText &text : bound.description->start)
        if (bound.values.holds(text.when)) out.push_back(&text);
    return out;
}

const PipelineText *find(const Bound &bound, const gchar *name, GError **error) {
    const auto all = pipelines(bound);
    std::vector<std::string> names;
    for (const PipelineText *text : all) {
        if (!name || text->name == name) return text;
        names.push_back(text->name);
    }
    const std::string which = name ? " '" + std::string(name) + "'" : "";
    set_error(error, PENSTOCK_ERROR_NOT_FOUND,
              bound.description->name + ": there is no `start` pipeline" + which + ": " +
                  (names.empty() ? "it has rules only, which a PenstockServer runs"
                                 : "there are " + description::enumerate(names)));
    return nullptr;
}

/// Makes the elements that receive publishers require the key, since no rule is active to do so.
void require_key(GstElement *pipeline, const std::string &key) {
    GstIterator *all = gst_bin_iterate_recurse(GST_BIN(pipeline));
    gst_iterator_foreach(
        all,
        [](const GValue *item, gpointer data) {
            auto *element = GST_ELEMENT(g_value_get_object(item));
            GstElementFactory *factory = gst_element_get_factory(element);
            const auto known = factory ? protocols::find_element(GST_OBJECT_NAME(factory))
                                       : protocols::FoundElement();
            if (known && known.use->role == protocols::Role::receive && known.use->key_property)
                g_object_set(element, known.use->key_property, static_cast<gchar *>(data), nullptr);
        },
        const_cast<gchar *>(key.c_str()));
    gst_iterator_free(all);
}

GstElement *make(PenstockBinding *self, const gchar *name, bool as_bin, GError **error) {
    g_return_val_if_fail(PENSTOCK_IS_BINDING(self), nullptr);
    return shielded<GstElement *>(error, PENSTOCK_ERROR_BUILD, nullptr, [&]() -> GstElement * {
        Bound &bound = **self->bound;
        std::lock_guard lock(bound.mutex);
        const PipelineText *text = find(bound, name, error);
        if (!text) return nullptr;
        std::string reason;
        auto element = as_bin ? bound.values.instantiate_bin(*text, {}, &reason)
                              : bound.values.instantiate(*text, {}, &reason);
        if (!element) set_error(error, PENSTOCK_ERROR_BUILD, reason);
        return element.release();
    });
}

} // namespace
} // namespace penstock::embedding

gchar *penstock_binding_dup_value(PenstockBinding *self, const gchar *parameter) {
    g_return_val_if_fail(PENSTOCK_IS_BINDING(self) && parameter, nullptr);
    return shielded<gchar *>(nullptr, [&] {
        Bound &bound = **self->bound;
        std::lock_guard lock(bound.mutex);
        const description::Value *value = bound.values.find(parameter);
        return value ? dup(value->text) : nullptr;
    });
}

gchar **penstock_binding_dup_pipelines(PenstockBinding *self) {
    g_return_val_if_fail(PENSTOCK_IS_BINDING(self), nullptr);
    return shielded<gchar **>(nullptr, [&] {
        Bound &bound = **self->bound;
        std::lock_guard lock(bound.mutex);
        std::vector<std::string> names;
        for (const PipelineText *text : pipelines(bound))
            names.push_back(text->name);
        return dup_list(names);
    });
}

GstElement *penstock_binding_create_pipeline(PenstockBinding *self, const gchar *name,
                                             GError **error) {
    return make(self, name, false, error);
}

GstElement *penstock_binding_create_bin(PenstockBinding *self, const gchar *name, GError **error) {
    return make(self, name, true, error);
}

GstElement *penstock_binding_create_publish_pipeline(PenstockBinding *self, const gchar *path,
                                                     GError **error) {
    g_return_val_if_fail(PENSTOCK_IS_BINDING(self) && path, nullptr);
    return shielded<GstElement *>(error, PENSTOCK_ERROR_BUILD, nullptr, [&]() -> GstElement * {
        Bound &bound = **self->bound;
        std::lock_guard lock(bound.mutex);
        std::string reason;
        for (const description::PublishRule &rule : bound.description->publish) {
            if (!bound.values.is_there(rule)) continue;
            const auto pattern = description::PathPattern::make(rule.match, bound.values, &reason);
            const auto captures = pattern ? pattern->match(path) : std::nullopt;
            if (!captures) continue;
            auto pipeline = bound.values.instantiate(rule.pipeline, *captures, &reason);
            const auto key = rule.publish_key
                                 ? bound.values.expand(rule.publish_key->pieces, {}, &reason)
                                 : std::string();
            if (!pipeline || !key) {
                set_error(error, PENSTOCK_ERROR_BUILD, reason);
                return nullptr;
            }
            if (!key->empty()) require_key(pipeline.get(), *key);
            return pipeline.release();
        }
        set_error(error, PENSTOCK_ERROR_NOT_FOUND,
                  bound.description->name + ": no `publish` rule takes '" + path +
                      "': a path is written as in live/cam");
        return nullptr;
    });
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// The element penstockbin: a bin filled by libpenstock.
/**
 * SECTION:element-penstockbin
 * @title: penstockbin
 * @short_description: a description's pipeline as an element
 *
 * Holds a `start` pipeline of the description that `description` names, with the values that
 * `parameters` gives. A sink pad and a source pad that its text leaves open are there as `sink` and
 * `src`, as soon as the properties are set. `parameters` is text and no GstStructure: each value is
 * what stands behind `--set`, so that a URL or `2s` needs no quotes, and the description says of
 * what type it is. What is wrong with the description or a value is an
 * error when the element leaves NULL, with its place.
 *
 * When not: publishers, restarts and branches that may fail need `penstock run`, or a
 * PenstockServer in an application. A description that has rules only has nothing to hold.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 penstockbin description=file-to-udp parameters="file=movie.mp4,to=127.0.0.1:21934"
 * ]|
 * Sends movie.mp4 in a loop as MPEG-TS: watch it with `ffplay udp://127.0.0.1:21934`.
 *
 * Since: 0.1.0
 */
#include "bin/penstockbin.h"

#include "gst/guard.h"
#include "gst/ptr.h"

#include <penstock/penstock.h>

#include <mutex>
#include <string>
#include <vector>

GST_DEBUG_CATEGORY_STATIC(penstock_bin_debug);
#define GST_CAT_DEFAULT penstock_bin_debug

using namespace penstock;

namespace {

struct Impl {
    std::mutex mutex; ///< guards the following; not held while elements are created or removed
    std::string description, parameters, pipeline;
    std::string error; ///< why there is no content
    GstPtr<GstElement> content;
};

/// Whether a parameter name and `=` begin at position `at`.
bool begins_setting(const std::string &text, size_t at) {
    const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_", at);
    return end != text.npos && end > at && text[end] == '=';
}

/// Splits "file=/x.mp4,rate=2Mbit"; a comma before something that looks like a further setting but
/// is not one is written `\,`.
std::vector<std::string> split(const std::string &parameters) {
    std::vector<std::string> out;
    std::string one;
    for (size_t i = 0; i < parameters.size(); ++i) {
        if (parameters[i] == '\\' && i + 1 < parameters.size() &&
            (parameters[i + 1] == ',' || parameters[i + 1] == '\\')) {
            one += parameters[++i];
        } else if (parameters[i] == ',' && begins_setting(parameters, i + 1)) {
            out.push_back(std::exchange(one, {}));
        } else {
            one += parameters[i];
        }
    }
    out.push_back(one);
    std::erase(out, "");
    return out;
}

} // namespace

struct PenstockBin {
    GstBin parent;
    Impl *impl;
};
struct PenstockBinClass {
    GstBinClass parent;
};
#define IMPL(object) (reinterpret_cast<PenstockBin *>(object)->impl)

G_DEFINE_TYPE(PenstockBin, penstock_bin, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE(penstockbin, "penstockbin", GST_RANK_NONE, penstock_bin_get_type())

enum { PROP_0, PROP_DESCRIPTION, PROP_PARAMETERS, PROP_PIPELINE, PROP_STATS };

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_SOMETIMES, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS_ANY);

/// Builds the content that the properties describe. On failure returns nullptr and sets the reason.
static GstPtr<GstElement> make_content(const Impl &wanted, std::string &reason) {
    GError *error = nullptr;
    GstPtr<GstElement> content;
    std::vector<std::string> settings = split(wanted.parameters);
    std::vector<const gchar *> list;
    for (const std::string &setting : settings)
        list.push_back(setting.c_str());
    list.push_back(nullptr);
    auto description = GstPtr<GObject>::adopt(reinterpret_cast<GObject *>(
        penstock_description_new_from_name(wanted.description.c_str(), &error)));
    GstPtr<GObject> binding;
    if (description)
        binding = GstPtr<GObject>::adopt(reinterpret_cast<GObject *>(penstock_description_bind_list(
            PENSTOCK_DESCRIPTION(description.get()), list.data(), &error)));
    if (binding)
        content = GstPtr<GstElement>::adopt(penstock_binding_create_bin(
            PENSTOCK_BINDING(binding.get()),
            wanted.pipeline.empty() ? nullptr : wanted.pipeline.c_str(), &error));
    if (error) reason = error->message;
    g_clear_error(&error);
    return content;
}

/// Exposes the content's open ends as ghost pads.
static void add_ghost_pads(GstElement *self, GstElement *content) {
    for (auto *static_template : {&sink_template, &src_template}) {
        const auto inner = GstPtr<GstPad>::adopt(
            gst_element_get_static_pad(content, static_template->name_template));
        if (!inner) continue;
        const auto of = GstPtr<GstPadTemplate>::adopt(gst_static_pad_template_get(static_template));
        gst_element_add_pad(self, gst_ghost_pad_new_from_template(static_template->name_template,
                                                                  inner.get(), of.get()));
    }
}

static void remove_content(GstElement *self) {
    Impl &impl = *IMPL(self);
    std::unique_lock lock(impl.mutex);
    const GstPtr<GstElement> old = std::move(impl.content);
    lock.unlock();
    if (!old) return;
    for (const char *name : {"sink", "src"})
        if (const auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(self, name)))
            gst_element_remove_pad(self, pad.get());
    gst_bin_remove(GST_BIN(self), old.get());
}

/// Called when a property is set, because applications link pads before they change the state.
static void rebuild(GstElement *self) {
    Impl &impl = *IMPL(self);
    remove_content(self);
    Impl wanted;
    {
        std::lock_guard lock(impl.mutex);
        wanted.description = impl.description;
        wanted.parameters = impl.parameters;
        wanted.pipeline = impl.pipeline;
    }
    std::string reason;
    GstPtr<GstElement> content;
    if (wanted.description.empty())
        reason = "no description is given: set the property description to a name or a file";
    else
        content = make_content(wanted, reason);
    if (content) {
        gst_bin_add(GST_BIN(self), content.get());
        add_ghost_pads(self, content.get());
    }
    std::lock_guard lock(impl.mutex);
    impl.content = content;
    impl.error = reason;
}

static GstStructure *make_stats(GstElement *self) {
    GstStructure *stats = gst_structure_new_empty("penstock-stats");
    GstIterator *all = gst_bin_iterate_recurse(GST_BIN(self));
    gst_iterator_foreach(
        all,
        [](const GValue *item, gpointer data) {
            auto *element = static_cast<GObject *>(g_value_get_object(item));
            GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), "stats");
            if (!spec || spec->value_type != GST_TYPE_STRUCTURE) return;
            GstStructure *one = nullptr;
            g_object_get(element, "stats", &one, nullptr);
            if (!one) return;
            gst_structure_set(static_cast<GstStructure *>(data), GST_OBJECT_NAME(element),
                              GST_TYPE_STRUCTURE, one, nullptr);
            gst_structure_free(one);
        },
        stats);
    gst_iterator_free(all);
    return stats;
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        Impl &impl = *IMPL(object);
        const char *text = g_value_get_string(value);
        if (GST_STATE(object) != GST_STATE_NULL) {
            GST_WARNING_OBJECT(object, "%s can be set in state NULL only", spec->name);
            return;
        }
        {
            std::lock_guard lock(impl.mutex);
            std::string &property = id == PROP_DESCRIPTION  ? impl.description
                                    : id == PROP_PARAMETERS ? impl.parameters
                                                            : impl.pipeline;
            property = text ? text : "";
            if (impl.description.empty()) return;
        }
        rebuild(GST_ELEMENT(object));
    });
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        Impl &impl = *IMPL(object);
        if (id == PROP_STATS) {
            g_value_take_boxed(value, make_stats(GST_ELEMENT(object)));
            return;
        }
        std::lock_guard lock(impl.mutex);
        switch (id) {
        case PROP_DESCRIPTION:
            g_value_set_string(value, impl.description.c_str());
            break;
        case PROP_PARAMETERS:
            // The value is not readable: it may contain secrets, and properties appear in logs and
            // dot files.
            g_value_set_string(value, impl.parameters.empty() ? "" : "(set)");
            break;
        case PROP_PIPELINE:
            g_value_set_string(value, impl.pipeline.c_str());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
    return guard(element, GST_STATE_CHANGE_FAILURE, [&] {
        if (transition == GST_STATE_CHANGE_NULL_TO_READY) {
            Impl &impl = *IMPL(element);
            std::unique_lock lock(impl.mutex);
            const bool empty = !impl.content;
            lock.unlock();
            if (empty) rebuild(element); // missing files or elements may exist by now
            lock.lock();
            const std::string error = impl.error;
            lock.unlock();
            if (!error.empty()) {
                GST_ELEMENT_ERROR(element, LIBRARY, SETTINGS, ("%s", error.c_str()), (nullptr));
                return GST_STATE_CHANGE_FAILURE;
            }
        }
        return GST_ELEMENT_CLASS(penstock_bin_parent_class)->change_state(element, transition);
    });
}

static void dispose(GObject *object) {
    guard(object, [&] {
        std::lock_guard lock(IMPL(object)->mutex);
        IMPL(object)->content.reset();
    });
    G_OBJECT_CLASS(penstock_bin_parent_class)->dispose(object);
}

static void finalize(GObject *object) {
    delete IMPL(object);
    G_OBJECT_CLASS(penstock_bin_parent_class)->finalize(object);
}

static void penstock_bin_class_init(PenstockBinClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_bin_debug, "penstockbin", 0, "a description as an element");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->dispose = dispose;
    object_class->finalize = finalize;
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    g_object_class_install_property(
        object_class, PROP_DESCRIPTION,
        g_param_spec_string("description", "Description",
                            "A description's name, as `penstock list` has it, or its file; set in "
                            "NULL only",
                            "", rw));
    g_object_class_install_property(
        object_class, PROP_PARAMETERS,
        g_param_spec_string("parameters", "Parameters",
                            "name=value, several joined by commas; in a value, a comma in front of "
                            "another name= is written \\,; set in NULL only",
                            "", rw));
    g_object_class_install_property(
        object_class, PROP_PIPELINE,
        g_param_spec_string("pipeline", "Pipeline",
                            "The name of the `start` pipeline; empty: the first; set in NULL only",
                            "", rw));
    g_object_class_install_property(
        object_class, PROP_STATS,
        g_param_spec_boxed(
            "stats", "Statistics", "The stats of each element inside that has some, by its name",
            GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Penstock description", "Generic/Bin",
                                          "Holds a pipeline of a Penstock description",
                                          "The Penstock authors");
}

static void penstock_bin_init(PenstockBin *self) {
    self->impl = new Impl;
}

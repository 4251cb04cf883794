// SPDX-License-Identifier: LGPL-2.1-or-later
// A description as a part of an application's own pipeline: its picture goes into the
// application's fakesink. embed FILE [NAME=VALUE…]
//   g++ -std=c++17 embed.cpp $(pkg-config --cflags --libs penstock-1.0) -o embed
#include <penstock/penstock.h>

#include <cstdio>

static int fail(const char *what, GError *error) {
    std::fprintf(stderr, "%s: %s\n", what, error ? error->message : "no reason given");
    g_clear_error(&error);
    return 1;
}

int main(int argc, char **argv) {
    gst_init(&argc, &argv);
    if (argc < 2) return fail("usage", g_error_new(PENSTOCK_ERROR, 0, "embed FILE [NAME=VALUE]"));
    GError *error = nullptr;
    g_autoptr(PenstockDescription) description =
        penstock_description_new_from_name(argv[1], &error);
    if (!description) return fail("load", error);
    g_autoptr(PenstockBinding) binding =
        penstock_description_bind_list(description, argv + 2, &error);
    if (!binding) return fail("bind", error);
    GstElement *source = penstock_binding_create_bin(binding, nullptr, &error);
    if (!source) return fail("create", error);

    g_autoptr(GstElement) pipeline = GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr)));
    GstElement *sink = gst_element_factory_make("fakesink", "sink");
    g_object_set(sink, "sync", TRUE, nullptr);
    gst_bin_add_many(GST_BIN(pipeline), source, sink, nullptr);
    gst_object_unref(source); // the pipeline has it
    if (!gst_element_link(source, sink)) return fail("link", nullptr);

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(
        bus, GST_CLOCK_TIME_NONE, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, nullptr);
    g_autoptr(GstStructure) stats = nullptr;
    g_object_get(sink, "stats", &stats, nullptr);
    guint64 rendered = 0;
    gst_structure_get_uint64(stats, "rendered", &rendered);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    if (error) return fail("run", error);
    std::printf("%s: %" G_GUINT64_FORMAT " frames\n", penstock_description_get_name(description),
                rendered);
    return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "srt/link_settings.h"

namespace penstock::srt {
namespace {

enum { PASSPHRASE, KEY_LENGTH, LATENCY, END };

} // namespace

guint install_link_settings(GObjectClass *klass, guint first) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const net::SrtTraits defaults;
    g_object_class_install_property(
        klass, first + PASSPHRASE,
        g_param_spec_string("passphrase", "Passphrase",
                            "Encrypts the stream (AES): 10 to 79 bytes, the same at both ends; "
                            "empty: not encrypted. Write-only",
                            "", rw));
    g_object_class_install_property(
        klass, first + KEY_LENGTH,
        g_param_spec_uint("pbkeylen", "Key length",
                          "Bytes of the AES key: 16, 24 or 32; 0: what the other end has, or 16", 0,
                          32, defaults.key_length, rw));
    g_object_class_install_property(
        klass, first + LATENCY,
        g_param_spec_uint(
            "latency", "Latency",
            "Milliseconds for which packets are held back, so that lost ones can come "
            "again: three to four round trips. The longer one of the two ends' counts",
            0, 30'000, defaults.latency_ms, rw));
    return first + END;
}

bool set_link_setting(net::SrtTraits &traits, guint first, guint id, const GValue *value) {
    switch (id - first) {
    case PASSPHRASE: {
        const char *text = g_value_get_string(value);
        traits.passphrase = text ? text : "";
        return true;
    }
    case KEY_LENGTH:
        traits.key_length = g_value_get_uint(value);
        return true;
    case LATENCY:
        traits.latency_ms = g_value_get_uint(value);
        return true;
    default:
        return false;
    }
}

bool get_link_setting(const net::SrtTraits &traits, guint first, guint id, GValue *value) {
    switch (id - first) {
    case PASSPHRASE:
        // Never readable: properties end up in logs and dot files.
        g_value_set_string(value, traits.passphrase.empty() ? "" : "(set)");
        return true;
    case KEY_LENGTH:
        g_value_set_uint(value, traits.key_length);
        return true;
    case LATENCY:
        g_value_set_uint(value, traits.latency_ms);
        return true;
    default:
        return false;
    }
}

void add_network_stats(GstStructure *stats, const net::SrtNetwork &network) {
    gst_structure_set(
        stats, "rtt", G_TYPE_UINT64, static_cast<guint64>(network.rtt_ms * GST_MSECOND),
        "bandwidth", G_TYPE_UINT64, static_cast<guint64>(network.bandwidth), "rate", G_TYPE_UINT64,
        static_cast<guint64>(network.rate), "buffer", G_TYPE_UINT64,
        guint64(network.buffer_ms) * GST_MSECOND, "lost", G_TYPE_UINT64, guint64(network.lost),
        "retransmitted", G_TYPE_UINT64, guint64(network.retransmitted), "late", G_TYPE_UINT64,
        guint64(network.dropped), nullptr);
}

} // namespace penstock::srt

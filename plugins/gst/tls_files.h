// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties of elements that serve HTTPS or RTMPS.
#pragma once

#include <gst/gst.h>

namespace penstock {

/// Installs two string properties, empty by default and changeable in READY.
inline void install_tls_files(GObjectClass *klass, guint certificate, guint key) {
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    g_object_class_install_property(
        klass, certificate,
        g_param_spec_string("tls-certificate", "TLS certificate",
                            "PEM file for a location with TLS: the certificate, then those "
                            "between it and the root",
                            "", flags));
    g_object_class_install_property(
        klass, key,
        g_param_spec_string("tls-key", "TLS key",
                            "PEM file with the certificate's private key, without a passphrase", "",
                            flags));
}

} // namespace penstock

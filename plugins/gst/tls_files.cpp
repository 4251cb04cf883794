// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/tls_files.h"

#include "core/net/tls/context.h"

GST_DEBUG_CATEGORY_STATIC(tls_files_debug);
#define GST_CAT_DEFAULT tls_files_debug

namespace penstock {

void install_tls_files(GObjectClass *klass, guint certificate, guint key) {
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

void warn_of_idle_tls(GstElement *element, const std::string &location,
                      const net::TlsFiles &given) {
    static const bool initialized = [] {
        GST_DEBUG_CATEGORY_INIT(tls_files_debug, "penstock-tls", 0, "TLS of elements");
        return true;
    }();
    (void)initialized;
    const std::string scheme = location.substr(0, location.find("://"));
    if (given.empty() || net::can_use_tls(scheme) || !net::TlsContext::is_first_idle_report(given))
        return;
    GST_ELEMENT_WARNING(
        element, RESOURCE, SETTINGS,
        ("tls-certificate and tls-key are not used: only a location that begins with https:// is "
         "served with TLS, and this one is '%s'.",
         location.c_str()),
        (nullptr));
}

} // namespace penstock

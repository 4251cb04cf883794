// SPDX-License-Identifier: LGPL-2.1-or-later
// Errors, enumerations, the version.
#include "config.h"
#include "embedding/internal.h"

#include <cstring>

GQuark penstock_error_quark(void) {
    return g_quark_from_static_string("penstock-error-quark");
}

G_DEFINE_ENUM_TYPE(PenstockError, penstock_error,
                   G_DEFINE_ENUM_VALUE(PENSTOCK_ERROR_NOT_FOUND, "not-found"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_ERROR_DESCRIPTION, "description"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_ERROR_VALUE, "value"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_ERROR_BUILD, "build"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_ERROR_RUN, "run"))

G_DEFINE_ENUM_TYPE(PenstockSeverity, penstock_severity,
                   G_DEFINE_ENUM_VALUE(PENSTOCK_SEVERITY_INFO, "info"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_SEVERITY_WARNING, "warning"),
                   G_DEFINE_ENUM_VALUE(PENSTOCK_SEVERITY_ERROR, "error"))

const gchar *penstock_version(void) {
    return VERSION;
}

namespace penstock::embedding {

void set_error(GError **error, PenstockError code, std::string message) {
    while (message.ends_with('\n'))
        message.pop_back();
    g_set_error_literal(error, PENSTOCK_ERROR, code, message.c_str());
}

gchar *dup(const std::string &text) {
    return g_strndup(text.data(), text.size());
}

gchar **dup_list(const std::vector<std::string> &texts) {
    gchar **list = g_new0(gchar *, texts.size() + 1);
    for (size_t i = 0; i < texts.size(); ++i)
        list[i] = dup(texts[i]);
    return list;
}

} // namespace penstock::embedding

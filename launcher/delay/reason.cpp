// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/reason.h"

#include <gio/gio.h>

namespace penstock::delay {
std::string why_nothing_came(const Protocol &protocol, const std::string &url,
                             const Failure &failure) {
    const protocols::Protocol &owner = protocols::owner_of(protocol);
    if (owner.explain_failure) return owner.explain_failure(url, failure);
    return failure.message.empty() ? "no frame came: is the stream published, under that name?"
                                   : failure.message;
}

bool trust(const std::string &file, std::string *error) {
    GError *failed = nullptr;
    GList *found = g_tls_certificate_list_new_from_file(file.c_str(), &failed);
    const bool has_some = found != nullptr;
    g_list_free_full(found, g_object_unref);
    // GTlsFileDatabase needs an absolute path.
    char *path = g_canonicalize_filename(file.c_str(), nullptr);
    GTlsDatabase *database = has_some ? g_tls_file_database_new(path, &failed) : nullptr;
    g_free(path);
    if (!database) {
        *error = "no certificate can be read from " + file + ": " +
                 (failed ? failed->message : "there is none in it");
        g_clear_error(&failed);
        return false;
    }
    g_tls_backend_set_default_database(g_tls_backend_get_default(), database);
    g_object_unref(database);
    return true;
}

} // namespace penstock::delay

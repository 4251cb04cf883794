// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/reason.h"

#include "core/net/loop/thread.h"

#include <gio/gio.h>

#include <mutex>

namespace penstock::delay {
namespace {

std::string why_nothing_came(const Protocol &protocol, const std::string &url,
                             const Failure &failure, const protocols::Asking &asking) {
    const protocols::Protocol &owner = protocols::owner_of(protocol);
    if (owner.explain_failure) return owner.explain_failure(url, failure, asking);
    return failure.message.empty()
               ? asking.nothing_came() + ": is the stream published, under that name?"
               : failure.message;
}

} // namespace

struct Reason::Found {
    GCancellable *const cancel = g_cancellable_new();
    std::mutex lock; ///< guards `text`
    std::optional<std::string> text;

    Found() = default;
    Found(const Found &) = delete;
    Found &operator=(const Found &) = delete;
    ~Found() { g_object_unref(cancel); }
};

Reason::Reason(const Protocol &protocol, std::string url)
    : protocol_(protocol), url_(std::move(url)) {
}

Reason::~Reason() {
    forget();
}

void Reason::forget() {
    if (found_) g_cancellable_cancel(found_->cancel);
    if (thread_.joinable()) thread_.join();
    found_.reset();
}

void Reason::ask(const Failure &failure, unsigned patience, unsigned waited) {
    forget();
    found_ = std::make_shared<Found>();
    const auto find = [this, found = found_, failure, patience, waited] {
        std::string text =
            why_nothing_came(protocol_, url_, failure,
                             {.patience = patience, .waited = waited, .cancel = found->cancel});
        const std::lock_guard guard(found->lock);
        found->text = std::move(text);
    };
    thread_ = net::start_thread(find);
    // Without a thread it blocks, which is better than giving no reason.
    if (!thread_.joinable()) find();
}

std::optional<std::string> Reason::answer() const {
    if (!found_) return std::nullopt;
    const std::lock_guard guard(found_->lock);
    return found_->text;
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

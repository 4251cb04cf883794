// SPDX-License-Identifier: LGPL-2.1-or-later
// Preloaded into a server under test: at SIGRTMIN+7 it returns freed memory to the system and
// writes the bytes that are in use to the file that SOAK_MEMORY names.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <pthread.h>
#include <string>

namespace {

sigset_t wanted() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 7);
    return set;
}

void *serve(void *path) {
    const std::string whole = static_cast<const char *>(path), part = whole + ".part";
    const sigset_t set = wanted();
    for (int number = 0; sigwait(&set, &number) == 0;) {
        malloc_trim(0);
        const struct mallinfo2 now = mallinfo2();
        if (FILE *file = std::fopen(part.c_str(), "w")) {
            std::fprintf(file, "%zu\n", now.uordblks + now.hblkhd);
            std::fclose(file);
            std::rename(part.c_str(), whole.c_str());
        }
    }
    return nullptr;
}

/// Before main(), so that every thread inherits the mask. Signals for the server are for its
/// threads.
__attribute__((constructor)) void begin() {
    const char *path = std::getenv("SOAK_MEMORY");
    if (!path) return;
    const sigset_t set = wanted();
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    if (pthread_create(&thread, nullptr, serve, strdup(path)) == 0) pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

} // namespace

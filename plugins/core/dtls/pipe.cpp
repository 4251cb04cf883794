// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/dtls/pipe.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <openssl/bio.h>

namespace penstock::dtls {

struct Pipe::Callbacks {
    static Pipe *of(BIO *bio) { return static_cast<Pipe *>(BIO_get_data(bio)); }

    static int read(BIO *bio, char *out, int room) {
        const ByteView datagram = std::exchange(of(bio)->input_, {});
        BIO_clear_retry_flags(bio);
        if (datagram.empty()) {
            BIO_set_retry_read(bio);
            return -1;
        }
        const size_t size = std::min(datagram.size(), size_t(std::max(room, 0)));
        std::memcpy(out, datagram.data(), size);
        return int(size);
    }
    static int write(BIO *bio, const char *data, int size) {
        if (size <= 0) return 0;
        of(bio)->on_output(ByteView(reinterpret_cast<const uint8_t *>(data), size_t(size)));
        return size;
    }
    static long control(BIO *, int what, long, void *) { return what == BIO_CTRL_FLUSH ? 1 : 0; }

    static const BIO_METHOD *method() {
        static const BIO_METHOD *const made = [] {
            BIO_METHOD *out = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
            if (!out || BIO_meth_set_read(out, read) != 1 || BIO_meth_set_write(out, write) != 1 ||
                BIO_meth_set_ctrl(out, control) != 1)
                throw std::bad_alloc();
            return out;
        }();
        return made;
    }
};

bio_st *Pipe::make_bio() {
    BIO *const out = BIO_new(Callbacks::method());
    if (!out) throw std::bad_alloc();
    BIO_set_data(out, this);
    BIO_set_init(out, 1);
    return out;
}

} // namespace penstock::dtls

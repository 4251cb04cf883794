// SPDX-License-Identifier: LGPL-2.1-or-later
// OpenSSL's way to datagrams: one that came in, and each that goes out by a function. Unlike
// OpenSSL's memory it keeps where one ends.
#pragma once

#include "core/bytes/bytes.h"

struct bio_st;

namespace penstock::dtls {

/// Stays where it is, and outlives the BIO.
class Pipe {
public:
    virtual ~Pipe() = default;
    /// A BIO that reads input() once and writes to on_output(); the caller's. Throws
    /// std::bad_alloc.
    bio_st *make_bio();

protected:
    /// The datagram that is read next; it stays valid until it is another.
    void input(ByteView datagram) { input_ = datagram; }
    /// Does not throw.
    virtual void on_output(ByteView datagram) noexcept = 0;

private:
    struct Callbacks;
    ByteView input_;
};

} // namespace penstock::dtls

// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's side of an HTTP/2 connection (RFC 9113) without a socket: bytes in, requests out;
// answers in, gather lists over their memory out. This header does not need libnghttp2.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"
#include "core/http2/allowance.h"
#include "core/http2/fields.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sys/uio.h>

struct nghttp2_session;

namespace penstock::http2 {

/// RFC 9113, section 7.
enum class Error : uint32_t {
    none = 0,
    internal = 2,
    refused_stream = 7,
    cancel = 8,
    enhance_your_calm = 11,
    http_1_1_required = 13
};

/// What a client may cost.
struct Limits {
    uint32_t streams = 100;         ///< requests at a time
    size_t header = 16 << 10;       ///< bytes of a request's header, 32 for each field included
    uint64_t header_ms = 30'000;    ///< until a header is complete
    uint64_t idle_ms = 30'000;      ///< without a request
    uint64_t stall_ms = 30'000;     ///< in which what can be sent …
    size_t stall_bytes = 256 << 10; ///< … has to go out, or so much of it
    size_t stall_stream_bytes = 16 << 10; ///< the same for a stream that the client holds back
    uint64_t age_ms = 3'600'000;          ///< after which the client is asked to connect anew
};

/// The head of an answer.
struct Head {
    unsigned status = 200;
    /// Names in lower case; none of the connection (RFC 9113, section 8.2.2).
    std::vector<std::pair<std::string, std::string>> headers;
    /// RFC 9218: 0 is the most urgent; -1: as the client wants, and not said in the answer.
    int urgency = -1;
};

/// Not thread-safe. Times are of a steady clock, in ms.
class ServerSession {
public:
    /// Called by receive(), produce() and check(), but not after an error. May call the methods
    /// marked "answers".
    class Handler {
    public:
        virtual ~Handler() = default;
        /// The header of a request is complete; `header_too_large`: it was dropped. `has_body`: a
        /// body follows, of which nothing beyond the first 64 KiB comes before want_body().
        virtual void on_request(uint32_t stream, Fields fields, bool header_too_large,
                                bool has_body) = 0;
        virtual void on_body(uint32_t stream, ByteView data) = 0;
        virtual void on_body_end(uint32_t stream) = 0;
        /// The stream has ended: its answer is in the output, or one side has reset it.
        virtual void on_closed(uint32_t stream, bool answered) = 0;
        /// Of a body that is being produced, so many bytes are in the output.
        virtual void on_room(uint32_t stream, size_t written) = 0;
    };

    ServerSession(Handler &handler, const Limits &limits, uint64_t now_ms);
    ~ServerSession();
    ServerSession(const ServerSession &) = delete;
    ServerSession &operator=(const ServerSession &) = delete;

    // --- in ----------------------------------------------------------------------------------
    /// An error ends the connection: nothing more is received; produce() may still have a farewell.
    Result receive(ByteView input, uint64_t now_ms);
    /// Call it about once per second. `blocked`: the connection does not take what was produced. An
    /// error ends the connection as above.
    Result check(uint64_t now_ms, bool blocked);

    // --- answers; no effect on a stream that has ended -----------------------------------------
    /// The client may send the body at full speed.
    void want_body(uint32_t stream);
    /// Answers with a complete body, which may be empty.
    void answer(uint32_t stream, const Head &head, Bytes body);
    /// Begins an answer whose body is given by write() until end(). One that is reset instead is
    /// incomplete.
    void begin_answer(uint32_t stream, const Head &head);
    void write(uint32_t stream, Bytes bytes);
    void end(uint32_t stream);
    void reset(uint32_t stream, Error error);
    /// Asks the client to make no further requests here. Those that it has made are still answered.
    void shutdown();

    // --- out ---------------------------------------------------------------------------------
    /// What to send next: at most a few times 16 KiB, valid until the next call or answer. Produces
    /// more only if nothing is unsent. Empty: there is nothing.
    const std::vector<iovec> &produce();
    /// So many bytes of it were taken by the connection.
    void sent(size_t size);
    /// Produced, and not sent.
    size_t unsent() const { return out_size_; }
    /// Nothing follows: the connection can be closed when all is sent.
    bool is_over() const;
    /// Why the connection ends, or what was wrong with what came last; for the log, may be empty.
    const std::string &complaint() const { return error_.empty() ? details_ : error_; }
    size_t streams() const { return streams_.size(); }

private:
    /// Output that is produced at once, unless a frame exceeds it; bytes.
    static constexpr size_t batch_size = 64 << 10;

    struct Callbacks;
    struct Stream {
        Fields fields;
        size_t header_size = 0;
        bool header_too_large = false;
        bool is_requested = false; ///< its header is complete
        bool is_produced = false;  ///< its body is given by write()
        bool wants_body = false, body_ended = false;
        bool ended = false;    ///< nothing is added to `queue`
        bool is_reset = false; ///< nothing more is sent
        bool deferred = false; ///< asks for more by itself no longer
        size_t unconsumed = 0; ///< bytes of the body that the client was not told of yet
        std::vector<Bytes> queue;
        size_t first = 0;      ///< the first of `queue` that is not written yet …
        size_t offset = 0;     ///< … from here on
        size_t queued = 0;     ///< bytes from there on
        uint64_t written = 0;  ///< bytes put into the output
        size_t unreported = 0; ///< of them, to on_room()
        uint64_t mark = 0;     ///< `written` at …
        uint64_t mark_ms = 0; ///< … this time, from which on it has had something; 0: has nothing
    };
    /// A part of the output: body bytes, or if those are empty `size` bytes of control_.
    struct Piece {
        Bytes body;
        size_t size = 0;
    };

    Stream *find(uint32_t stream);
    void submit(uint32_t id, Stream &stream, const Head &head, bool has_body);
    void resume(uint32_t id, Stream &stream);
    void consume(uint32_t id, Stream &stream, size_t size);
    void flooded(const char *what);
    size_t frame_part(ByteView input);
    void count_frame();
    void add_control(const uint8_t *data, size_t size);
    void add_body(Stream &stream, size_t size);
    void fill();
    Result fail(std::string reason);
    void check_streams(uint64_t now_ms);

    Handler &handler_;
    const Limits limits_;
    struct Free {
        void operator()(nghttp2_session *session) const;
    };
    std::unique_ptr<nghttp2_session, Free> session_;
    std::unordered_map<uint32_t, Stream> streams_;
    std::string error_;   ///< why the connection ends; empty: it does not
    std::string details_; ///< the last thing that libnghttp2 complained about

    // The output:
    std::vector<uint8_t> control_;
    std::vector<Piece> pieces_;
    std::vector<iovec> parts_;
    size_t out_size_ = 0;
    std::vector<uint32_t> roomy_; ///< streams whose producers are told that bytes were written

    // The input:
    size_t greeting_left_ = 24;     ///< bytes of the connection preface
    std::array<uint8_t, 9> head_{}; ///< of the frame that is being received
    size_t head_size_ = 0, payload_left_ = 0;

    // Limits; times in ms.
    Allowance pings_{100, 10}, settings_{30, 2}, priorities_{200, 20}, resets_{300, 30},
        empty_{100, 10}, others_{4000, 1000};
    uint64_t now_ms_, born_ms_, idle_ms_; ///< idle_ms_: since when there is no stream
    uint64_t header_ms_ = 0;              ///< since when a header is incomplete; 0: none is
    uint64_t sent_ = 0;                   ///< bytes
    uint64_t mark_ = 0;                   ///< `sent_` at …
    uint64_t mark_ms_ = 0; ///< … this time, from which on there has been something; 0: nothing
    enum class Goodbye { no, announced, said } goodbye_ = Goodbye::no;
};

} // namespace penstock::http2

// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP/1.1 with keep-alive, without pipelining. Bodies have a length or come in chunks.
#include "http.h"

#include <algorithm>
#include <deque>
#include <strings.h>
#include <utility>

namespace load {
namespace {

constexpr size_t longest_head = 16384;

class Http1 final : public HttpClient {
public:
    explicit Http1(std::string host) : host_(std::move(host)) {}

    void get(std::string path, bool wants_body, Done done) override {
        waiting_.push_back({std::move(path), wants_body, std::move(done)});
        if (waiting_.size() == 1) send();
    }
    bool feed(const uint8_t *data, size_t size) override {
        std::string_view rest(reinterpret_cast<const char *>(data), size);
        while (!rest.empty())
            if (!(!in_body_                   ? take_head(rest)
                  : is_chunked_ && left_ == 0 ? take_chunk_line(rest)
                                              : take_body(rest)))
                return false;
        return true;
    }
    size_t unwanted() const override {
        return in_body_ && !is_chunked_ && !waiting_.front().wants_body ? left_ : 0;
    }
    void skip(size_t size) override {
        left_ -= std::min(size, left_);
        if (left_ == 0 && !is_chunked_) finish();
    }

private:
    struct Request {
        std::string path;
        bool wants_body;
        Done done;
    };

    void send() {
        out += "GET " + waiting_.front().path + " HTTP/1.1\r\nHost: " + host_ +
               "\r\nAccept: */*\r\n\r\n";
    }
    bool take_head(std::string_view &rest) {
        if (waiting_.empty()) return fail("an answer that nobody asked for");
        head_ += rest;
        const size_t end = head_.find("\r\n\r\n");
        if (end == head_.npos) {
            rest = {};
            return head_.size() <= longest_head || fail("a head without an end");
        }
        rest.remove_prefix(rest.size() - (head_.size() - end - 4));
        head_.resize(end);
        if (!head_.starts_with("HTTP/1.1 ") || head_.size() < 12)
            return fail("no HTTP/1.1: " + head_);
        status_ = std::atoi(head_.c_str() + 9);
        const char *length = header("content-length:");
        is_chunked_ = header("transfer-encoding: chunked");
        if (!length && !is_chunked_) return fail("an answer of unknown length: " + head_);
        left_ = is_chunked_ ? 0 : size_t(std::strtoull(length, nullptr, 10));
        head_.clear();
        in_body_ = true;
        if (left_ == 0 && !is_chunked_) finish();
        return true;
    }
    /// A chunk's size, or what ends the chunk before; the last one has size 0 and no trailer.
    bool take_chunk_line(std::string_view &rest) {
        const size_t end = rest.find('\n');
        const bool has_line = end != rest.npos;
        head_ += rest.substr(0, end);
        rest.remove_prefix(has_line ? end + 1 : rest.size());
        if (!has_line) return head_.size() <= longest_head || fail("a line without an end");
        const std::string line = std::exchange(head_, {});
        if (line == "\r" && !is_last_) return true;
        if (is_last_) {
            is_last_ = false;
            finish();
            return true;
        }
        left_ = size_t(std::strtoull(line.c_str(), nullptr, 16));
        is_last_ = left_ == 0;
        return true;
    }
    const char *header(const char *name) const {
        for (size_t at = head_.find("\r\n"); at != head_.npos; at = head_.find("\r\n", at + 2))
            if (strncasecmp(head_.c_str() + at + 2, name, std::strlen(name)) == 0)
                return head_.c_str() + at + 2 + std::strlen(name);
        return nullptr;
    }
    bool take_body(std::string_view &rest) {
        const auto part = rest.substr(0, left_);
        if (waiting_.front().wants_body) body_ += part;
        rest.remove_prefix(part.size());
        skip(part.size());
        return true;
    }
    void finish() {
        const Request request = std::move(waiting_.front());
        waiting_.pop_front();
        in_body_ = false;
        const std::string body = std::move(body_);
        body_.clear();
        if (!waiting_.empty()) send();
        request.done(status_, body);
    }
    bool fail(std::string why) {
        error = std::move(why);
        return false;
    }

    const std::string host_;
    std::deque<Request> waiting_;
    std::string head_, body_;
    int status_ = 0;
    size_t left_ = 0;
    bool in_body_ = false, is_chunked_ = false, is_last_ = false;
};

} // namespace

std::unique_ptr<HttpClient> make_http1(std::string host) {
    return std::make_unique<Http1>(std::move(host));
}

} // namespace load

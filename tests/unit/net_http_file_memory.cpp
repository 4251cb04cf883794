// SPDX-License-Identifier: LGPL-2.1-or-later
// Bytes in a file without a name: what they are, when their memory is given back, and answers whose
// bodies they are.
#include "core/net/http/file_memory.h"
#include "unit/http_site.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

using http_test::Answer;
using http_test::Exchange;
using http_test::is;
using http_test::Site;
using http_test::text_of;
using namespace net_test;
using net::FileMemory;
using net::FileRange;

namespace {

/// Bytes of which no two pages are alike.
std::string text(size_t size, unsigned seed = 1) {
    std::string out(size, '\0');
    for (size_t i = 0; i < size; ++i) {
        seed = seed * 1664525 + 1013904223;
        out[i] = static_cast<char>(seed >> 24);
    }
    return out;
}

Bytes stored(FileMemory &memory, const std::string &content) {
    const Bytes bytes = Bytes::copy_of(content);
    return memory.store(std::span(&bytes, 1));
}

uint64_t in_use(const FileRange &range) {
    struct stat info {};
    fail_unless_equals_int(fstat(range.file, &info), 0);
    return uint64_t(info.st_blocks) * 512;
}

} // namespace

GST_START_TEST(test_ranges) {
    FileMemory memory;
    const std::string one = text(120'000), two = text(70'001, 2);
    const std::array<Bytes, 3> pieces{Bytes::copy_of(one), Bytes(), Bytes::copy_of(two)};
    const Bytes joined = memory.store(pieces);
    fail_unless(text_of(joined) == one + two);
    const Bytes other = stored(memory, text(150'000, 3));
    const Bytes part = other.sub(123, 456);
    const auto range = FileMemory::range_of(part);
    fail_unless(range && FileMemory::range_of(joined)->file == range->file);
    std::string read(part.size(), '\0');
    fail_unless(pread(range->file, read.data(), read.size(), off_t(range->offset)) == 456);
    fail_unless(read == text_of(part) && read == text(150'000, 3).substr(123, 456));

    // Little is not worth it.
    const Bytes little = stored(memory, text(FileMemory::least - 1));
    fail_unless(text_of(little) == text(FileMemory::least - 1));
    fail_if(FileMemory::range_of(little).has_value());
    fail_if(FileMemory::range_of(Bytes()).has_value());
    fail_if(FileMemory::range_of(Bytes::copy_of(one)).has_value());
    fail_unless(memory.store({}).empty());
}
GST_END_TEST

// However long the file grows, only what somebody refers to takes memory.
GST_START_TEST(test_release) {
    auto memory = std::make_unique<FileMemory>();
    const std::string content = text(200'000);
    const Bytes kept = stored(*memory, content);
    const FileRange file = *FileMemory::range_of(kept);
    const uint64_t before = in_use(file);
    fail_unless(before >= content.size() && before < 2 * content.size());
    for (int i = 0; i < 50; ++i) {
        const Bytes passing = stored(*memory, text(200'000, unsigned(i)));
        const Bytes part = passing.sub(199'999);
        fail_unless(in_use(file) > before);
        fail_unless(part[0] == uint8_t(text(200'000, unsigned(i)).back()));
    }
    fail_unless_equals_uint64(in_use(file), before);
    memory.reset();
    fail_unless(text_of(kept) == content);
    fail_unless_equals_uint64(in_use(file), before);
}
GST_END_TEST

GST_START_TEST(test_without_descriptors) {
    rlimit had{};
    getrlimit(RLIMIT_NOFILE, &had);
    const rlimit none{0, had.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    FileMemory memory;
    const std::string content = text(200'000);
    const Bytes plain = stored(memory, content);
    setrlimit(RLIMIT_NOFILE, &had);
    fail_unless(text_of(plain) == content);
    fail_if(FileMemory::range_of(plain).has_value());
    fail_unless(FileMemory::range_of(stored(memory, content)).has_value()); // there are again
}
GST_END_TEST

namespace {

/// Answers with a stored body at "/file", and with a part of one for a Range.
struct Files : Site {
    explicit Files(const std::string &content) : body(stored(memory, content)) {
        registrations.push_back(
            server->handle("/file", [this](const net::HttpRequest &request, net::HttpReply reply) {
                net::HttpResponse response;
                response.body = body;
                net::apply_range(request, response);
                reply(std::move(response));
            }));
    }
    FileMemory memory;
    const Bytes body;
};

} // namespace

// A client that reads slowly has the body in many pieces, and goes on with its connection.
GST_START_TEST(test_answers) {
    const std::string content = text(3'000'000);
    Files site(content);
    site.serve("/plain");
    Exchange client(site.port(), 8 << 10);
    for (int i = 0; i < 3; ++i) {
        client.request("GET", "/file");
        const Answer whole = client.answer();
        fail_unless_equals_int(whole.status, 200);
        fail_unless(whole.body == content);
        client.request("GET", "/file", "Range: bytes=1000000-2500000\r\n");
        const Answer part = client.answer();
        fail_unless_equals_int(part.status, 206);
        fail_unless(part.body == content.substr(1'000'000, 1'500'001));
        client.request("HEAD", "/file");
        fail_unless_equals_string(client.answer(true).header("Content-Length").c_str(), "3000000");
        client.request("GET", "/plain");
        is(client.answer(), 200, "GET /plain ");
    }
    // One request before the other is answered.
    client.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\nGET /plain HTTP/1.1\r\nHost: a\r\n\r\n");
    fail_unless(client.answer().body == content);
    is(client.answer(), 200, "GET /plain ");
}
GST_END_TEST

GST_START_TEST(test_clients_that_leave) {
    const std::string content = text(3'000'000);
    Files site(content);
    for (int i = 0; i < 20; ++i) {
        Exchange leaving(site.port(), 4 << 10);
        leaving.request("GET", "/file");
    }
    Exchange client(site.port());
    client.request("GET", "/file", "", "", "1.0");
    fail_unless(client.answer().body == content);
}
GST_END_TEST

static Suite *net_http_file_memory_suite() {
    Suite *s = suite_create("net_http_file_memory");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_ranges);
    tcase_add_test(tc, test_release);
    tcase_add_test(tc, test_without_descriptors);
    tcase_add_test(tc, test_answers);
    tcase_add_test(tc, test_clients_that_leave);
    return s;
}
GST_CHECK_MAIN(net_http_file_memory)

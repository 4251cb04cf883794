// SPDX-License-Identifier: LGPL-2.1-or-later
// AMF0: golden bytes, round trips, and limits on hostile messages.
#include "core/amf/value.h"

#include "check.hpp"

using namespace penstock;

namespace {

ByteView view(std::string_view text) {
    return ByteView(reinterpret_cast<const uint8_t *>(text.data()), text.size());
}

std::string bytes_of(const amf::Value &value) {
    Writer out;
    amf::write(out, value);
    return std::string(out.view().begin(), out.view().end());
}

std::string error_of(std::string_view body) {
    std::vector<amf::Value> values;
    return amf::read_all(view(body), values).reason();
}

constexpr char object_bytes[] = "\x03\x00\x03"
                                "app\x02\x00\x04"
                                "live\x00\x01n\x00\x3f\xf0\x00\x00\x00\x00\x00\x00\x00\x00\x09";

} // namespace

GST_START_TEST(test_golden) {
    fail_unless(bytes_of(amf::number(1)) == std::string("\x00\x3f\xf0\0\0\0\0\0\0", 9));
    fail_unless(bytes_of(amf::boolean(true)) == std::string("\x01\x01", 2));
    fail_unless(bytes_of(amf::string("ab")) == std::string("\x02\x00\x02"
                                                           "ab",
                                                           5));
    fail_unless(bytes_of(amf::null()) == "\x05");
    const std::string expected(object_bytes, sizeof object_bytes - 1);
    fail_unless(bytes_of(amf::object({{"app", amf::string("live")}, {"n", amf::number(1)}})) ==
                expected);
    const std::string text(70000, 'x');
    fail_unless(bytes_of(amf::string(text)).substr(0, 5) == std::string("\x0c\x00\x01\x11\x70", 5));
}
GST_END_TEST

GST_START_TEST(test_every_type) {
    Writer out;
    out.u8(8).u32(7).u16(1).text("a").u8(1).u8(1).u16(0).u8(9); // ECMA array, wrong count
    out.u8(10).u32(2).u8(5).u8(6);                              // strict array: null, undefined
    out.u8(11).f64(1e12).u16(0);                                // date
    out.u8(12).u32(3).text("xyz");                              // long string
    out.u8(15).u32(4).text("<a/>");                             // XML
    out.u8(16).u16(3).text("Foo").u16(1).text("k").u8(5).u16(0).u8(9); // typed object
    out.u8(8).u32(1).u16(1).text("w").u8(0).f64(320); // no end marker at the message's end
    std::vector<amf::Value> v;
    const Result result = amf::read_all(out.view(), v);
    fail_unless(result.is_ok(), "%s", result.reason().c_str());
    fail_unless_equals_int(v.size(), 7);
    fail_unless(v[0].is(amf::Type::ecma_array) && v[0].find("a") && v[0].find("a")->boolean);
    fail_unless(v[1].items.size() == 2 && v[1].items[1].is(amf::Type::undefined));
    fail_unless(v[2].is(amf::Type::date) && v[2].number == 1e12);
    fail_unless(v[3].text == "xyz" && v[4].text == "<a/>");
    fail_unless(v[5].is(amf::Type::object) && v[5].find("k") && !v[5].find("Foo"));
    fail_unless(v[6].find("w") && v[6].find("w")->number == 320);
    fail_unless(v[0].find("b") == nullptr && v[0].text_of("a").empty());
}
GST_END_TEST

// Written values can be read, and are written identically again.
GST_START_TEST(test_round_trip) {
    Writer out;
    amf::Value array;
    array.type = amf::Type::strict_array;
    array.items = {amf::number(-0.5), amf::string("x"), amf::object({{"y", amf::null()}})};
    amf::Value ecma = amf::object({{"list", array}, {"t", amf::boolean(false)}});
    ecma.type = amf::Type::ecma_array;
    amf::write_all(out, {amf::string("onMetaData"), ecma, amf::string(std::string(65536, 'l'))});
    std::vector<amf::Value> values;
    fail_unless(amf::read_all(out.view(), values).is_ok());
    Writer again;
    for (const amf::Value &value : values)
        amf::write(again, value);
    fail_unless(std::ranges::equal(out.view(), again.view()));
}
GST_END_TEST

GST_START_TEST(test_truncated) {
    const std::string whole(object_bytes, sizeof object_bytes - 1);
    fail_unless(error_of(whole).empty());
    for (size_t size = 1; size < whole.size(); ++size)
        fail_if(error_of(whole.substr(0, size)).empty(), "%zu bytes were taken for whole", size);
}
GST_END_TEST

// Values after the avmplus marker of Adobe AMF 3.
GST_START_TEST(test_amf3) {
    using namespace std::literals;
    // A typed object with two sealed names and one dynamic one; -1, 1.5, and a reference to "app".
    const std::string object = "\x11\x0a\x2b\x03T\x07"
                               "app\x03n\x06\x09live\x04\xff\xff\xff\xff\x03x\x09\x05\x01"
                               "\x05\x3f\xf8\x00\x00\x00\x00\x00\x00\x06\x02\x01"s;
    std::vector<amf::Value> values;
    const Result result = amf::read_all(view("\x02\x00\x01q"s + object + "\x05"s), values);
    fail_unless(result.is_ok(), "%s", result.reason().c_str());
    fail_unless_equals_int(values.size(), 3);
    const amf::Value &read = values[1];
    fail_unless(read.is(amf::Type::object) && read.text_of("app") == "live");
    fail_unless(read.find("n") && read.find("n")->number == -1);
    const amf::Value *list = read.find("x");
    fail_unless(list && list->is(amf::Type::strict_array) && list->items.size() == 2);
    fail_unless(list->items[0].number == 1.5 && list->items[1].text == "app");
    for (size_t size = 1; size < object.size(); ++size)
        fail_if(error_of(object.substr(0, size)).empty(), "%zu bytes were taken for whole", size);

    values.clear();
    fail_unless(amf::read_all(view("\x11\x01\x11\x00\x11\x02\x11\x03\x11\x04\x81\x00"
                                   "\x11\x08\x01\x40\x00\x00\x00\x00\x00\x00\x00"
                                   "\x11\x0c\x05"
                                   "ab\x11\x09\x01\x03k\x03\x01"s),
                              values)
                    .is_ok());
    fail_unless_equals_int(values.size(), 8);
    fail_unless(values[0].is(amf::Type::null) && values[1].is(amf::Type::undefined));
    fail_unless(!values[2].boolean && values[3].boolean && values[4].number == 128);
    fail_unless(values[5].is(amf::Type::date) && values[5].number == 2);
    fail_unless(values[6].text == "ab");
    fail_unless(values[7].is(amf::Type::ecma_array) && values[7].find("k")->boolean);
}
GST_END_TEST

GST_START_TEST(test_hostile) {
    using namespace std::literals;
    fail_unless(error_of("\x0c\xff\xff\xff\xff"sv).find("4294967295") != std::string::npos);
    fail_unless(error_of("\x0c\x00\x00\xff\xff"sv).find("inside a value") != std::string::npos);
    fail_unless(error_of("\x0a\xff\xff\xff\xff"sv).find("inside a value") != std::string::npos);
    // AMF3: vectors and dictionaries, references to missing entries, externalizable objects.
    fail_unless(error_of("\x11\x0d"sv).find("AMF3 type 13") != std::string::npos);
    fail_unless(error_of("\x11\x06\x02"sv).find("reference") != std::string::npos);
    fail_unless(error_of("\x11\x0a\x05"sv).find("reference") != std::string::npos);
    fail_unless(error_of("\x11\x0a\x07\x01"sv).find("externalizable") != std::string::npos);
    fail_unless(error_of("\x11"sv).find("inside a value") != std::string::npos);
    fail_unless(error_of("\x11\x09\xff\xff\xff\xff\x01"sv).find("inside") != std::string::npos);
    fail_unless(error_of("\x11\x0a\xff\xff\xff\xfb\x01"sv).find("inside") != std::string::npos);
    std::string deep3 = "\x11";
    for (int i = 0; i < 20000; ++i)
        deep3 += "\x09\x03\x01"sv;
    fail_unless(error_of(deep3).find("nested") != std::string::npos);
    // A string of 60 kB that is referred to repeatedly.
    std::string again = "\x11\x09\x87\x69\x01\x06\x87\xa9\x41"s + std::string(60000, 't');
    for (int i = 1; i < 1000; ++i)
        again += "\x06\x00"sv;
    fail_unless(error_of(again).find("of text") != std::string::npos, "%s",
                error_of(again).c_str());
    fail_unless(error_of("\x07\x00\x00"sv).find("type 7") != std::string::npos);
    // Deeply nested objects, and an array with very many values.
    std::string deep;
    for (int i = 0; i < 20000; ++i)
        deep += "\x03\x00\x01"
                "a"sv;
    fail_unless(error_of(deep).find("nested") != std::string::npos);
    std::string wide = "\x0a\x00\x0f\xff\xff"s + std::string(0xfffff, '\x05');
    fail_unless(error_of(wide).find("values") != std::string::npos);
    std::string long_name = "\x03\x10\x00"s + std::string(4096, 'n') + "\x05\x00\x00\x09"s;
    fail_unless(error_of(long_name).find("4096") != std::string::npos);
    std::string text;
    for (int i = 0; i < 40; ++i)
        text += "\x02\xff\xff"s + std::string(65535, 't');
    fail_unless(error_of(text).find("of text") != std::string::npos);
    // Sixteen levels are allowed.
    std::string allowed;
    for (int i = 0; i < 16; ++i)
        allowed += "\x0a\x00\x00\x00\x01"sv;
    fail_unless(error_of(allowed + "\x05").empty());
}
GST_END_TEST

static Suite *amf_suite() {
    Suite *s = suite_create("amf");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_golden);
    tcase_add_test(tc, test_every_type);
    tcase_add_test(tc, test_round_trip);
    tcase_add_test(tc, test_truncated);
    tcase_add_test(tc, test_amf3);
    tcase_add_test(tc, test_hostile);
    return s;
}
GST_CHECK_MAIN(amf)

// SPDX-License-Identifier: LGPL-2.1-or-later
// Cue text of plain text, markup and WebVTT, and segments of cues.
#include "core/webvtt/cue.h"

#include "check.hpp"

using namespace penstock;
using namespace penstock::webvtt;

static std::string text_of(const Bytes &bytes) {
    return std::string(bytes.begin(), bytes.end());
}

static void assert_text(const std::string &text, const char *expected) {
    fail_unless_equals_string(text.c_str(), expected);
}

GST_START_TEST(test_text) {
    assert_text(from_plain("a < b & c --> d"), "a &lt; b &amp; c --&gt; d");
    assert_text(from_plain("\r\n one\r\n\r\n\ntwo\n"), " one\ntwo");
    assert_text(from_plain(std::string_view("a\0b", 3)), "ab");
    assert_text(from_plain("\n\n"), "");
    assert_text(
        from_markup("<i>It&apos;s</i> <span foreground=\"red\">A &amp; B</span>\n\n<b>x</b>"),
        "<i>It's</i> A &amp; B\n<b>x</b>");
    assert_text(from_markup("&lt;i&gt; &#60; &#x20AC; &#x1F600; &#0; &nope; & <"),
                "&lt;i&gt; &lt; \xE2\x82\xAC \xF0\x9F\x98\x80  &amp;nope; &amp; &lt;");
    // Cut at a character, and not in an escape.
    const std::string euro = "\xE2\x82\xAC";
    std::string many, amps;
    for (size_t i = 0; i < longest_text; ++i) {
        many += euro;
        amps += '&';
    }
    const std::string cut = from_plain(many);
    fail_unless(cut.size() <= longest_text && cut.size() % 3 == 0 && cut.size() > longest_text - 4);
    fail_unless(from_plain(amps).ends_with("&amp;"));
}
GST_END_TEST

GST_START_TEST(test_parse) {
    std::vector<Cue> cues;
    fail_unless(
        parse("\xEF\xBB\xBFWEBVTT - title\r\n\r\nNOTE\r\na note\r\n\r\nSTYLE\n::cue {}\n\n"
              "7\r\n00:01.500 --> 00:02.000 align:start line:10%\r\n<b>one</b>\r\ntwo\r\n\r\n"
              "123:00:00.001\t-->\t123:00:01.000\nthree\n\n00:03.000 --> 00:04.000\n\n",
              cues)
            .is_ok());
    fail_unless_equals_int(cues.size(), 2); // a cue without text is none
    const Cue first{1'500'000'000, 2'000'000'000, "7", "align:start line:10%", "<b>one</b>\ntwo"};
    fail_unless(cues[0] == first);
    fail_unless(cues[1].begin == 123 * 3600 * 1'000'000'000ll + 1'000'000 && cues[1].id.empty() &&
                cues[1].text == "three");
    for (const char *bad :
         {"00:01 --> 00:02.000\nx", "00:61.000 --> 00:02.000\nx", "1:00.000 --> 00:02.000\nx",
          "00:01.00 --> 00:02.000\nx", "00:01.000-->\nx", "00:01.000 --> 00:02.000x\ny", "-->"})
        fail_unless(parse(bad, cues).is_error(), "%s", bad);
    // What no text has does not hide an arrow.
    cues.clear();
    fail_unless(parse(std::string_view("00:01.000 --\0> 00:02.000\nx", 26), cues).is_ok());
    fail_unless(cues.size() == 1 && cues[0].text == "x");
    const Cue block = parse_block("id\nline:0\nsome\ntext\n");
    fail_unless(block.id == "id" && block.settings == "line:0" && block.text == "some\ntext");
}
GST_END_TEST

GST_START_TEST(test_merge) {
    const Cue a{10'500'000'000, 12'000'000'000, "7", "line:0", "a\nb"},
        b{11'000'000'000, 12'000'000'000, "", "", "c"};
    const Cue first[] = {a}, both[] = {a, b};
    const Bytes none = write(std::span<const Cue>(), 10'000'000'000, 900'000);
    const Bytes parts[] = {none, write(first, 10'000'000'000, 900'000),
                           write(both, 10'000'000'000, 900'000), none};
    assert_text(text_of(merge(parts)), text_of(parts[2]).c_str());
    assert_text(text_of(merge(std::span(parts, 1))), text_of(none).c_str());
    fail_unless(merge(std::span<const Bytes>()).empty());
}
GST_END_TEST

// Text whose tags do not end takes no longer than other text: this would last minutes.
GST_START_TEST(test_open_tags) {
    const std::string text = from_markup("<b>x</b>" + std::string(6'000'000, '<'));
    fail_unless(text.starts_with("<b>x</b>&lt;&lt;") && text.size() <= longest_text);
}
GST_END_TEST

GST_START_TEST(test_write) {
    const Cue cues[] = {{10'500'000'000, 12'000'000'000, "7", "line:0", "a\nb"},
                        {360'000'000'000'000, 360'000'500'000'000, "", "", "c"}};
    assert_text(text_of(write(cues, 10'000'000'000, 900'000)),
                "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:10.000\n\n"
                "7\n00:00:10.500 --> 00:00:12.000 line:0\na\nb\n\n"
                "100:00:00.000 --> 100:00:00.500\nc\n");
    assert_text(text_of(write(std::span<const Cue>(), 0, 0)),
                "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n");
    std::vector<Cue> back;
    fail_unless(parse(text_of(write(cues, 0, 0)), back).is_ok());
    fail_unless(back == std::vector<Cue>(std::begin(cues), std::end(cues)));
}
GST_END_TEST

static Suite *webvtt_suite() {
    Suite *s = suite_create("webvtt");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_text);
    tcase_add_test(tc, test_parse);
    tcase_add_test(tc, test_write);
    tcase_add_test(tc, test_merge);
    tcase_add_test(tc, test_open_tags);
    return s;
}
GST_CHECK_MAIN(webvtt)

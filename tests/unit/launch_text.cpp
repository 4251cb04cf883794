// SPDX-License-Identifier: LGPL-2.1-or-later
// The tokenizer of launch lines, compared with gst_parse; placeholders and quoting.
#include "description/binding.h"
#include "description/elements.h"

#include "check.hpp"

using namespace penstock;
using namespace penstock::description;

namespace {

using Kind = Item::Kind;

LaunchText parse(std::string_view text) {
    TextProblems problems;
    LaunchText out = parse_launch_text(text, problems);
    for (const TextProblem &problem : problems)
        g_printerr("%zu: %s: %s\n", problem.offset, problem.what.c_str(), problem.mend.c_str());
    fail_unless(problems.empty(), "'%s' was refused", std::string(text).c_str());
    return out;
}

/// The first problem of a text that must be refused.
TextProblem refuse(std::string_view text) {
    TextProblems problems;
    parse_launch_text(text, problems);
    fail_if(problems.empty(), "'%s' was accepted", std::string(text).c_str());
    return problems[0];
}

const std::string &literal(const Property &property) {
    fail_unless(property.pieces.size() == 1 && !property.pieces[0].placeholder);
    return property.pieces[0].literal;
}

/// The location of the filesrc named f after gst_parse has read the line.
std::optional<std::string> location_after(const std::string &line) {
    GError *error = nullptr;
    auto pipeline = GstPtr<GstElement>::adopt(
        gst_parse_launch_full(line.c_str(), nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error));
    g_clear_error(&error);
    if (!pipeline || !GST_IS_BIN(pipeline.get())) return std::nullopt;
    if (GST_BIN_NUMCHILDREN(pipeline.get()) != 2) return std::nullopt;
    auto element = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "f"));
    if (!element) return std::nullopt;
    gchar *location = nullptr;
    g_object_get(element.get(), "location", &location, nullptr);
    const GOwned<> owner(location);
    return location ? std::optional<std::string>(location) : std::nullopt;
}

} // namespace

GST_START_TEST(test_items) {
    const LaunchText t = parse("videotestsrc is-live=true pattern = ball ! video/x-raw, width=4 ! "
                               "# a comment ! with links\n tee name=t t. ! fakesink t.src_1 ! "
                               "( identity ! fakesink ) file:///x ! d.sink");
    const std::vector<Kind> kinds = {
        Kind::element, Kind::link,      Kind::caps, Kind::element,   Kind::reference, Kind::link,
        Kind::element, Kind::reference, Kind::link, Kind::bin_begin, Kind::element,   Kind::link,
        Kind::element, Kind::bin_end,   Kind::url,  Kind::link,      Kind::reference};
    fail_unless_equals_int(t.items.size(), kinds.size());
    for (size_t i = 0; i < kinds.size(); ++i)
        fail_unless(t.items[i].kind == kinds[i], "item %zu '%s'", i, t.items[i].text.c_str());
    fail_unless_equals_int(t.elements, 6);
    fail_unless_equals_int(t.links, 5);
    fail_unless_equals_int(t.items[0].properties.size(), 2);
    fail_unless_equals_string(t.items[0].properties[1].name.c_str(), "pattern");
    fail_unless_equals_string(literal(t.items[0].properties[1]).c_str(), "ball");
    fail_unless_equals_string(t.items[2].text.c_str(), "video/x-raw, width=4");
}
GST_END_TEST

/// The tokenizer and gst_parse agree on where values end and what they are.
GST_START_TEST(test_values_as_gst_parse_reads_them) {
    for (const char *value : {"a", "\"a b\"", "a\\ b", "\"a\"b", "\"a\\ b\"", "a\\!b", "\"it's\"",
                              "'a'", "'a b'", "\"a\\\"b\"", "x=y", "a\\\\b", "\"\""}) {
        const std::string line = std::string("filesrc name=f location=") + value + " ! fakesink";
        const auto real = location_after(line);
        TextProblems problems;
        const LaunchText t = parse_launch_text(line, problems);
        fail_unless(real.has_value(), "gst_parse itself does not read %s", value);
        fail_unless(problems.empty(), "%s", value);
        const Property &property = t.items[0].properties.at(1);
        const std::string ours = property.pieces.empty() ? "" : literal(property);
        fail_unless_equals_string(ours.c_str(), real->c_str());
        fail_unless_equals_int(t.elements, 2);
    }
}
GST_END_TEST

GST_START_TEST(test_placeholders) {
    const LaunchText t = parse("a location=rtmp://${rtmp}/live/${name}?k=v x=\"${d:ns}\" "
                               "y=\\${no} ! video/x-raw,width=${w},format=${f.g} ! b");
    const auto &properties = t.items[0].properties;
    fail_unless_equals_int(properties[0].pieces.size(), 5);
    fail_unless_equals_string(properties[0].pieces[1].placeholder->name.c_str(), "rtmp");
    fail_unless_equals_string(properties[1].pieces[0].placeholder->unit.c_str(), "ns");
    fail_if(properties[2].has_placeholder);
    fail_unless_equals_string(literal(properties[2]).c_str(), "${no}");
    fail_unless_equals_int(t.items[2].pieces.size(), 4);
    fail_unless_equals_string(t.items[2].pieces[3].placeholder->setting.c_str(), "g");
}
GST_END_TEST

GST_START_TEST(test_refused) {
    const std::pair<const char *, const char *> cases[] = {
        {"${x} ! b", "stands for an element"},
        {"a${x} ! b", "stands in a name"},
        {"a ${x}=1 ! b", "stands for an element"},
        {"a ! ${x} ! b", "stands for an element"},
        {"a ! name${x}. ! b", "stands in a name"},
        {"a ! t.${x} ! b", "stands in a name"},
        {"file://${x} ! b", "URL"},
        {"/tmp/${x} ! b", "URL"},
        {"a ! video/x-raw,${x}=1 ! b", "outside a caps field's value"},
        {"a ! video/${x},w=1 ! b", "caps stand where"},
        {"a ! video/x-raw(${x}),w=1 ! b", "outside a caps field's value"},
        {"a ! video/x-raw,w=1", "no `!` follows these caps"},
        {"a x=${", "not complete"},
        {"a x=${a b} ! c", "not complete"},
        {"a x=${} ! c", "no name"},
        {"a x=${a:} ! c", "malformed"},
        {"a x='${a}' ! c", "single quotes"},
        {"a x=\"b ! c", "not closed"},
        {"a x=b\\\\ ! c", "backslash"},
        {"a x=\"b\\\\\" ! c", "backslash|not closed"},
        {"a ! ! b", "follows a link"},
        {"! b", "nothing stands before"},
        {"a !", "nothing follows"},
        {"a )", "closes nothing"},
        {"( a", "not closed"},
        {"x=1 a", "follows no element"},
        {"", "empty"},
        {"a @preset=x ! b", "does not begin"},
    };
    for (const auto &[text, expected] : cases) {
        const TextProblem problem = refuse(text);
        bool found = false;
        std::stringstream words(expected);
        for (std::string word; std::getline(words, word, '|');)
            found = found || problem.what.find(word) != std::string::npos;
        fail_unless(found, "'%s': %s", text, problem.what.c_str());
        fail_if(problem.mend.empty(), "'%s' says not how to mend it", text);
    }
}
GST_END_TEST

/// A character is shown whole.
GST_START_TEST(test_characters_of_several_bytes) {
    fail_unless_equals_string(refuse("fakesrc ! \u00fc ! fakesink").what.c_str(),
                              "'\u00fc' does not begin anything here");
    fail_unless_equals_string(refuse("fakesrc\u2192fakesink").what.c_str(),
                              "'\u2192' may not stand in a name");
    fail_unless_equals_string(refuse("fakesrc ! \xf0\x9f").what.c_str(),
                              "'\xf0\x9f' does not begin anything here");
}
GST_END_TEST

/// Any bytes that are allowed in a value come out of gst_parse unchanged, in one token.
GST_START_TEST(test_quoting) {
    std::vector<std::string> values = {"",
                                       "a b",
                                       "a!b",
                                       "a ! fakesink name=x",
                                       "\"",
                                       "\"x\"",
                                       "'x'",
                                       "\\",
                                       "a\\",
                                       "\\\\",
                                       "NULL",
                                       "a\" ! fakesink",
                                       "${x}",
                                       "a\xc3\xa4"
                                       "b",
                                       "x # y",
                                       "(string)y",
                                       "a;b",
                                       "a,b=c",
                                       "\\\" !",
                                       "@x"};
    std::mt19937 random(1);
    const std::string alphabet = "ab \\\"'!;,=.(){}$#@:/\t-";
    for (int i = 0; i < 2000; ++i) {
        std::string value;
        for (size_t n = random() % 12; n > 0; --n)
            value += alphabet[random() % alphabet.size()];
        values.push_back(value);
    }
    for (const std::string &value : values) {
        const auto got =
            location_after("filesrc name=f location=" + quote_string_value(value) + " ! fakesink");
        fail_unless(got.has_value(), "'%s' broke the pipeline", value.c_str());
        fail_unless_equals_string(got->c_str(), value.c_str());
    }
}
GST_END_TEST

GST_START_TEST(test_plain_values) {
    for (const char *good : {"30", "30/1", "I420", "-1", "a_b.c"})
        fail_unless(is_plain_value(good));
    for (const char *bad : {"", "a b", "a!", "a,b", "a;b", "(x)", "a=b", "\"", "\\", "a:b", "a\n"})
        fail_if(is_plain_value(bad), "%s", bad);
}
GST_END_TEST

static Suite *launch_text_suite() {
    Suite *s = suite_create("launch_text");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_items);
    tcase_add_test(tc, test_values_as_gst_parse_reads_them);
    tcase_add_test(tc, test_placeholders);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_characters_of_several_bytes);
    tcase_add_test(tc, test_quoting);
    tcase_add_test(tc, test_plain_values);
    return s;
}
GST_CHECK_MAIN(launch_text)

// SPDX-License-Identifier: LGPL-2.1-or-later
// The warnings of `penstock check` about descriptions that can be run, and ${time}.
#include "description/binding.h"
#include "description/elements.h"

#include <regex> // before gstcheck, which defines `fail`

#include "check.hpp"

using namespace penstock;
using namespace penstock::description;

namespace {

void expect(const std::string &text, const std::string &part) {
    fail_if(text.find(part) == std::string::npos, "no '%s' in:\n%s", part.c_str(), text.c_str());
}

std::string warnings_of(const std::string &text) {
    Problems problems;
    const Source source("x.yaml", text);
    const auto description = check_source(source, problems);
    fail_unless(description != nullptr, "%s", source.render(problems).c_str());
    return source.render(description->warnings);
}

std::string mistakes_in(const std::string &text) {
    Problems problems;
    const Source source("x.yaml", "summary: s\n" + text);
    check_source(source, problems);
    return source.render(problems);
}

std::string launch_line(const std::string &text) {
    Problems problems;
    const auto description = load_description(Source("x.yaml", "summary: s\n" + text), problems);
    fail_unless(description != nullptr);
    std::vector<std::string> errors;
    const Binding binding(
        *description, {}, [](const char *) -> const char * { return nullptr; }, errors);
    fail_unless(errors.empty());
    std::string error;
    const auto line = binding.launch_line(description->start[0], {}, &error);
    fail_unless(line.has_value(), "%s", error.c_str());
    return *line;
}

} // namespace

// x264enc accepts formats that most decoders don't, and converters negotiate them.
GST_START_TEST(test_encoders_for_hardly_anything) {
    const auto check = [](const std::string &pipeline) {
        return warnings_of("summary: s\npipeline: " + pipeline + "\n");
    };
    expect(check("videotestsrc ! videoconvert ! x264enc ! fakesink"),
           "2:41: x264enc may be given 4:2:2, 4:4:4 or 10 bits here");
    // The second of two encoders.
    expect(check("videotestsrc ! tee name=t t. ! video/x-raw,format=I420 ! x264enc ! fakesink "
                 "t. ! videoconvert ! x264enc ! fakesink"),
           "2:107: x264enc may be given");
    for (const char *good : {
             "videotestsrc ! video/x-raw,format=I420 ! x264enc ! fakesink",
             "videotestsrc ! videoconvert ! video/x-raw,format=NV12 ! queue ! x264enc ! fakesink",
             "videotestsrc ! videoconvert ! x264enc ! video/x-h264,profile=main ! fakesink",
             "videotestsrc ! videoconvert ! jpegenc ! fakesink",
         })
        fail_unless_equals_string(check(good).c_str(), "");
    // The condition depends on a choice.
    expect(warnings_of("summary: s\nparameters: {pin: {type: bool, default: true}}\npipeline:\n"
                       "  - {when: '${pin} == true', launch: 'videotestsrc ! "
                       "video/x-raw,format=I420 !'}\n"
                       "  - {when: '${pin} == false', launch: 'videotestsrc !'}\n"
                       "  - x264enc ! fakesink\n"),
           "6:5: x264enc may be given");
}
GST_END_TEST

GST_START_TEST(test_recordings_that_are_overwritten) {
    const auto check = [](const std::string &sink) {
        return warnings_of("summary: s\nplay:\n  match: rtmp://:1935/live/{name}\n"
                           "  pipeline: fakesrc ! " +
                           sink + "\n");
    };
    expect(check("filesink location=/srv/x.flv"),
           "each stream overwrites the file of the one before: put ${name} and ${time} into the "
           "file's name");
    expect(check("filesink location=/srv/${name}.flv"), "a stream that comes again overwrites");
    expect(check("filesink location=/srv/${time}.flv"), "at the same time write to one file");
    fail_unless_equals_string(check("filesink location=/srv/${name}_${time}.flv").c_str(), "");
    fail_unless_equals_string(check("filesink append=true location=/srv/${name}.flv").c_str(), "");
    fail_unless_equals_string(check("filesink location=/dev/null").c_str(), "");
}
GST_END_TEST

GST_START_TEST(test_time) {
    const std::string line =
        launch_line("pipeline: fakesrc ! filesink location=/tmp/x_${time}.flv\n");
    fail_unless(
        std::regex_search(line, std::regex(R"(/tmp/x_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.flv)")), "%s",
        line.c_str());
    // A parameter named `time` takes precedence.
    expect(launch_line("parameters: {time: {type: string, default: noon}}\n"
                       "pipeline: fakesrc ! filesink location=/tmp/${time}\n"),
           "/tmp/noon");
    expect(mistakes_in("publish:\n  match: rtmp://:1935/${time}/{name}\n"
                       "  pipeline: rtmpserversrc location=rtmp://:1935/x ! fakesink\n"),
           "there is no parameter 'time'");
    expect(mistakes_in("pipeline: fakesrc num-buffers=${time} ! fakesink\n"),
           "'time' is a date and time and 'num-buffers' is no string");
    expect(mistakes_in("pipeline: fakesrc ! filesink location=${time:s}\n"),
           "'time' is the time of the start and has neither units nor settings");
}
GST_END_TEST

static Suite *description_warnings_suite() {
    Suite *s = suite_create("description_warnings");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_encoders_for_hardly_anything);
    tcase_add_test(tc, test_recordings_that_are_overwritten);
    tcase_add_test(tc, test_time);
    return s;
}
GST_CHECK_MAIN(description_warnings)

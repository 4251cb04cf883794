// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptions: elements, properties, caps and links of a launch line, checked against the
// installed elements.
#include "unit/description_rig.hpp"

using namespace description_test;

GST_START_TEST(test_elements) {
    const std::string parameters = "summary: s\nparameters:\n"
                                   "  t: {type: string, default: x}\n"
                                   "  n: {type: int, default: 99999999999}\n"
                                   "  d: {type: duration, default: 2s}\n";
    const auto pipeline = [&](const std::string &text) {
        return errors_of(parameters + "pipeline: " + text + "\n", true);
    };
    expect(pipeline("fakesrcc ! fakesink"),
           "6:11: there is no element 'fakesrcc': did you mean 'fakesrc'?");
    expect(pipeline("fakesrc num-bufers=1 ! fakesink"),
           "has no property 'num-bufers': did you mean 'num-buffers'?");
    expect(pipeline("fakesrc ! fakesink name=${t}"), "a placeholder stands in an element's name");
    expect(pipeline("fakesrc num-buffers=${t} ! fakesink"), "is a number and 't' is a string");
    expect(pipeline("fakesrc num-buffers=${n} ! fakesink"), "out of the range of 'num-buffers'");
    expect(pipeline("fakesrc num-buffers=1${n} ! fakesink"), "put together from parts");
    expect(pipeline("fakesrc is-live=${n} ! fakesink"), "is a bool and 'n' is an int");
    expect(pipeline("fakesrc ! fakesink stats=1"), "can only be read");
    expect(pipeline("fakesrc ! \"video/x-raw,width=(int)x\" ! fakesink"), "does not begin");
    expect(pipeline("fakesrc ! video/x-raw,width=(int)x ! fakesink"), "these are no caps");
    expect(pipeline("tee name=tea tee. ! fakesink"),
           "no element is named 'tee': did you mean 'tea'?");
    expect(errors_of("summary: s\npublish:\n  match: rtmp://:1/live/{name}\n"
                     "  pipeline: fakesrc num-buffers=${name} ! fakesink\n",
                     true),
           "4:33: 'name' comes from the network and 'num-buffers' is no string");
    expect(errors_of("summary: s\npublish:\n  match: rtmp://:1/live/{name}\n"
                     "  pipeline: fakesrc ! video/x-raw,format=${name} ! fakesink\n",
                     true),
           "comes from the network and stands in caps");
    fail_unless(package_of("x264enc") == "gstreamer1.0-plugins-ugly");
    fail_unless(package_of("avenc_aac") == "gstreamer1.0-libav");
    fail_unless(package_of("rtmp2sink") == "gstreamer1.0-plugins-bad");
    fail_unless(package_of("nothing") == "");
}
GST_END_TEST

// Values that are literal or come from choices.
GST_START_TEST(test_literals) {
    const std::string parameters = "summary: s\nparameters:\n"
                                   "  speed: {type: choice, default: slow, choices: {slow: {n: 1},"
                                   " fast: {n: x}}}\n"
                                   "  rate: {type: bitrate, default: 2.5Mbit}\n";
    const auto line = [&](const std::string &text) {
        return errors_of(parameters + "pipeline: " + text + "\n", true);
    };
    expect(line("fakesrc num-buffers=-2 ! fakesink"),
           "5:31: num-buffers=-2 is out of range: take a whole number from -1 to 2147483647");
    expect(line("fakesrc num-buffers=many ! fakesink"), "5:31: 'many' is no value of");
    expect(line("fakesrc is-live=perhaps ! fakesink"), "'is-live' is a bool and 'perhaps' is none");
    expect(line("fakesrc data=alocate ! fakesink"),
           "'alocate' is none of the values of 'data': did you mean 'allocate'?");
    expect(line("fakesrc ! capsfilter caps=video/x-raw,width=(int)x ! fakesink"),
           "no value of 'caps'");
    expect(line("fakesrc num-buffers=${speed.n} ! fakesink"),
           "5:31: 'x' is no value of 'num-buffers' (with speed=fast)");
    expect(line("fakesrc num-buffers=${rate:Mbit} ! fakesink"),
           "the default of 'rate' is 2.5 here and 'num-buffers' is a whole number");
    // A fragment that its condition excludes is no mistake.
    Problems problems;
    check_source(Source("good.yaml", parameters +
                                         "pipeline:\n"
                                         "  - {when: '${speed} == slow', launch: 'fakesrc "
                                         "num-buffers=${speed.n} !'}\n"
                                         "  - {when: '${speed} == fast', launch: 'fakesrc !'}\n"
                                         "  - fakesink\n"),
                 problems);
    fail_unless(problems.empty(), "%s", problems.empty() ? "" : problems[0].what.c_str());
}
GST_END_TEST

// The links between fragments, for each value that conditions compare with.
GST_START_TEST(test_wiring) {
    const auto line = [](const std::string &text) {
        return errors_of("summary: s\npipeline: " + text + "\n", true);
    };
    expect(line("fakesrc ! queue name=q q. ! fakesink q. ! fakesink"),
           "2:48: 'queue' is linked to more than one, and has one pad for it: put a `tee`");
    expect(line("fakesrc ! fakesink name=a ! fakesink"),
           "2:37: 'fakesink' gives nothing out, and a link follows it");
    expect(line("fakesrc ! fakesrc ! fakesink"), "2:19: 'fakesrc' takes nothing in");
    expect(line("tee name=t fakesrc ! t.snk t.src_0 ! fakesink"),
           "2:32: 'tee' has no sink pad 'snk': did you mean 'sink'?");
    expect(line("tee name=t fakesrc ! t.src_0 t.src_1 ! fakesink"),
           "it is a source pad: it stands before a link");
    expect(line("fakesrc name=x ! fakesink name=x"),
           "2:37: two elements are named 'x': rename one (the first is in line 2)");
    expect(line("fakesrc ! tee name=t t. fakesink"), "2:32: no link stands next to 't.'");
    expect(line("fakesrc identity ! fakesink"), "'fakesrc' and 'identity' are not linked");
    expect(line("fakesrc ! identity"), "2:21: 'identity' is linked to nothing");
    expect(line("identity ! fakesink"), "2:11: nothing is linked to 'identity'");

    const std::string parameters = "summary: s\nparameters:\n"
                                   "  from: {type: choice, default: a, choices: [a, b, c]}\n"
                                   "  big: {type: bool, default: true}\n"
                                   "  size: {type: int, default: 3}\n";
    const auto fragments = [&](const std::string &text) {
        Source source("x.yaml", parameters + "pipeline:\n" + text);
        Problems problems;
        check_source(source, problems);
        return source.render(problems);
    };
    const std::string ab = "  - {when: '${from} == a', launch: 'fakesrc !'}\n"
                           "  - {when: '${from} == b', launch: 'fakesrc !'}\n";
    expect(fragments(ab + "  - fakesink\n"), "nothing is linked to 'fakesink' with from=c");
    expect(fragments("  - {when: '${from} != c', launch: 'fakesrc !'}\n"
                     "  - {when: '${from} != b', launch: 'fakesrc !'}\n"
                     "  - fakesink\n"),
           "'fakesrc' takes nothing in, and a link leads to it with from=a");
    expect(fragments("  - fakesrc ! tee name=t\n"
                     "  - {when: '${big} == true', launch: 't. ! identity name=i'}\n"
                     "  - i. ! fakesink\n"),
           "9:5: no element is named 'i' with big=false");
    expect(fragments("  - fakesrc !\n  - {when: '${big} == true and ${size} == 4', launch: "
                     "'fakesink'}\n"),
           "7:13: nothing follows this link with big=true and another size");
    // The same name in two fragments that exclude each other, and a gap that another fragment
    // fills.
    const std::string errors = fragments("  - {when: '${from} == a', launch: 'fakesrc name=x !'}\n"
                                         "  - {when: '${from} != a', launch: 'fakesrc name=x !'}\n"
                                         "  - {when: '${size} == 4', launch: 'queue !'}\n"
                                         "  - fakesink\n");
    fail_unless(errors.empty(), "%s", errors.c_str());
}
GST_END_TEST

// One mistake gives one message, without its consequences.
GST_START_TEST(test_what_follows_is_not_told) {
    const auto count = [](const std::string &text) {
        Problems problems;
        const Source source("x.yaml", text);
        check_source(source, problems);
        fail_unless_equals_int(problems.size(), 1);
        return source.render(problems);
    };
    expect(count("sumary: s\npipeline: fakesrc ! fakesink\n"), "unknown key 'sumary'");
    expect(count("summary: s\npipelin: fakesrc ! fakesink\n"), "unknown key 'pipelin'");
    expect(count("summary: s\nparametrs: {n: {type: int, default: 1}}\n"
                 "pipeline: fakesrc num-buffers=${n} ! fakesink\n"),
           "unknown key 'parametrs'");
    expect(count("summary: s\nparameters: {n: {type: itn, default: 1}}\n"
                 "pipeline: fakesrc num-buffers=${n} ! fakesink\n"),
           "'itn' is no type");
    expect(count("summary: s\npipeline: fakesrc ! $x ! fakesink name=y y. ! fakesink\n"),
           "a placeholder stands for an element");
}
GST_END_TEST

static Suite *description_elements_suite() {
    Suite *s = suite_create("description_elements");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_elements);
    tcase_add_test(tc, test_literals);
    tcase_add_test(tc, test_wiring);
    tcase_add_test(tc, test_what_follows_is_not_told);
    return s;
}
GST_CHECK_MAIN(description_elements)

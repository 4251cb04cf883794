// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptions: their YAML and keys, types of parameters, conditions, binding, paths of rules.
#include "unit/description_rig.hpp"

using namespace description_test;

GST_START_TEST(test_all_errors_at_once) {
    const std::string errors = errors_of("summry: x\n"
                                         "parameters:\n"
                                         "  a: {type: duraton, default: 2s}\n"
                                         "  b: {type: int, default: 5, max: 4}\n"
                                         "  c: {type: duration, default: 2s}\n"
                                         "  c: {type: int, default: 1}\n"
                                         "pipeline: |\n"
                                         "  fakesrc num-buffers=${b} ! \n"
                                         "  identity sleep-time=${c} ! fakesink name=${bb}\n");
    expect(errors,
           "bad.yaml:1:1: unknown key 'summry': did you mean 'summary'?\n    summry: x\n    ^\n");
    expect(errors, "bad.yaml:3:13: 'duraton' is no type: did you mean 'duration'?");
    expect(errors, "bad.yaml:4:27: the default of 'b': '5' is too large: at most 4");
    expect(errors, "bad.yaml:6:3: 'c' is there twice: leave one out (the first is in line 5)");
    expect(errors,
           "bad.yaml:9:23: 'c' is a duration and is used without a unit: say which: ${c:ns}");
    expect(errors, "bad.yaml:9:44: there is no parameter 'bb': did you mean 'b'?");
    expect(errors,
           "    identity sleep-time=${c} ! fakesink name=${bb}\n                          ^\n");
}
GST_END_TEST

GST_START_TEST(test_strict_yaml) {
    for (const char *anchored : {"a: &x [1]\n", "a: &x {b: 1}\n", "a: &x\n", "&x a: 1\n"})
        expect(errors_of(anchored), "an anchor (&) is not allowed here: only a text");
    expect(errors_of("a: &x [1]\nb: *x\n"), "2:4: an alias (*) is not allowed");
    expect(errors_of("a: &x 1\n*x : 2\n"), "2:1: an alias (*) is not allowed");
    expect(errors_of("a: *x\n"), "this is not YAML");
    expect(errors_of("summary: !!str x\n"), "a tag");
    expect(errors_of("summary: s\npipeline: a ! b\n---\nx: y\n"), "second document");
    expect(errors_of("summary: [\n"), "this is not YAML");
    expect(errors_of(""), "the file is empty");
    expect(errors_of("- a\n"), "a description is a list of keys");
    expect(errors_of(std::string(max_file_size + 1, 'x')), "larger than 256 KiB");
    expect(errors_of(std::string("a\0b", 3)), "not a text file");
    expect(errors_of("? [a]\n: b\n"), "a key has to be a word");
    // Deep nesting is an error, not an exhausted stack.
    errors_of(std::string(100000, '['));
    errors_of(std::string(100000, '{'));
}
GST_END_TEST

// A text that an anchor names stands wherever an alias repeats it.
GST_START_TEST(test_aliases) {
    const std::string head = "summary: s\n"
                             "publish:\n"
                             "  - match: rtmp://:1/{name}\n"
                             "    pipeline:\n"
                             "      - a !\n"
                             "      - &rest |\n"
                             "          # first\n"
                             "          b name=${";
    const std::string tail = "}\n"
                             "  - match: rtmp://:2/{name}\n"
                             "    pipeline:\n"
                             "      - c !\n"
                             "      - *rest\n";
    const auto d = load(head + "name" + tail);
    fail_unless_equals_int(d->publish.size(), 2);
    for (const PublishRule &rule : d->publish) {
        fail_unless_equals_int(rule.pipeline.fragments.size(), 2);
        const auto &items = rule.pipeline.fragments[1].launch.items;
        fail_unless(!items.empty() && items[0].text == "b");
    }
    // A mistake in it is told where it stands, once.
    Problems problems;
    fail_if(check_source(Source("bad.yaml", head + "nam" + tail), problems));
    std::vector<Mark> marks;
    for (const Problem &problem : problems)
        if (problem.what.find("'nam'") != std::string::npos) marks.push_back(problem.mark);
    fail_unless(marks == std::vector<Mark>(1, Mark({8, 18})), "%zu", marks.size());
    // The parser wants such a text deeper than its anchor.
    expect(errors_of("summary: s\npipeline:\n  - &x |\n    a\n"),
           "4:5: this text does not stand deeper than its anchor (&): indent it more");
    // However often it is repeated, a description stays small.
    std::string many = "summary: s\npipeline:\n  - &x |\n      " + std::string(10'000, 'a') + "\n";
    for (int i = 0; i < 30; ++i)
        many += "  - *x\n";
    expect(errors_of(many), "larger than 256 KiB");
}
GST_END_TEST

GST_START_TEST(test_structure) {
    expect(errors_of("summary: s\n"), "nothing runs");
    expect(errors_of("pipeline: a ! b\n"), "there is no summary");
    expect(errors_of("summary: s\npipeline: a\nstart: b\n"), "both 'start' and 'pipeline'");
    expect(errors_of("summary: s\npublish: {match: x, pipeline: a}\n"), "has to be an rtmp://");
    expect(errors_of("summary: s\npublish: {pipeline: a}\n"), "has no 'match'");
    expect(errors_of("summary: s\npublish: {match: 'rtmp://:1/a/{m}{n}', pipeline: a}\n"),
           "two captures stand in one segment");
    expect(errors_of("summary: s\npublish: {match: 'rtmp://:1/{n}/{n}', pipeline: a}\n"), "twice");
    expect(errors_of("summary: s\npublish: {match: 'rtmp://:1/{n}?a', pipeline: a}\n"), "query");
    expect(errors_of("summary: s\npublish: {match: 'rtmp://{n}/a', pipeline: a}\n"),
           "stands in the address");
    expect(errors_of("summary: s\npublish: {match: 'rtmp://:1/{n}', pipeline: a, grace: 3}\n"),
           "'grace' has to be a duration");
    expect(errors_of("summary: s\npipeline: a\nrestart: sometimes\n"), "no restart policy");
    expect(errors_of("summary: s\npipeline: a\nparameters: {a: {type: int}}\n"), "has no default");
    expect(errors_of("summary: s\npipeline: a\nparameters: {A: {type: int, default: 1}}\n"),
           "can't be a parameter's name");
    expect(errors_of("summary: s\npipeline: a\nparameters: {a: {type: choice, default: x}}\n"),
           "has no choices");
    expect(errors_of("summary: s\npipeline: a\n"
                     "parameters: {a: {type: choice, default: x, choices: {x: {k: 1}, y: {}}}}\n"),
           "lacks the setting 'k'");
    for (const char *page :
         {"8080x", "{embed: ['*']}", "{address: 8080x}", "{address: ':80', embed: []}",
          "{address: ':80', embed: [example.org]}",
          "{address: ':80', embed: ['https://a.org; script-src *']}",
          "{address: ':80', embed: ['https://a.org/x']}", "{address: ':80', redirect-from: http}",
          "{address: ':80', port: 1}"})
        fail_if(errors_of("summary: s\npipeline: a\npage: " + std::string(page) + "\n").empty(),
                "%s", page);
    const auto page =
        load("summary: s\npipeline: a\npage: {address: ':8080', redirect-from: ':80', embed: "
             "['https://a.org', 'http://localhost:3000', 'https://*.b.org', '*']}\n")
            ->page;
    fail_unless(page->embed.size() == 4 && page->redirect_from);
    const auto d = load("summary: s\nstart: [a, b ! c]\nrestart: {policy: always, delay: 500ms}\n");
    fail_unless_equals_int(d->start.size(), 2);
    fail_unless(d->restart.policy == Restart::Policy::always);
    fail_unless_equals_int64(d->restart.delay, 500'000'000);
}
GST_END_TEST

GST_START_TEST(test_values) {
    const auto check = [](Type type, const char *text, bool good) {
        std::string error;
        const Parameter parameter{.name = "p", .type = type, .choices = {{"one", {}}}};
        fail_unless(parse_value(parameter, text, &error).has_value() == good, "%s '%s' %s",
                    type_name(type).c_str(), text, error.c_str());
    };
    for (const char *good : {"0", "-5", "9223372036854775807"})
        check(Type::integer, good, true);
    for (const char *bad : {"", "1.5", "0x1", "1 ", "99999999999999999999", "a"})
        check(Type::integer, bad, false);
    for (const char *good : {"1.5", "-1e3", "0"})
        check(Type::floating, good, true);
    for (const char *bad : {"nan", "inf", "1e999", ""})
        check(Type::floating, bad, false);
    for (const char *good : {"2s", "500ms", "1.5 min", "0ns", "1h"})
        check(Type::duration, good, true);
    for (const char *bad : {"2", "s", "-1s", "1d", "1.2.3s", "99999999999h", ""})
        check(Type::duration, bad, false);
    for (const char *good : {"800kbit", "2.5Mbit", "64000bit", "2Mbit/s"})
        check(Type::bitrate, good, true);
    for (const char *bad : {"800", "800kb", "1MBit"})
        check(Type::bitrate, bad, false);
    check(Type::size, "512KiB", true);
    check(Type::size, "512", false);
    for (const char *bad : {"yes", "1", "True"})
        check(Type::boolean, bad, false);
    check(Type::address, ":1935", true);
    check(Type::address, "1935", false);
    check(Type::url, "rtmp://h/x", true);
    for (const char *bad : {"h/x", "rtmp://", "rtmp://a b"})
        check(Type::url, bad, false);
    check(Type::path, "", false);
    check(Type::choice, "one", true);
    check(Type::choice, "two", false);
    check(Type::string, "a\nb", false);
    check(Type::string, "a\xff", false);
    check(Type::string, "a\xc3\xa4", true);
    check(Type::string, "\xed\xa0\x80", false);
    fail_unless_equals_int64(*parse_duration("1.5ms"), 1'500'000);
}
GST_END_TEST

GST_START_TEST(test_schemes) {
    Parameter parameter{.name = "url", .type = Type::url};
    parameter.schemes = {"rtmp", "rtmps"};
    std::string error;
    fail_unless(parse_value(parameter, "RTMPS://host/live", &error).has_value());
    fail_if(parse_value(parameter, "http://host/live", &error).has_value());
    fail_unless_equals_string(error.c_str(),
                              "'http://host/live' does not begin with rtmp:// or rtmps://");
    // Where none is needed, that is its default.
    fail_if(parse_value(parameter, "none", &error).has_value());
    parameter.default_text = "none";
    fail_unless(parse_value(parameter, "none", &error).has_value());
}
GST_END_TEST

// Conditions on parameters select the fragments of a pipeline.
GST_START_TEST(test_conditions) {
    const auto d = load("summary: s\n"
                        "parameters:\n"
                        "  source: {type: choice, default: a, choices: [a, b]}\n"
                        "  wait: {type: duration, default: 2s}\n"
                        "  flag: {type: bool, default: true}\n"
                        "pipeline:\n"
                        "  - when: ${source} == a\n"
                        "    launch: fakesrc !\n"
                        "  - when: ${source} != a\n"
                        "    launch: videotestsrc !\n"
                        "    hint: look at it\n"
                        "  - when: ${wait} == 2000ms and ${flag} == true\n"
                        "    launch: identity !\n"
                        "  - fakesink\n");
    const auto line = [&](const std::map<std::string, std::string> &values) {
        std::vector<std::string> ignored;
        const Binding b(*d, values, no_environment, ignored);
        std::string error;
        return b.launch_line(d->start[0], {}, &error).value_or(error);
    };
    fail_unless_equals_string(line({}).c_str(), "fakesrc ! identity ! fakesink");
    fail_unless_equals_string(line({{"source", "b"}}).c_str(),
                              "videotestsrc ! identity ! fakesink");
    fail_unless_equals_string(line({{"wait", "1s"}}).c_str(), "fakesrc ! fakesink");
    fail_unless_equals_string(line({{"flag", "false"}}).c_str(), "fakesrc ! fakesink");
    fail_unless_equals_string(
        description_test::bind(*d, {{"source", "b"}}).hint_for(d->start[0], "videotestsrc").c_str(),
        "look at it");
    fail_unless(description_test::bind(*d, {}).hint_for(d->start[0], "videotestsrc").empty());

    const std::string errors = errors_of("summary: s\n"
                                         "parameters:\n"
                                         "  source: {type: choice, default: a, choices: [a, b]}\n"
                                         "pipeline:\n"
                                         "  - when: ${sorce} == a\n"
                                         "    launch: fakesrc !\n"
                                         "  - when: ${source} == c\n"
                                         "    launch: fakesrc !\n"
                                         "  - when: source is a\n"
                                         "    launch: fakesrc !\n"
                                         "  - wen: x\n"
                                         "    launch: fakesink\n");
    // A misspelt capture is one mistake, wherever the rule uses it.
    const std::string capture =
        errors_of("summary: s\npublish:\n  match: rtmp://:1935/live/{nam}\n  pipeline: |\n"
                  "    rtmpserversrc location=rtmp://:1935/live/${name} ! "
                  "goptee channel=${name} ! fakesink\n");
    const std::string said = "there is no parameter or capture 'name': did you mean 'nam'?";
    expect(capture, said);
    fail_unless(capture.find(said) == capture.rfind(said), "%s", capture.c_str());

    expect(errors, "5:11: there is no parameter 'sorce': did you mean 'source'?");
    expect(errors, "7:21: 'source' can't have this value");
    expect(errors, "9:11: this is no condition");
    expect(errors, "11:5: unknown key 'wen' of a fragment: did you mean 'when'?");
}
GST_END_TEST

// A list of addresses makes a rule of each, with the fragments of its protocol.
GST_START_TEST(test_publish_list) {
    const std::string head =
        "summary: s\n"
        "parameters:\n"
        "  rtmp: {type: address, default: ':1935', optional: true}\n"
        "publish:\n"
        "  match: ['rtmp://${rtmp}/live/{name}', 'http://:8080/live/{name}/whip']\n"
        "  grace: 3s\n"
        "  pipeline:\n"
        "    - {from: rtmp, launch: rtmpserversrc name=a !}\n"
        "    - {from: rtc, launch: rtcserversrc name=a !}\n";
    const auto d = load(head + "    - fakesink\n");
    fail_unless_equals_int(d->publish.size(), 2);
    const Binding all = bind(*d, {}), some = bind(*d, {{"rtmp", "off"}});
    std::string error;
    const char *lines[] = {"rtmpserversrc name=a ! fakesink", "rtcserversrc name=a ! fakesink"};
    for (size_t i = 0; i < 2; ++i) {
        const auto line = all.launch_line(d->publish[i].pipeline, {{"name", "x"}}, &error);
        fail_unless_equals_string(line.value_or(error).c_str(), lines[i]);
        fail_unless(all.duration(d->publish[i].grace, 0) == 3'000'000'000);
        fail_unless(all.is_there(d->publish[i]));
    }
    // One that is off has no rule, and no other address may be.
    fail_if(some.is_there(d->publish[0]) || !some.is_there(d->publish[1]));
    std::vector<std::string> errors;
    Binding(*d, {{"rtmp", "of"}}, no_environment, errors);
    fail_unless_equals_int(errors.size(), 1);
    expect(errors[0], "--set rtmp: 'of' is no address");

    expect(errors_of(head + "    - {from: rtmpx, launch: fakesink}\n"),
           "10:14: no 'match' of this rule is of the protocol 'rtmpx': did you mean 'rtmp'?");
    expect(errors_of("summary: s\npublish:\n  match: ['rtmp://:1/{a}', 'rtmp://:2/{b}']\n"
                     "  pipeline: rtmpserversrc ! fakesink\n"),
           "3:28: this match captures other names than the first");
    expect(errors_of("summary: s\npublish:\n  match: []\n  pipeline: fakesink\n"),
           "3:3: 'match' is empty");
    expect(errors_of("summary: s\npipeline:\n  - {from: rtmp, launch: fakesrc !}\n  - fakesink\n"),
           "3:6: 'from' belongs to publish rules");
    expect(errors_of("summary: s\nparameters: {a: {type: string, default: x, optional: true}}\n"
                     "pipeline: fakesrc name=${a} ! fakesink\n"),
           "2:44: only a parameter of type address has 'optional'");
}
GST_END_TEST

GST_START_TEST(test_binding) {
    const auto d = load("summary: s\n"
                        "parameters:\n"
                        "  file: {type: path, required: true, help: What to play}\n"
                        "  n: {type: int, default: 3, min: 1, max: 10}\n"
                        "  key: {type: string, default: '', secret: true}\n"
                        "  wait: {type: duration, default: 2ms}\n"
                        "pipeline: |\n"
                        "  filesrc name=f location=${file} num-buffers=${n} !\n"
                        "  video/x-raw,width=${n} ! identity sleep-time=${wait:us} ! fakesink\n");
    std::vector<std::string> errors;
    Binding(*d, {{"n", "11"}}, no_environment, errors);
    fail_unless_equals_int(errors.size(), 2);
    expect(errors[0], "'file' has to be given: add --set file=… (What to play)");
    expect(errors[1], "--set n: '11' is too large: at most 10");

    errors.clear();
    const Binding from_environment(
        *d, {{"file", "x"}},
        [](const char *name) { return g_strcmp0(name, "PENSTOCK_N") == 0 ? "7" : nullptr; },
        errors);
    fail_unless_equals_int(from_environment.find("n")->number, 7);

    const Binding b = bind(*d, {{"file", "a b\" ! fakesink \\"}, {"key", "hush"}});
    std::string error;
    const auto line = b.launch_line(d->start[0], {}, &error);
    fail_unless(line.has_value(), "%s", error.c_str());
    expect(*line, "num-buffers=3 ! video/x-raw,width=3 ! identity sleep-time=2000 !");
    fail_unless(b.secrets().at(0) == "hush");
    const auto pipeline = b.instantiate(d->start[0], {}, &error);
    fail_unless(bool(pipeline), "%s", error.c_str());
    fail_unless_equals_int(GST_BIN_NUMCHILDREN(pipeline.get()), 4);
    auto f = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "f"));
    gchar *location = nullptr;
    g_object_get(f.get(), "location", &location, nullptr);
    fail_unless_equals_string(location, "a b\" ! fakesink \\");
    g_free(location);
}
GST_END_TEST

GST_START_TEST(test_paths) {
    const auto d = load("summary: s\n"
                        "parameters: {rtmp: {type: address, default: ':1935'}, app: {type: string, "
                        "default: live}}\n"
                        "publish:\n"
                        "  match: rtmp://${rtmp}/${app}/{name}\n"
                        "  pipeline: filesrc location=x/${name} ! fakesink\n");
    std::string error;
    const Binding b = bind(*d);
    const auto pattern = PathPattern::make(d->publish[0].match, b, &error);
    fail_unless(pattern && pattern->address().port == 1935, "%s", error.c_str());
    fail_unless(pattern->match("live/cam") == Captures({{"name", "cam"}}));
    for (const char *path : {"", "live", "live/", "live/a/b", "other/cam", "live/..", "live/a b",
                             "live/a\"b", "live/a!b", "live//a", "/live/a"})
        fail_if(pattern->match(path), "%s", path);
    const auto line = b.launch_line(d->publish[0].pipeline, {{"name", "cam"}}, &error);
    fail_unless_equals_string(line->c_str(), "filesrc location=\\\"x/cam\\\" ! fakesink");
    fail_if(b.launch_line(d->publish[0].pipeline, {{"name", "a b"}}, &error));
    // A parameter can't smuggle in a capture or a query.
    for (const char *app : {"..", "", "a?b", "a b", "{x}"}) {
        const Binding bad = bind(*d, {{"app", app}});
        fail_if(PathPattern::make(d->publish[0].match, bad, &error), "%s", app);
    }
}
GST_END_TEST

GST_START_TEST(test_play) {
    const std::string head = "summary: s\nplay:\n  - ";
    expect(errors_of(head + "{pipeline: a}\n"), "has no 'match'");
    expect(errors_of(head + "{match: 'rtmp://:1/{n}'}\n"), "has no 'pipeline'");
    expect(errors_of(head + "{match: 'ftp://:1/{n}', pipeline: a}\n"),
           "an rtmp:// or rtmps:// or http://");
    expect(errors_of(head + "{match: 'rtmp://:1/{n}', pipeline: a, idle: 3}\n"), "a duration");
    expect(errors_of(head + "{match: 'rtmp://:1/{n}', pipeline: a, max-instances: 0}\n"),
           "from 1 to 100000");
    expect(errors_of(head + "{match: ['rtmp://:1/{n}', 'http://:2/{m}/i'], pipeline: a}\n"),
           "captures other names than the first");
    expect(errors_of(head + "{match: 'rtmp://:1/{n}', pipelines: a}\n"), "did you mean");
    expect(errors_of(head + "{match: 'rtmp://:1/{n}', pipeline: 'a b=${m}'}\n"), "m");

    auto d = load(head + "{match: ['rtmp://:1/live/{name}_480p', 'http://:2/{name}_480p/i.m3u8'], "
                         "idle: 5s, pipeline: a}\n");
    std::vector<std::string> errors;
    const Binding b(
        *d, {}, [](const char *) { return static_cast<const char *>(nullptr); }, errors);
    const PlayRule &rule = d->play.at(0);
    fail_unless(b.duration(rule.idle, 0) == 5'000'000'000);
    std::string error;
    const auto rtmp = PathPattern::make(rule.matches[0], b, &error);
    const auto http = PathPattern::make(rule.matches[1], b, &error);
    fail_unless(rtmp && http, "%s", error.c_str());
    fail_unless_equals_string(http->scheme().c_str(), "http");
    const auto captures = rtmp->match("live/cam_480p");
    fail_unless(captures && captures->at("name") == "cam");
    fail_unless(http->path_of(*captures) == "cam_480p/i.m3u8");
    fail_unless(http->match("cam_480p/i.m3u8") == captures);
    for (const char *other : {"live/cam", "live/_480p", "live/.._480p", "live/cam_480", "cam_480p",
                              "live/cam_480p/x", "live/a/b_480p", "live/a b_480p"})
        fail_if(rtmp->match(other), "%s", other);
}
GST_END_TEST

GST_START_TEST(test_authorize) {
    const auto description =
        load("summary: s\npipeline: fakesrc ! fakesink\n"
             "parameters: {s: {type: string, default: x, secret: true}}\n"
             "authorize:\n"
             "  only: publish\n  allow: [10.0.0.0/8, '::1']\n  deny: 10.1.0.0/16\n  keys: keys\n"
             "  sign: ${s}\n  jwt: {keys: jwks.json, issuer: a, audience: b, claim: c}\n"
             "  url: http://a/\n  style: srs\n  secret: ${s}\n  timeout: 2s\n  cache: 1min\n"
             "notify: https://b/x?y\n"
             "publish: {match: 'rtmp://:1935/live/{name}', pipeline: fakesrc ! fakesink,\n"
             "  authorize: http://c}\n");
    const auto &read = *description->authorize;
    fail_unless(read.only == "publish" && read.allow.size() == 2 && read.deny.size() == 1);
    fail_unless(read.keys && read.sign && read.jwks && read.issuer && read.audience && read.cache);
    fail_unless(read.claim == "c" && read.callback.style == "srs" && read.callback.secret);
    fail_unless(description->notify->callback.url.has_value());
    fail_unless(description->publish.at(0).authorize->callback.url.has_value());

    const std::string errors = errors_of("summary: s\npipeline: fakesrc ! fakesink\n"
                                         "authorize:\n"
                                         "  allow: 10.0.0.1/8\n"
                                         "  urll: http://a\n"
                                         "  style: nginxx\n"
                                         "  timeout: 9s\n"
                                         "  only: nobody\n"
                                         "  jwt: {issuer: a}\n"
                                         "notify: ftp://a\n");
    expect(errors, "bad.yaml:4:10: '10.0.0.1/8' is no IP address or network");
    expect(errors, "bad.yaml:5:3: unknown key 'urll' of 'authorize'");
    expect(errors, "bad.yaml:6:10: 'style' can't be 'nginxx'");
    expect(errors, "bad.yaml:7:12: 'timeout' has to be above 0 and at most 5s");
    expect(errors, "bad.yaml:8:9: 'only' can't be 'nobody'");
    expect(errors, "bad.yaml:9:3: 'jwt' has no 'keys'");
    expect(errors, "bad.yaml:10:9: 'notify' has to be an http:// or https:// address");
    const auto mistake = [](const std::string &text, const std::string &part) {
        expect(errors_of("summary: s\npipeline: fakesrc ! fakesink\n" + text), part);
    };
    mistake("authorize: {only: play}\n", "says nothing that decides");
    mistake("authorize: {deny: '::1', cache: 1s}\n", "'cache' without 'url'");
    mistake("authorize: {keys: a, only: play}\n", "'keys' are for publishers");
    mistake("notify: {style: srs}\n", "'notify' has no 'url'");
    mistake("authorize: []\n", "'authorize' has to be a URL or hold keys");
    mistake("play: {match: 'rtmp://:1/a/{n}', pipeline: fakesrc ! fakesink,"
            " authorize: {keys: a, only: play}}\n",
            "'only' stands in a rule");
}
GST_END_TEST

static Suite *description_suite() {
    Suite *s = suite_create("description");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_all_errors_at_once);
    tcase_add_test(tc, test_strict_yaml);
    tcase_add_test(tc, test_aliases);
    tcase_add_test(tc, test_structure);
    tcase_add_test(tc, test_play);
    tcase_add_test(tc, test_values);
    tcase_add_test(tc, test_schemes);
    tcase_add_test(tc, test_conditions);
    tcase_add_test(tc, test_publish_list);
    tcase_add_test(tc, test_binding);
    tcase_add_test(tc, test_authorize);
    tcase_add_test(tc, test_paths);
    return s;
}
GST_CHECK_MAIN(description)

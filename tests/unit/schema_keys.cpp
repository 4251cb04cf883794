// SPDX-License-Identifier: LGPL-2.1-or-later
// The JSON Schema has exactly the loader's keys and types.
#include "description/keys.h"
#include "description/parameter.h"
#include "protocols/schema.h"
#include "protocols/table.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "check.hpp"

using namespace penstock::description;
using Words = std::set<std::string>;

namespace {

nlohmann::json read_schema() {
    const char *root = std::getenv("PENSTOCK_SOURCE_ROOT");
    fail_unless(root != nullptr);
    std::ifstream file(std::string(root) + "/launcher/description/schema.json.in");
    fail_unless(file.good());
    std::stringstream text;
    text << file.rdbuf();
    return nlohmann::json::parse(penstock::protocols::complete_schema(text.str()));
}

std::string say(const Words &words) {
    return enumerate({words.begin(), words.end()});
}

} // namespace

GST_START_TEST(test_keys) {
    const auto schema = read_schema();
    for (const Place place : all_places()) {
        const auto &definition =
            place == Place::top ? schema : schema.at("$defs").at(name_of(place));
        Words published;
        for (const auto &[key, value] : definition.at("properties").items())
            published.insert(key);
        const auto &keys = keys_of(place);
        const Words taken(keys.begin(), keys.end());
        fail_unless(published == taken, "%s: the schema has %s; the loader takes %s",
                    name_of(place), say(published).c_str(), say(taken).c_str());
        fail_unless(definition.at("additionalProperties") == false);
    }
}
GST_END_TEST

GST_START_TEST(test_types) {
    const auto schema = read_schema();
    const auto &type = schema.at("$defs").at("parameter").at("properties").at("type");
    fail_unless(type.at("enum").get<std::vector<std::string>>() == type_names());
    // Each type has a rule for its default.
    Words ruled;
    for (const auto &rule : schema.at("$defs").at("parameter").at("allOf"))
        if (rule.at("then").contains("properties") &&
            rule.at("then").at("properties").contains("default") &&
            rule.at("if").at("properties").contains("type"))
            ruled.insert(rule.at("if").at("properties").at("type").at("const").get<std::string>());
    fail_unless(ruled == Words(type_names().begin(), type_names().end()), "%s", say(ruled).c_str());
}
GST_END_TEST

GST_START_TEST(test_protocols) {
    const auto pattern_of = [](const char *rule) {
        const auto match = read_schema().at("$defs").at(rule).at("properties").at("match");
        return std::regex((match.contains("pattern") ? match : match.at("anyOf").at(0))
                              .at("pattern")
                              .get<std::string>());
    };
    const auto takes = [&](const char *rule, const char *url) {
        return std::regex_match(url, pattern_of(rule));
    };
    fail_unless(takes("publish", "rtmp://${rtmp}/live/{name}"));
    fail_unless(takes("play", "https://${http}/live/{name}.flv"));
    fail_unless(takes("publish", "http://${http}/live/{name}/whip"));
    fail_if(takes("publish", "http://${http}/live/{name}") || takes("play", "lines://:1/{name}"));
    penstock::protocols::Protocol lines;
    lines.name = "lines";
    lines.schemes = {{.name = "lines", .publish_match = true, .play_match = true}};
    const penstock::protocols::Registration registration(lines);
    fail_unless(takes("publish", "lines://:1/{name}") && takes("play", "lines://:1/{name}"));
    const auto match = read_schema().at("$defs").at("publish").at("properties").at("match");
    // Whatever else there is: the built-in ones come first, one that was added last.
    const auto description = match.at("description").get<std::string>();
    fail_unless(description.starts_with("`rtmp://ADDRESS/PATH`, `rtmps://ADDRESS/PATH`, "));
    for (const char *url : {"`http://ADDRESS/PATH/whip`, ", "`https://ADDRESS/PATH/join`",
                            " or `lines://ADDRESS/PATH`, "})
        fail_unless(description.find(url) != std::string::npos, "%s: %s", url, description.c_str());
}
GST_END_TEST

static Suite *schema_keys_suite() {
    Suite *s = suite_create("schema_keys");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_keys);
    tcase_add_test(tc, test_types);
    tcase_add_test(tc, test_protocols);
    return s;
}
GST_CHECK_MAIN(schema_keys)

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "expect/files.h"

#include "description/element_class.h"
#include "expect/outputs.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

namespace penstock::expect {
namespace {

using namespace description;

constexpr std::string_view file_scheme = "file://";
/// Properties of sinks that name what is written.
constexpr const char *places[] = {"location", "playlist-location", "init-location",
                                  "mpd-root-path"};

bool is_directory(std::string_view property) {
    return property == "mpd-root-path";
}

void set(Item &item, const std::string &name, const std::string &value) {
    Property property{
        .name = name, .raw = quote_string_value(value), .pieces = {{value, std::nullopt}}};
    for (Property &each : item.properties)
        if (each.name == name) {
            each = std::move(property);
            return;
        }
    item.properties.push_back(std::move(property));
}

/// The file that the element writes to by default; empty if it has none.
std::string default_of(const ElementClass &type, const char *property) {
    GParamSpec *spec = type ? type.find(property) : nullptr;
    if (!spec || !G_IS_PARAM_SPEC_STRING(spec)) return {};
    const gchar *text = G_PARAM_SPEC_STRING(spec)->default_value;
    return text ? text : "";
}

} // namespace

bool is_written(const std::string &factory, const std::string &property, const std::string &value) {
    const bool is_place = std::any_of(std::begin(places), std::end(places),
                                      [&](const char *place) { return property == place; });
    if (!is_place || value.empty() || !puts_out(factory)) return false;
    if (value.starts_with(file_scheme)) return true;
    return value.find("://") == value.npos && !value.starts_with("/dev/");
}

Files::~Files() {
    std::error_code ignored;
    if (!root_.empty()) std::filesystem::remove_all(root_, ignored);
}

std::string Files::instead_of(const std::string &directory, std::string *error) {
    if (root_.empty()) {
        GError *why = nullptr;
        const GOwned<> made(g_dir_make_tmp("penstock-test-XXXXXX", &why));
        if (!made) {
            *error = std::string("no temporary directory for the files that are written: ") +
                     why->message;
            g_error_free(why);
            return {};
        }
        root_ = made.get();
    }
    std::string &out = directories_[directory];
    if (!out.empty()) return out;
    const std::string wanted = root_ + "/" + std::to_string(directories_.size());
    std::error_code code;
    if (!std::filesystem::create_directory(wanted, code)) {
        *error = wanted + " can't be made: " + code.message();
        return {};
    }
    return out = wanted;
}

bool Files::redirect(Item &item, const Binding &binding, const Captures &captures,
                     std::string *error) {
    if (item.kind != Item::Kind::element) return true;
    const ElementClass type(item.text);
    for (const char *place : places) {
        const auto given =
            std::find_if(item.properties.begin(), item.properties.end(),
                         [&](const Property &property) { return property.name == place; });
        std::string value = given == item.properties.end()
                                ? default_of(type, place)
                                : binding.expand(given->pieces, captures, nullptr).value_or("");
        if (!is_written(item.text, place, value)) continue;
        std::string scheme;
        if (value.starts_with(file_scheme)) {
            scheme = file_scheme;
            value.erase(0, scheme.size());
        }
        const size_t slash = is_directory(place) ? value.size() : value.rfind('/');
        const std::string other =
            instead_of(slash == value.npos ? "." : value.substr(0, slash), error);
        if (other.empty()) return false;
        const std::string name = slash == value.npos    ? "/" + value
                                 : slash < value.size() ? value.substr(slash)
                                                        : "";
        set(item, place, scheme + other + name);
    }
    return true;
}

bool Files::redirect(Description &description, const Binding &binding, std::string *error) {
    const Captures captures = captures_of(description);
    const auto each = [&](PipelineText &pipeline) {
        for (Fragment &fragment : pipeline.fragments) {
            if (!binding.holds(pipeline.when) || !binding.holds(fragment.when)) continue;
            for (Item &item : fragment.launch.items)
                if (!redirect(item, binding, captures, error)) return false;
        }
        return true;
    };
    for (PipelineText &pipeline : description.start)
        if (!each(pipeline)) return false;
    for (PublishRule &rule : description.publish)
        if (!each(rule.pipeline)) return false;
    for (PlayRule &rule : description.play)
        if (!each(rule.pipeline)) return false;
    return true;
}

} // namespace penstock::expect

// SPDX-License-Identifier: LGPL-2.1-or-later
// Builds the tree with GLib's parser, which resolves no entities and loads nothing.
#include "onvif/xml.h"

#include <glib.h>

#include <algorithm>
#include <memory>

namespace penstock::onvif {
namespace {

struct Building {
    Element root;                  ///< whose child is the document's
    std::vector<Element *> open{}; ///< from the root down
    size_t count = 0;
};

std::string local_name(const char *name) {
    const std::string_view text(name);
    return std::string(text.substr(std::min(text.rfind(':') + 1, text.size())));
}

void start(GMarkupParseContext *, const char *name, const char **names, const char **values,
           gpointer data, GError **error) {
    auto &building = *static_cast<Building *>(data);
    if (++building.count > max_elements || building.open.size() > max_depth) {
        g_set_error_literal(error, G_MARKUP_ERROR, G_MARKUP_ERROR_PARSE, "too large");
        return;
    }
    Element element;
    element.name = local_name(name);
    for (size_t i = 0; names[i]; ++i)
        element.attributes.emplace_back(local_name(names[i]), values[i]);
    auto &siblings = building.open.back()->children;
    siblings.push_back(std::move(element));
    building.open.push_back(&siblings.back());
}

void end(GMarkupParseContext *, const char *, gpointer data, GError **) {
    auto &building = *static_cast<Building *>(data);
    std::string &text = building.open.back()->text;
    constexpr const char *space = " \t\r\n";
    text.erase(0, std::min(text.find_first_not_of(space), text.size()));
    text.erase(text.find_last_not_of(space) + 1);
    building.open.pop_back();
}

void add_text(GMarkupParseContext *, const char *text, gsize size, gpointer data, GError **) {
    static_cast<Building *>(data)->open.back()->text.append(text, size);
}

} // namespace

const Element *Element::find(std::string_view path) const {
    const Element *at = this;
    while (at && !path.empty()) {
        const std::string_view name = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(name.size() + 1, path.size()));
        const auto found = std::find_if(at->children.begin(), at->children.end(),
                                        [&](const Element &one) { return one.name == name; });
        at = found == at->children.end() ? nullptr : &*found;
    }
    return at;
}

std::string Element::text_of(std::string_view path) const {
    const Element *found = find(path);
    return found ? found->text : std::string();
}

std::vector<const Element *> Element::all(std::string_view wanted) const {
    std::vector<const Element *> out;
    for (const Element &child : children)
        if (child.name == wanted) out.push_back(&child);
    return out;
}

const Element *Element::search(std::string_view wanted) const {
    if (name == wanted) return this;
    for (const Element &child : children)
        if (const Element *found = child.search(wanted)) return found;
    return nullptr;
}

std::string Element::attribute(std::string_view wanted) const {
    for (const auto &[key, value] : attributes)
        if (key == wanted) return value;
    return {};
}

std::optional<Element> parse_xml(std::string_view text) {
    if (text.size() > max_xml) return std::nullopt;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    // Some devices write their names in other encodings, and call it UTF-8.
    const std::unique_ptr<char, decltype(&g_free)> valid(
        g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())), g_free);
    Building building;
    building.open.push_back(&building.root);
    const GMarkupParser parser = {start, end, add_text, nullptr, nullptr};
    const std::unique_ptr<GMarkupParseContext, decltype(&g_markup_parse_context_free)> context(
        g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, &building, nullptr),
        g_markup_parse_context_free);
    if (!g_markup_parse_context_parse(context.get(), valid.get(), -1, nullptr) ||
        !g_markup_parse_context_end_parse(context.get(), nullptr) ||
        building.root.children.size() != 1)
        return std::nullopt;
    return std::move(building.root.children.front());
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        default:
            out += c;
        }
    }
    return out;
}

} // namespace penstock::onvif

// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as parameter values and names from the network. Law: the number of elements and links
// never depends on a value, and a string property gets exactly the value. The input is up to seven
// values separated by zero bytes.
#include "description/binding.h"

#include "fuzz/glib_tables.h"
#include "fuzz/law.h"

#include <array>
#include <map>

using namespace penstock;
using namespace penstock::description;

namespace {

constexpr const char *text = R"(
summary: every place a value may stand in
parameters:
  text:  {type: string, default: x}
  file:  {type: path, default: x}
  url:   {type: url, default: "rtmp://h/x"}
  where: {type: address, default: ":1"}
  count: {type: int, default: 1}
  word:  {type: string, default: x}
publish:
  match: rtmp://:1935/live/{name}
  pipeline: |
    filesrc name=a location=${text} ! identity name=b sleep-time=${count} !
    application/x-foo,n=${count},s=${word} ! tee name=t
    t. ! queue ! filesink name=c location="x ${file}/y"
    t. ! queue ! filesink name=d location=${url}/${name}?${where} append=true
    t. ! queue ! fakesink num-buffers=${count}
    filesrc name=e location=${name} ! filesink name=f location=a${text}b${word}
)";

struct Shape {
    unsigned elements = 0, links = 0;
    bool operator==(const Shape &) const = default;
};

Shape shape_of(GstElement *pipeline) {
    Shape shape;
    for (GList *l = GST_BIN_CHILDREN(pipeline); l; l = l->next) {
        ++shape.elements;
        for (GList *p = GST_ELEMENT(l->data)->srcpads; p; p = p->next)
            shape.links += gst_pad_is_linked(GST_PAD(p->data));
    }
    return shape;
}

std::string location_of(GstElement *pipeline, const char *name) {
    const auto element = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), name));
    fuzz::law(bool(element), "every element is there");
    gchar *location = nullptr;
    g_object_get(element.get(), "location", &location, nullptr);
    const GOwned<> owner(location);
    return location ? location : "";
}

const Description &description() {
    static const std::unique_ptr<Description> loaded = [] {
        gst_init(nullptr, nullptr);
        Problems problems;
        auto out = load_description(Source("fuzz.yaml", text), problems);
        std::fputs(Source("fuzz.yaml", text).render(problems).c_str(), stderr);
        fuzz::law(out != nullptr, "the description is good");
        return out;
    }();
    return *loaded;
}

std::optional<Shape> build(const std::map<std::string, std::string> &values,
                           const std::string &name) {
    std::vector<std::string> errors;
    const Binding binding(
        description(), values, [](const char *) -> const char * { return nullptr; }, errors);
    if (!errors.empty()) return std::nullopt;
    std::string error;
    const auto pipeline =
        binding.instantiate(description().publish[0].pipeline, {{"name", name}}, &error);
    if (!pipeline) {
        fuzz::law(!error.empty(), "an error has a reason");
        return std::nullopt;
    }
    const auto value = [&](const char *key) { return binding.find(key)->text; };
    GstElement *whole = pipeline.get();
    const auto same = [&](const char *element, const std::string &wanted) {
        fuzz::law(location_of(whole, element) == wanted, "a string property gets the very value");
    };
    if (!value("text").empty()) same("a", value("text"));
    same("c", "x " + value("file") + "/y");
    same("d", value("url") + "/" + name + "?" + value("where"));
    same("e", name);
    same("f", "a" + value("text") + "b" + value("word"));
    return shape_of(whole);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const auto *tables = new fuzz::GlibTables; // outlives the leak check
    static_cast<void>(tables);
    static const Shape wanted = [] {
        const auto shape = build({}, "cam");
        fuzz::law(shape.has_value(), "the defaults are good");
        return *shape;
    }();
    static constexpr std::array names = {"text", "file", "url", "where", "count", "word"};
    std::map<std::string, std::string> values;
    std::string network = "cam";
    std::string_view rest(reinterpret_cast<const char *>(data), size);
    for (size_t i = 0; i <= names.size() && !rest.empty(); ++i) {
        const size_t end = rest.find('\0');
        const std::string value(rest.substr(0, end));
        if (i < names.size() && !value.empty()) values[names[i]] = value;
        if (i == names.size()) network = value;
        rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    }
    // Together, and each alone: a value that is refused must not hide another.
    const auto check = [&](const std::optional<Shape> &shape) {
        fuzz::law(!shape || *shape == wanted, "no value changes the number of elements or links");
    };
    check(build(values, network));
    for (const auto &[name, value] : values)
        check(build({{name, value}}, "cam"));
    check(build({}, network));
    return 0;
}

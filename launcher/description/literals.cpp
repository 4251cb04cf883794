// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/literals.h"

#include "description/source.h"

#include <gst/gst.h>

#include <algorithm>

namespace penstock::description {
namespace {

/// A GValue that is unset on destruction.
class AnyValue {
public:
    explicit AnyValue(GType type) { g_value_init(&value_, type); }
    ~AnyValue() { g_value_unset(&value_); }
    AnyValue(const AnyValue &) = delete;
    AnyValue &operator=(const AnyValue &) = delete;
    GValue *get() { return &value_; }

private:
    GValue value_ = G_VALUE_INIT;
};

std::string article(GType type) {
    if (type == G_TYPE_FLOAT || type == G_TYPE_DOUBLE) return "a number";
    return "a whole number";
}

bool is_number(GType type) {
    for (const GType number : {G_TYPE_INT, G_TYPE_UINT, G_TYPE_LONG, G_TYPE_ULONG, G_TYPE_INT64,
                               G_TYPE_UINT64, G_TYPE_FLOAT, G_TYPE_DOUBLE})
        if (type == number) return true;
    return false;
}

std::string written(GParamSpec *spec, bool upper) {
    const auto text = [&](auto *range) {
        return std::to_string(upper ? range->maximum : range->minimum);
    };
    if (G_IS_PARAM_SPEC_INT(spec)) return text(G_PARAM_SPEC_INT(spec));
    if (G_IS_PARAM_SPEC_UINT(spec)) return text(G_PARAM_SPEC_UINT(spec));
    if (G_IS_PARAM_SPEC_LONG(spec)) return text(G_PARAM_SPEC_LONG(spec));
    if (G_IS_PARAM_SPEC_ULONG(spec)) return text(G_PARAM_SPEC_ULONG(spec));
    if (G_IS_PARAM_SPEC_INT64(spec)) return text(G_PARAM_SPEC_INT64(spec));
    if (G_IS_PARAM_SPEC_UINT64(spec)) return text(G_PARAM_SPEC_UINT64(spec));
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    const double bound =
        G_IS_PARAM_SPEC_FLOAT(spec) ? static_cast<double>(upper ? G_PARAM_SPEC_FLOAT(spec)->maximum
                                                                : G_PARAM_SPEC_FLOAT(spec)->minimum)
        : G_IS_PARAM_SPEC_DOUBLE(spec)
            ? (upper ? G_PARAM_SPEC_DOUBLE(spec)->maximum : G_PARAM_SPEC_DOUBLE(spec)->minimum)
            : 0;
    return g_ascii_formatd(buffer, sizeof buffer, "%g", bound);
}

template <class Class>
std::vector<std::string> nicks_of(const Class *type) {
    std::vector<std::string> out;
    for (guint i = 0; i < type->n_values; ++i)
        out.emplace_back(type->values[i].value_nick);
    return out;
}

/// The names of an enumeration's or flag type's values; empty for other types.
std::vector<std::string> words_of(GParamSpec *spec) {
    if (G_IS_PARAM_SPEC_ENUM(spec)) return nicks_of(G_PARAM_SPEC_ENUM(spec)->enum_class);
    if (G_IS_PARAM_SPEC_FLAGS(spec)) return nicks_of(G_PARAM_SPEC_FLAGS(spec)->flags_class);
    return {};
}

/// Lists the words; a long list is shortened.
std::string say_words(std::vector<std::string> words, const std::string &how) {
    constexpr size_t most = 12;
    if (words.size() <= most) return how + enumerate(words);
    words.resize(most);
    return how + enumerate(words) + " or another that `gst-inspect-1.0` lists";
}

Refusal wrong_word(GParamSpec *spec, const std::string &text) {
    const std::vector<std::string> words = words_of(spec);
    const std::string name = "'" + std::string(spec->name) + "'";
    if (G_IS_PARAM_SPEC_ENUM(spec))
        return {"'" + text + "' is none of the values of " + name,
                did_you_mean(text, words, say_words(words, "take one of "))};
    // For flags, find the one that is invalid.
    std::string wrong = text;
    size_t begin = 0;
    while (begin <= text.size()) {
        const size_t end = std::min(text.find_first_of("+ ", begin), text.size());
        const std::string part = text.substr(begin, end - begin);
        if (!part.empty() && std::find(words.begin(), words.end(), part) == words.end()) {
            wrong = part;
            break;
        }
        begin = end + 1;
    }
    return {"'" + wrong + "' is none of the flags of " + name,
            did_you_mean(wrong, words, say_words(words, "join some with +: "))};
}

bool is_same(GValue *a, GValue *b) {
    if (gst_value_compare(a, b) == GST_VALUE_EQUAL) return true;
    if (G_VALUE_HOLDS_ENUM(a)) return g_value_get_enum(a) == g_value_get_enum(b);
    return G_VALUE_HOLDS_FLAGS(a) && g_value_get_flags(a) == g_value_get_flags(b);
}

} // namespace

std::optional<Refusal> check_literal(GParamSpec *spec, const std::string &text) {
    const GType type = G_PARAM_SPEC_VALUE_TYPE(spec);
    const std::string name = "'" + std::string(spec->name) + "'";
    const bool has_words = G_IS_PARAM_SPEC_ENUM(spec) || G_IS_PARAM_SPEC_FLAGS(spec);
    const bool number = is_number(type);
    // Strings accept everything, objects are parsed as launch text, and other types (structures,
    // lists) can't be tried without GStreamer logging errors.
    if (!has_words && !number && type != G_TYPE_BOOLEAN && type != GST_TYPE_CAPS &&
        type != GST_TYPE_FRACTION)
        return std::nullopt;
    AnyValue value(type);
    if (!gst_value_deserialize_with_pspec(value.get(), text.c_str(), spec)) {
        if (has_words) return wrong_word(spec, text);
        if (type == G_TYPE_BOOLEAN)
            return Refusal{name + " is a bool and '" + text + "' is none", "write true or false"};
        std::string mend = type == GST_TYPE_CAPS ? "write type/subtype,field=value,…"
                                                 : "write two numbers, such as 30/1";
        if (number)
            mend = "write " + article(type) + " from " + written(spec, false) + " to " +
                   written(spec, true);
        return Refusal{"'" + text + "' is no value of " + name, mend};
    }
    if (!has_words && !number) return std::nullopt;
    AnyValue kept(type);
    g_value_copy(value.get(), kept.get());
    // FALSE: the value needed no change.
    if (!g_param_value_validate(spec, value.get()) || is_same(value.get(), kept.get()))
        return std::nullopt;
    if (has_words) return wrong_word(spec, text);
    return Refusal{std::string(spec->name) + "=" + text + " is out of range",
                   "take " + article(type) + " from " + written(spec, false) + " to " +
                       written(spec, true)};
}

} // namespace penstock::description

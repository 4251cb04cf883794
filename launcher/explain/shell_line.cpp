// SPDX-License-Identifier: LGPL-2.1-or-later
#include "explain/shell_line.h"

#include "description/elements.h"

#include <algorithm>
#include <string_view>

namespace penstock::explain {
namespace {

using namespace description;

constexpr size_t line_width = 78;

bool has_only(std::string_view text, std::string_view more) {
    return std::all_of(text.begin(), text.end(), [&](unsigned char c) {
        return (c < 0x80 && std::isalnum(c)) || more.find(static_cast<char>(c)) != more.npos;
    });
}

std::string quote_for_shell(const std::string &word) {
    if (!word.empty() && has_only(word, "_./:@%+,=-") && word[0] != '=') return word;
    if (word == "!") return word; // a single "!" is not expanded as history
    std::string out = "'";
    for (const char c : word)
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

/// `name=value` in gst_parse syntax, before quoting for the shell.
std::string property_word(const Item &item, const Property &property, const Binding &binding) {
    // The original text can be used as an argument unless it contains a backslash, since
    // gst-launch-1.0 adds its own.
    if (!property.has_placeholder && property.raw.find('\\') == std::string::npos)
        return property.name + "=" + property.raw;
    const std::string value = expand_for_reading(property.pieces, binding);
    if (!value.empty() && has_only(value, "_./:@%+,=?&~{}<>-")) return property.name + "=" + value;
    if (value.find_first_of("\"\\") == std::string::npos)
        return property.name + "=\"" + value + "\"";
    const auto info = find_property(item.text, property.name);
    const bool text = info && info->kind == PropertyKind::text;
    return property.name + "=" + (text ? quote_string_value(value) : quote_other_value(value));
}

/// Joins words into lines; each chain begins a new line.
class Lines {
public:
    void begin_chain() {
        if (out_.empty()) return;
        out_ += " \\\n  ";
        column_ = 2;
        is_fresh_ = true;
    }
    void add(const std::string &word) {
        const std::string quoted = quote_for_shell(word);
        if (out_.empty()) {
            out_ = "gst-launch-1.0 \\\n  ";
            column_ = 2;
            is_fresh_ = true;
        }
        if (!is_fresh_ && column_ + 1 + quoted.size() > line_width - 2) {
            out_ += " \\\n    ";
            column_ = 4;
            is_fresh_ = true;
        }
        if (!is_fresh_) {
            out_ += ' ';
            ++column_;
        }
        out_ += quoted;
        column_ += quoted.size();
        is_fresh_ = false;
    }
    std::string take() { return std::move(out_); }

private:
    std::string out_;
    size_t column_ = 0;
    bool is_fresh_ = true;
};

} // namespace

std::string expand_for_reading(const Pieces &pieces, const Binding &binding) {
    std::string out;
    for (const Piece &piece : pieces) {
        if (!piece.placeholder) {
            out += piece.literal;
            continue;
        }
        const std::string &name = piece.placeholder->name;
        const Parameter *parameter = binding.description().find_parameter(name);
        if (!parameter) // only ${time} has a value
            out += binding.expand({piece}, {}, nullptr).value_or("{" + name + "}");
        else if (parameter->secret)
            out += "<" + name + ">";
        else
            out += binding.expand({piece}, {}, nullptr).value_or("<" + name + ">");
    }
    return out;
}

std::string shell_line(const PipelineText &pipeline, const Binding &binding) {
    Lines lines;
    bool after_link = false;
    for (const Fragment &fragment : pipeline.fragments) {
        if (!binding.holds(fragment.when)) continue;
        for (const Item &item : fragment.launch.items) {
            const bool begins =
                !after_link &&
                (item.kind == Item::Kind::element || item.kind == Item::Kind::reference ||
                 item.kind == Item::Kind::url || item.kind == Item::Kind::bin_begin);
            if (begins) lines.begin_chain();
            if (item.kind == Item::Kind::caps) {
                lines.add(expand_for_reading(item.pieces, binding));
                lines.add("!");
            } else {
                lines.add(item.text);
            }
            for (const Property &property : item.properties)
                lines.add(property_word(item, property, binding));
            after_link = item.kind == Item::Kind::link || item.kind == Item::Kind::caps ||
                         item.kind == Item::Kind::bin_begin;
        }
    }
    return lines.take();
}

} // namespace penstock::explain

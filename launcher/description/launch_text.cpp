// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/launch_text.h"

#include <algorithm>

namespace penstock::description {
namespace {

bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool begins_identifier(char c) {
    return is_alnum(c) || c == '_';
}
bool is_identifier(char c) {
    return begins_identifier(c) || c == '-' || c == '%' || c == ':';
}

/// The whole character at `at`, in quotes; UTF-8 has up to four bytes for one.
std::string character_at(std::string_view text, size_t at) {
    size_t end = at + 1;
    while (end < text.size() && end < at + 4 && (text[end] & 0xc0) == 0x80)
        ++end;
    return "'" + std::string(text.substr(at, end - at)) + "'";
}

const char *placeholder_form = "write ${name}, ${name:unit} or ${name.setting}";

/// Reads the placeholder whose `${` (or `{`) is at `at`, and moves `at` past it.
std::optional<Placeholder> read_placeholder(std::string_view text, size_t &at, bool capture,
                                            size_t base, TextProblems &problems) {
    const size_t start = at;
    const size_t body = at + (capture ? 1 : 2);
    size_t end = body;
    while (end < text.size() && (is_identifier(text[end]) || text[end] == '.') && text[end] != '%')
        ++end;
    if (end >= text.size() || text[end] != '}') {
        problems.push_back({base + start, "a placeholder is not complete",
                            capture ? "write {name}" : placeholder_form});
        at = start + (capture ? 1 : 2);
        return std::nullopt;
    }
    at = end + 1;
    std::string_view inside = text.substr(body, end - body);
    Placeholder found{.is_capture = capture, .offset = base + start};
    const size_t split = inside.find_first_of(":.");
    found.name = inside.substr(0, split);
    if (split != inside.npos) {
        (inside[split] == ':' ? found.unit : found.setting) = inside.substr(split + 1);
        const std::string &rest = found.unit + found.setting;
        if (rest.empty() || rest.find_first_of(":.") != rest.npos || capture) {
            problems.push_back({base + start, "a placeholder is malformed",
                                capture ? "write {name}" : placeholder_form});
            return std::nullopt;
        }
    }
    if (found.name.empty()) {
        problems.push_back({base + start, "a placeholder has no name",
                            capture ? "write {name}" : placeholder_form});
        return std::nullopt;
    }
    return found;
}

void add_literal(Pieces &pieces, char c) {
    if (pieces.empty() || pieces.back().placeholder) pieces.emplace_back();
    pieces.back().literal += c;
}

class Tokenizer {
public:
    Tokenizer(std::string_view text, TextProblems &problems, Extent extent)
        : text_(text), problems_(problems), extent_(extent) {}
    LaunchText run();

private:
    bool at_end() const { return at_ >= text_.size(); }
    void problem(size_t offset, std::string what, std::string mend) {
        problems_.push_back({offset, std::move(what), std::move(mend)});
    }
    void skip_space() {
        while (!at_end() && is_space(text_[at_]))
            ++at_;
    }
    void skip_word() {
        while (!at_end() && !is_space(text_[at_]))
            ++at_;
    }
    Item &add(Item::Kind kind, size_t offset, std::string_view text) {
        out_.items.push_back(Item{.kind = kind, .offset = offset, .text = std::string(text)});
        return out_.items.back();
    }
    void read_word();
    bool read_property();
    void read_link();
    void read_caps(size_t start);
    size_t value_end(size_t start);
    void read_value(Property &property);
    void check_links();

    std::string_view text_;
    TextProblems &problems_;
    const Extent extent_;
    LaunchText out_;
    size_t at_ = 0;
};

LaunchText Tokenizer::run() {
    const size_t before = problems_.size();
    for (skip_space(); !at_end(); skip_space()) {
        const char c = text_[at_];
        const size_t start = at_;
        if (c == '#') {
            // GStreamer 1.22 does not support comments, so they are removed here.
            at_ = std::min(text_.find('\n', at_), text_.size());
        } else if (c == '!') {
            read_link();
        } else if (c == ':' && (at_ + 1 >= text_.size() || is_space(text_[at_ + 1]))) {
            ++at_;
            add(Item::Kind::link, start, ":");
            ++out_.links;
        } else if (c == '(') {
            add(Item::Kind::bin_begin, start, "(");
            ++at_;
        } else if (c == ')') {
            add(Item::Kind::bin_end, start, ")");
            ++at_;
        } else if (c == ',') {
            add(Item::Kind::comma, start, ",");
            ++at_;
        } else {
            read_word();
        }
    }
    // After an unreadable word two links may seem adjacent, so links are checked only if there were
    // no problems.
    if (problems_.size() == before) check_links();
    return std::move(out_);
}

void Tokenizer::read_word() {
    const size_t start = at_;
    const char c = text_[at_];
    if (c == '$') {
        problem(start, "a placeholder stands for an element or a property's name",
                "a placeholder may only stand in a property's value or a caps field");
        skip_word();
        return;
    }
    if (c == '.' || c == '/') {
        while (++at_, !at_end() && (c == '/' ? !is_space(text_[at_]) : is_identifier(text_[at_]))) {
        }
        const std::string_view word = text_.substr(start, at_ - start);
        if (c == '/') {
            add(Item::Kind::url, start, word);
            ++out_.elements;
        } else {
            add(Item::Kind::reference, start, word);
        }
        if (word.find("${") != word.npos)
            problem(start + word.find("${"), "a placeholder stands in a URL",
                    "use an element with a location property");
        return;
    }
    if (!begins_identifier(c)) {
        problem(start, character_at(text_, start) + " does not begin anything here",
                c == '"' || c == '\'' ? "quotes belong around a property's value"
                : c == '@'            ? "presets are not taken here: write the properties"
                                      : "expected an element, a property or `!`");
        skip_word();
        return;
    }
    if (read_property()) return;

    const std::string_view whole =
        text_.substr(start, text_.find_first_of(" \t\r\n", start) - start);
    if (const size_t scheme = whole.find("://");
        scheme != whole.npos &&
        std::all_of(whole.begin(), whole.begin() + static_cast<long>(scheme),
                    [](char x) { return is_alnum(x) || x == '+' || x == '-' || x == '.'; })) {
        if (whole.find("${") != whole.npos)
            problem(start + whole.find("${"), "a placeholder stands in a URL",
                    "use an element with a location property");
        add(Item::Kind::url, start, whole);
        ++out_.elements;
        skip_word();
        return;
    }
    while (!at_end() && is_identifier(text_[at_]))
        ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    if (!at_end() && text_[at_] == '.') {
        ++at_;
        if (!at_end() && text_[at_] == '(') {
            add(Item::Kind::bin_begin, start, text_.substr(start, ++at_ - start));
            return;
        }
        while (!at_end() && is_identifier(text_[at_]))
            ++at_;
        add(Item::Kind::reference, start, text_.substr(start, at_ - start));
    } else {
        add(Item::Kind::element, start, name);
        ++out_.elements;
    }
    if (at_end() || is_space(text_[at_]) || text_[at_] == '!' || text_[at_] == ')' ||
        text_[at_] == ',')
        return;
    if (text_.substr(at_).starts_with("${"))
        problem(at_, "a placeholder stands in a name",
                "a placeholder may only stand in a property's value or a caps field");
    else if (text_[at_] == '/') { // a media type, not an element
        const bool is_first = extent_ == Extent::fragment && out_.items.size() == 1;
        problem(start, "caps stand where an element is expected",
                is_first ? "begin this fragment with `!`, and end the one before without it"
                         : "write `! caps !` between elements");
        if (out_.items.back().kind == Item::Kind::element) {
            out_.items.pop_back();
            --out_.elements;
        }
    } else
        problem(at_, character_at(text_, at_) + " may not stand in a name",
                "expected an element, a property or `!`");
    skip_word();
}

/// Reads `name = value` if the text continues with it.
bool Tokenizer::read_property() {
    const size_t start = at_;
    size_t i = at_;
    while (i < text_.size() && is_identifier(text_[i]))
        ++i;
    const size_t name_end = i;
    while (i < text_.size() && is_space(text_[i]))
        ++i;
    if (i >= text_.size() || text_[i] != '=') return false;
    ++i;
    while (i < text_.size() && is_space(text_[i]))
        ++i;
    Property property{.name = std::string(text_.substr(start, name_end - start)),
                      .offset = start,
                      .value_offset = i};
    at_ = i;
    if (at_end()) {
        problem(start, "the property '" + property.name + "' has no value",
                "write " + property.name + "=VALUE");
        return true;
    }
    read_value(property);
    if (out_.items.empty() || (out_.items.back().kind != Item::Kind::element &&
                               out_.items.back().kind != Item::Kind::bin_begin)) {
        problem(start, "the property '" + property.name + "' follows no element",
                "properties stand right behind their element's name");
        return true;
    }
    out_.items.back().properties.push_back(std::move(property));
    return true;
}

size_t Tokenizer::value_end(size_t start) {
    size_t plain = start;
    size_t backslashes = 0; // consecutive, directly before `plain`
    for (; plain < text_.size(); ++plain) {
        if (is_space(text_[plain])) {
            if (backslashes == 0 || text_[plain] == '\n') break;
            if (backslashes % 2 == 0)
                problem(plain - 1, "a value ends in a backslash",
                        "gst_parse would join it with what follows: leave it out");
        }
        backslashes = text_[plain] == '\\' ? backslashes + 1 : 0;
    }
    const char quote = text_[start];
    if (quote != '"' && quote != '\'') return plain;
    size_t close = start + 1;
    while (close < text_.size() && (text_[close] != quote || text_[close - 1] == '\\'))
        ++close;
    if (close >= text_.size()) {
        problem(start, "a quote is not closed",
                "close it; a value may not end in a backslash before the quote");
        return std::max(plain, start + 1);
    }
    if (close + 1 > plain && close + 1 < text_.size() && !is_space(text_[close + 1]))
        problem(close + 1, "text follows a closing quote", "put a space behind the quote");
    return std::max(plain, close + 1);
}

void Tokenizer::read_value(Property &property) {
    const size_t start = at_;
    const size_t end = value_end(start);
    at_ = end;
    property.raw = text_.substr(start, end - start);
    std::string_view inner = property.raw;
    size_t base = start;
    if (inner.size() >= 2 && inner.front() == '"' && inner.back() == '"') {
        inner = inner.substr(1, inner.size() - 2);
        ++base;
    }
    if (inner.ends_with('\\'))
        problem(end - 1, "a value ends in a backslash",
                "gst_parse would join it with what follows: leave it out");
    bool in_quotes = false;
    for (size_t i = 0; i < inner.size();) {
        if (inner[i] == '$' && i + 1 < inner.size() && inner[i + 1] == '{') {
            property.has_placeholder = true;
            if (auto found = read_placeholder(inner, i, false, base, problems_))
                property.pieces.push_back({{}, std::move(found)});
            continue;
        }
        if (inner[i] == '\\' && !in_quotes) {
            if (++i >= inner.size()) break;
        } else if (inner[i] == '"' && (!in_quotes || inner[i - 1] != '\\')) {
            in_quotes = !in_quotes;
        }
        add_literal(property.pieces, inner[i++]);
    }
    if (property.has_placeholder && property.raw.starts_with('\''))
        problem(start, "single quotes around a placeholder would become part of the value",
                "use double quotes");
}

void Tokenizer::read_link() {
    const size_t start = at_++;
    add(Item::Kind::link, start, "!");
    ++out_.links;
    skip_space();
    // Caps begin with a media type: word, slash, word.
    size_t i = at_;
    const auto is_mime = [](char c) { return is_alnum(c) || c == '-'; };
    while (i < text_.size() && is_mime(text_[i]))
        ++i;
    if (i > at_ && i + 1 < text_.size() && text_[i] == '/' && is_mime(text_[i + 1])) read_caps(at_);
}

void Tokenizer::read_caps(size_t start) {
    size_t end = start;
    while (end < text_.size() && (text_[end] != '!' || text_[end - 1] == '\\'))
        ++end;
    if (end >= text_.size()) {
        problem(start, "no `!` follows these caps", "write `! caps ! element`");
        at_ = end;
        return;
    }
    std::string_view caps = text_.substr(start, end - start);
    while (!caps.empty() && is_space(caps.back()))
        caps.remove_suffix(1);
    at_ = end + 1; // the second `!` is part of the caps item
    Item &item = add(Item::Kind::caps, start, caps);
    bool in_value = false, in_brackets = false;
    for (size_t i = 0; i < caps.size();) {
        const char c = caps[i];
        if (c == '$' && i + 1 < caps.size() && caps[i + 1] == '{') {
            const size_t where = i;
            auto found = read_placeholder(caps, i, false, start, problems_);
            if (!in_value || in_brackets)
                problem(start + where, "a placeholder stands outside a caps field's value",
                        "write field=${name}");
            if (found) item.pieces.push_back({{}, std::move(found)});
            continue;
        }
        if (c == '"' || c == '\\') {
            // Quoted text is copied unchanged, but an adjacent placeholder could change its
            // meaning.
            if (caps.find("${") != caps.npos && !in_brackets)
                problem(start + i, "quotes and a placeholder stand in the same caps",
                        "write the value without quotes");
        }
        if (c == '=') in_value = true;
        if (c == ',' || c == ';') in_value = false;
        if (c == '(') in_brackets = true;
        if (c == ')') in_brackets = false;
        add_literal(item.pieces, c);
        ++i;
    }
}

/// Checks that every link joins two elements; gst_parse would only report "syntax error".
void Tokenizer::check_links() {
    const std::vector<Item> &items = out_.items;
    const auto is_link = [&](size_t i) {
        return items[i].kind == Item::Kind::link || items[i].kind == Item::Kind::caps;
    };
    for (size_t i = 0; i < items.size(); ++i) {
        if (items[i].kind != Item::Kind::link) continue;
        if (i == 0 && extent_ == Extent::fragment) {
            // the other side of the link is in another fragment
        } else if (i == 0 || items[i - 1].kind == Item::Kind::bin_begin)
            problem(items[i].offset, "nothing stands before this link",
                    "write `element ! element`");
        else if (is_link(i - 1))
            problem(items[i].offset, "a link follows a link", "leave one out");
        size_t next = i + 1;
        if (next < items.size() && items[next].kind == Item::Kind::caps) ++next;
        if (next >= items.size() && extent_ == Extent::fragment) continue;
        if (next >= items.size() || items[next].kind == Item::Kind::bin_end)
            problem(items[next - 1].offset, "nothing follows this link",
                    "write `element ! element`");
    }
    size_t depth = 0;
    for (const Item &item : items) {
        if (item.kind == Item::Kind::bin_begin) ++depth;
        if (item.kind == Item::Kind::bin_end && depth-- == 0) {
            problem(item.offset, "this bracket closes nothing", "leave it out");
            depth = 0;
        }
    }
    if (depth > 0) problem(text_.size(), "a bracket is not closed", "write `)`");
    if (items.empty()) problem(0, "the pipeline is empty", "write `element ! element`");
}

bool is_string_character(char c) {
    return is_alnum(c) || c == '_' || c == '-' || c == '+' || c == '/' || c == ':' || c == '.';
}

} // namespace

LaunchText parse_launch_text(std::string_view text, TextProblems &problems, Extent extent) {
    return Tokenizer(text, problems, extent).run();
}

Pieces parse_pieces(std::string_view text, bool captures, TextProblems &problems) {
    Pieces pieces;
    for (size_t i = 0; i < text.size();) {
        const bool parameter = text.substr(i).starts_with("${");
        if (parameter || (captures && text[i] == '{')) {
            if (auto found = read_placeholder(text, i, !parameter, 0, problems))
                pieces.push_back({{}, std::move(found)});
            continue;
        }
        add_literal(pieces, text[i++]);
    }
    return pieces;
}

std::string quote_string_value(std::string_view value) {
    // GStreamer reads a double-quoted string with \ooo for a byte, and gst_parse needs a backslash
    // before each quote and backslash. The token therefore contains only harmless characters and
    // ends in a quote.
    std::string out = "\\\"";
    for (const char c : value) {
        if (is_string_character(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += "\\\\";
        for (const int shift : {6, 3, 0})
            out += static_cast<char>('0' + ((byte >> shift) & 7));
    }
    return out + "\\\"";
}

bool is_plain_value(std::string_view value) {
    return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
        return is_alnum(c) || c == '_' || c == '-' || c == '+' || c == '.' || c == '/';
    });
}

std::string quote_other_value(std::string_view value) {
    std::string out;
    for (const char c : value) {
        if (c == '\n' || c == '\r') { // a backslash can't escape a line end
            out += "\\ ";
            continue;
        }
        if (!is_alnum(c) && c != '_' && !(c & '\x80')) out += '\\';
        out += c;
    }
    return out;
}

} // namespace penstock::description

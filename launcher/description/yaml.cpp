// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace penstock::description {
namespace {

Mark convert(const YAML::Mark &mark) {
    if (mark.is_null()) return {};
    return {static_cast<unsigned>(mark.line) + 1, static_cast<unsigned>(mark.column) + 1};
}

/// The location of each line of a scalar's text. Known for single-line text and literal blocks
/// (`|`), the two forms used for launch text.
std::vector<Mark> find_line_marks(const Source &source, Mark mark, const std::string &text) {
    const std::string_view line = source.line(mark.line);
    if (mark.column == 0 || mark.column > line.size()) return {};
    std::string_view here = line.substr(mark.column - 1);
    if (here.starts_with('&')) {
        const size_t behind = here.find_first_not_of(' ', std::min(here.find(' '), here.size()));
        if (behind == here.npos) return {};
        here.remove_prefix(behind);
        mark.column += static_cast<unsigned>(behind);
    }
    if (here.starts_with('|')) {
        std::vector<Mark> marks;
        size_t indent = 0;
        for (unsigned number = mark.line + 1; indent == 0; ++number) {
            const std::string_view candidate = source.line(number);
            const size_t first = candidate.find_first_not_of(' ');
            if (first != candidate.npos) indent = first;
            if (first == 0 || number > mark.line + 1000) break;
        }
        const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
        for (unsigned i = 0; i < lines; ++i)
            marks.push_back({mark.line + 1 + i, static_cast<unsigned>(indent) + 1});
        return marks;
    }
    const bool quoted = here.starts_with('"') || here.starts_with('\'');
    if (quoted) here.remove_prefix(1);
    if (!here.starts_with(text)) return {};
    return {{mark.line, mark.column + (quoted ? 1 : 0)}};
}

class Builder : public YAML::EventHandler {
public:
    Builder(const Source &source, Problems &problems) : source_(source), problems_(problems) {}

    void OnDocumentStart(const YAML::Mark &) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark &mark, YAML::anchor_t anchor) override {
        refuse_anchor(mark, anchor);
        add(Node{.kind = Node::Kind::null, .mark = convert(mark)});
    }
    void OnAlias(const YAML::Mark &mark, YAML::anchor_t anchor) override {
        Node node{.kind = Node::Kind::null, .mark = convert(mark)};
        const auto found = texts_.find(anchor);
        if (!takes_value() || found == texts_.end())
            refuse(mark, "an alias (*) is not allowed here",
                   "it stands for a text that has an anchor (&), as a value");
        else if (repeated_ += found->second.text.size() + 1; repeated_ > max_file_size)
            refuse(mark, "the texts that aliases repeat are larger than 256 KiB",
                   "is it a description?");
        else
            node = found->second;
        add(std::move(node));
    }
    void OnScalar(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                  const std::string &text) override {
        check_tag(mark, tag);
        Node node{.kind = Node::Kind::scalar, .mark = convert(mark), .text = text};
        if (takes_value()) {
            node.line_marks = find_line_marks(source_, node.mark, text);
            if (anchor != YAML::NullAnchor) texts_[anchor] = node;
        } else {
            refuse_anchor(mark, anchor);
        }
        add(std::move(node));
    }
    void OnSequenceStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        check_tag(mark, tag);
        refuse_anchor(mark, anchor);
        stack_.push_back(
            {Node{.kind = Node::Kind::sequence, .mark = convert(mark)}, {}, {}, false});
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        check_tag(mark, tag);
        refuse_anchor(mark, anchor);
        stack_.push_back({Node{.kind = Node::Kind::map, .mark = convert(mark)}, {}, {}, false});
    }
    void OnMapEnd() override { close(); }

    /// Closes all open nodes after a syntax error in this line. The part that has it is dropped, so
    /// that nothing is told of it but the error.
    void give_up(unsigned line) {
        if (stack_.empty()) return;
        const bool is_in_part = stack_.size() > 1;
        stack_.resize(1);
        Open &top = stack_.front();
        // The scanner takes a part for complete whose value it can't read, or has only begun to.
        std::vector<Node::Entry> &parts = top.node.entries;
        if (!is_in_part && !parts.empty() &&
            (parts.back().value.kind == Node::Kind::null || parts.back().value.mark.line >= line))
            parts.pop_back();
        top.has_key = false;
        close();
    }

    Node root;

private:
    struct Open {
        Node node;
        std::string key;
        Mark key_mark;
        bool has_key = false;
    };

    bool takes_value() const {
        return stack_.empty() || !stack_.back().node.is_map() || stack_.back().has_key;
    }
    void refuse(const YAML::Mark &mark, std::string what, std::string mend) {
        problems_.push_back({convert(mark), std::move(what), std::move(mend)});
    }
    void check_tag(const YAML::Mark &mark, const std::string &tag) {
        if (tag.size() > 1) refuse(mark, "a tag (" + tag + ") is not allowed here", "leave it out");
    }
    void refuse_anchor(const YAML::Mark &mark, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor)
            refuse(mark, "an anchor (&) is not allowed here",
                   "only a text may have one, as a value");
    }
    void close() {
        Node node = std::move(stack_.back().node);
        stack_.pop_back();
        add(std::move(node));
    }
    void add(Node node) {
        if (stack_.empty()) {
            root = std::move(node);
            return;
        }
        Open &open = stack_.back();
        if (open.node.is_sequence()) {
            open.node.items.push_back(std::move(node));
            return;
        }
        if (!open.has_key) {
            if (!node.is_scalar())
                problems_.push_back({node.mark, "a key has to be a word", "write `key: value`"});
            open.key = node.text;
            open.key_mark = node.mark;
            open.has_key = true;
            return;
        }
        open.has_key = false;
        // The parser reports an absent value at a later line, so its key's location is used
        // instead.
        if (node.kind == Node::Kind::null) node.mark = open.key_mark;
        for (const Node::Entry &entry : open.node.entries) {
            if (entry.key != open.key) continue;
            problems_.push_back({open.key_mark, "'" + open.key + "' is there twice",
                                 "leave one out (the first is in line " +
                                     std::to_string(entry.key_mark.line) + ")"});
            return;
        }
        open.node.entries.push_back({std::move(open.key), open.key_mark, std::move(node)});
    }

    const Source &source_;
    Problems &problems_;
    std::vector<Open> stack_;
    std::map<YAML::anchor_t, Node> texts_; ///< that have an anchor
    size_t repeated_ = 0;                  ///< bytes of texts put in for aliases, each with an end
};

/// Where a quote begins that does not end in its line, before `last`; outside of launch text such a
/// quote has been forgotten. The line is 0 if there is none.
Mark unclosed_quote(const Source &source, unsigned last) {
    Mark found;
    for (unsigned number = 1; number <= last; ++number) {
        const std::string_view line = source.line(number);
        char quote = 0;
        size_t start = 0;
        for (size_t i = 0; i < line.size(); ++i) {
            const bool begins = i == 0 || line.find_last_of(" :[{,-", i - 1) == i - 1;
            if (quote == 0 && line[i] == '#' && begins) break;
            if (quote == 0 && (line[i] == '"' || line[i] == '\'') && begins) {
                quote = line[i];
                start = i;
            } else if (quote == '"' && line[i] == '\\') {
                ++i;
            } else if (quote != 0 && line[i] == quote) {
                quote = 0;
            }
        }
        if (quote != 0) found = {number, static_cast<unsigned>(start) + 1};
    }
    return found;
}

/// What the parser says, or what is the usual reason for it.
Problem syntax_problem(const Source &source, Mark mark, const std::string &words) {
    const std::string_view line = source.line(mark.line);
    const size_t text = line.find_first_not_of(" \t");
    if (const size_t tab = line.find('\t'); tab != line.npos && (text == line.npos || tab < text))
        return {{mark.line, static_cast<unsigned>(tab) + 1},
                "a tab stands in the indentation",
                "YAML is indented by spaces only"};
    const std::string_view above = mark.line > 1 ? source.line(mark.line - 1) : std::string_view();
    if (const size_t item = above.find_first_not_of(' ');
        item != above.npos && above.substr(item).starts_with("- &") && text != line.npos &&
        text <= above.find('&'))
        return {mark, "this text does not stand deeper than its anchor (&)", "indent it more"};
    if (words.find("flow") != words.npos) {
        constexpr std::string_view placeholder = "${";
        const size_t at = line.find(placeholder);
        const std::string_view before = line.substr(0, at);
        if (at != line.npos && before.find_first_of("{[") != before.npos &&
            std::count(before.begin(), before.end(), '"') % 2 == 0 &&
            std::count(before.begin(), before.end(), '\'') % 2 == 0)
            return {{mark.line, static_cast<unsigned>(at) + 1},
                    "a placeholder stands in braces or brackets without quotes",
                    "write \"${name}\""};
        if (const Mark quote = unclosed_quote(source, mark.line); quote.line != 0)
            return {quote, "this quote has no end in its line", "close it with the same quote"};
    }
    return {mark, "this is not YAML: " + words, "look at indentation, colons and quotes"};
}

} // namespace

Mark Node::mark_at(size_t offset) const {
    if (line_marks.empty()) return mark;
    const size_t end = std::min(offset, text.size());
    size_t line = 0, start = 0;
    for (size_t i = 0; i < end; ++i) {
        if (text[i] != '\n') continue;
        ++line;
        start = i + 1;
    }
    if (line >= line_marks.size()) return mark;
    return {line_marks[line].line, line_marks[line].column + static_cast<unsigned>(end - start)};
}

std::optional<Document> load_yaml(const Source &source, Problems &problems) {
    const std::string &text = source.text();
    if (text.size() > max_file_size) {
        problems.push_back({{}, "the file is larger than 256 KiB", "is it a description?"});
        return std::nullopt;
    }
    if (text.find('\0') != std::string::npos) {
        problems.push_back({{}, "this is not a text file", "give a YAML description"});
        return std::nullopt;
    }
    Builder builder(source, problems);
    unsigned error_line = 0;
    try {
        std::istringstream stream(text);
        YAML::Parser parser(stream);
        if (!parser.HandleNextDocument(builder)) {
            problems.push_back({{}, "the file is empty", "it needs a `pipeline` or a `publish`"});
            return std::nullopt;
        }
        if (parser) {
            Builder further(source, problems);
            if (parser.HandleNextDocument(further))
                problems.push_back({further.root.mark, "a second document begins here",
                                    "one file holds one description"});
        }
        return Document{std::move(builder.root)};
    } catch (const YAML::Exception &e) {
        error_line = convert(e.mark).line;
        problems.push_back(syntax_problem(source, convert(e.mark), e.msg));
    }
    builder.give_up(error_line);
    if (!builder.root.is_map()) return std::nullopt;
    return Document{std::move(builder.root), false};
}

} // namespace penstock::description

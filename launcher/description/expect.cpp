// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/expect.h"

#include "description/article.h"
#include "description/binding.h"
#include "description/keys.h"
#include "description/placeholders.h"
#include "protocols/table.h"

#include <algorithm>

namespace penstock::description {
namespace {

enum class Form { duration, number, word };

const std::vector<std::string> codecs = {"h264", "h265", "av1",  "vp8", "vp9",
                                         "aac",  "mp3",  "opus", "ac3", "flac"};

class Reader {
public:
    Reader(const Description &description, Problems &problems)
        : description_(description), problems_(problems) {}
    Expect load(const Node::Entry &entry);

private:
    void problem(Mark mark, std::string what, std::string mend) {
        problems_.push_back({mark, std::move(what), std::move(mend)});
    }
    void unknown_key(const Node::Entry &entry, const std::string &of,
                     const std::vector<std::string> &keys) {
        problem(entry.key_mark, "unknown key '" + entry.key + "' of " + of,
                did_you_mean(entry.key, keys, "known are " + enumerate(keys)));
    }
    ExpectValue load_value(const Node::Entry &entry, Form form);
    ExpectRange load_range(const Node::Entry &entry);
    ExpectMedia load_media(const Node::Entry &entry, bool is_video);
    bool load_output(const Node::Entry &key, ExpectOutput &out);
    void load_over(const Node::Entry &entry, Expect &out);
    void load_set(const Node::Entry &entry, Expect &out);
    void load_sample(const Node::Entry &entry, Expect &out);
    std::string load_name(const Node::Entry &entry);

    const Description &description_;
    Problems &problems_;
};

ExpectValue Reader::load_value(const Node::Entry &entry, Form form) {
    ExpectValue out{entry.value, {}};
    if (!entry.value.is_scalar()) {
        problem(entry.key_mark, "'" + entry.key + "' has to be one value",
                "write " + entry.key + ": …");
        return out;
    }
    TextProblems found;
    out.pieces = parse_pieces(entry.value.text, false, found);
    for (TextProblem &text : found)
        problem(entry.value.mark_at(text.offset), std::move(text.what), std::move(text.mend));
    const bool is_placeholder = out.pieces.size() == 1 && out.pieces[0].placeholder;
    if (is_placeholder) {
        const Parameter *parameter = description_.find_parameter(out.pieces[0].placeholder->name);
        // A duration parameter needs no unit here.
        const bool is_duration = parameter && parameter->type == Type::duration;
        if (form == Form::duration && parameter && !is_duration)
            problem(entry.value.mark,
                    "'" + parameter->name + "' is " + with_article(type_name(parameter->type)) +
                        " and '" + entry.key + "' a duration",
                    "name a parameter that is a duration, or write 2s");
        else if (form != Form::duration || !is_duration || !out.pieces[0].placeholder->unit.empty())
            check_pieces(out.pieces, entry.value, description_, {}, problems_);
        return out;
    }
    const std::string &text = entry.value.text;
    if (form == Form::duration) {
        const auto duration = parse_duration(text);
        if (!duration || *duration <= 0)
            problem(entry.value.mark, "'" + entry.key + "' has to be a duration above 0",
                    "write a number and its unit, such as 500ms or 2s, or ${name:ns}");
    } else if (form == Form::number) {
        const auto number = parse_quantity(Type::floating, text);
        if (!number || *number <= 0)
            problem(entry.value.mark, "'" + entry.key + "' has to be a number above 0",
                    "write one, or ${name}");
    } else if (std::find(codecs.begin(), codecs.end(), text) == codecs.end()) {
        problem(entry.value.mark, "'" + text + "' is no codec that can be told",
                did_you_mean(text, codecs, "take one of " + enumerate(codecs)));
    }
    return out;
}

ExpectRange Reader::load_range(const Node::Entry &entry) {
    ExpectRange out;
    if (!entry.value.is_map()) {
        out.min = out.max = load_value(entry, Form::number);
        out.is_single = true;
        return out;
    }
    for (const Node::Entry &key : entry.value.entries) {
        if (key.key == "min")
            out.min = load_value(key, Form::number);
        else if (key.key == "max")
            out.max = load_value(key, Form::number);
        else
            unknown_key(key, "'" + entry.key + "'", {"min", "max"});
    }
    return out;
}

ExpectMedia Reader::load_media(const Node::Entry &entry, bool is_video) {
    ExpectMedia out;
    const std::string of = "'" + entry.key + "'";
    if (entry.value.is_scalar()) {
        out.is_wanted = entry.value.text == "true";
        if (!out.is_wanted && entry.value.text != "false")
            problem(entry.value.mark, of + " has to be true, false or what it is like",
                    is_video ? "write {codec: h264, width: 1280, height: 720}"
                             : "write {codec: aac, rate: 48000, channels: 2}");
        return out;
    }
    if (!entry.value.is_map()) {
        problem(entry.key_mark, of + " has to be true, false or what it is like", "write true");
        return out;
    }
    const std::vector<std::string> keys =
        is_video ? std::vector<std::string>{"codec", "width", "height"}
                 : std::vector<std::string>{"codec", "rate", "channels"};
    for (const Node::Entry &key : entry.value.entries) {
        if (std::find(keys.begin(), keys.end(), key.key) == keys.end())
            unknown_key(key, of, keys);
        else if (key.key == "codec")
            out.codec = load_value(key, Form::word);
        else
            (key.key == "width"    ? out.width
             : key.key == "height" ? out.height
             : key.key == "rate"   ? out.rate
                                   : out.channels) = load_value(key, Form::number);
    }
    return out;
}

/// Returns false if the key is none of an output's.
bool Reader::load_output(const Node::Entry &key, ExpectOutput &out) {
    if (key.key == "keyframe-interval")
        out.keyframe_interval = load_value(key, Form::duration);
    else if (key.key == "skew")
        out.skew = load_value(key, Form::duration);
    else if (key.key == "latency")
        out.latency = load_value(key, Form::duration);
    else if (key.key == "fps")
        out.fps = load_range(key);
    else if (key.key == "video" || key.key == "audio")
        (key.key == "video" ? out.video : out.audio) = load_media(key, key.key == "video");
    else
        return false;
    return true;
}

void Reader::load_over(const Node::Entry &entry, Expect &out) {
    std::vector<std::string> known;
    for (const auto &protocol : protocols::all())
        known.push_back(protocol->name);
    if (!entry.value.is_map()) {
        problem(entry.key_mark, "'over' has to hold protocols with what is expected there",
                "write `over: {" + known.back() + ": {audio: false}}`");
        return;
    }
    for (const Node::Entry &key : entry.value.entries) {
        const std::string of = "'" + key.key + "' of 'over'";
        if (!protocols::find_protocol(key.key))
            problem(key.key_mark, "there is no protocol '" + key.key + "'",
                    did_you_mean(key.key, known, "known are " + enumerate(known)));
        else if (!key.value.is_map())
            problem(key.key_mark, of + " has to hold what is expected there", "write {fps: 30}");
        else
            for (const Node::Entry &wanted : key.value.entries)
                if (!load_output(wanted, out.over[key.key]))
                    unknown_key(wanted, of, keys_of(Place::output));
    }
}

void Reader::load_set(const Node::Entry &entry, Expect &out) {
    if (!entry.value.is_map()) {
        problem(entry.key_mark, "'set' has to hold parameters with their values",
                "write `set: {source: test}`");
        return;
    }
    for (const Node::Entry &key : entry.value.entries) {
        const Parameter *parameter = description_.find_parameter(key.key);
        std::string error;
        if (!parameter)
            problem(key.key_mark, "there is no parameter '" + key.key + "'",
                    did_you_mean(key.key, description_.parameter_names(),
                                 "add it under `parameters:`"));
        else if (!key.value.is_scalar() || !parse_value(*parameter, key.value.text, &error))
            problem(key.value.mark, "'" + key.key + "' can't have this value: " + error, "");
        else
            out.set[key.key] = key.value.text;
    }
}

void Reader::load_sample(const Node::Entry &entry, Expect &out) {
    const Parameter *parameter = description_.find_parameter(entry.value.text);
    if (!entry.value.is_scalar() || !parameter || parameter->type != Type::path)
        problem(entry.value.mark, "'sample' has to name a parameter that is a path",
                "write `sample: file` if the file is in ${file}");
    else
        out.sample = parameter->name;
}

/// Not looked up here but when the test runs: it may be a description of the user.
std::string Reader::load_name(const Node::Entry &entry) {
    if (entry.value.is_scalar() && !entry.value.text.empty()) return entry.value.text;
    problem(entry.key_mark, "'" + entry.key + "' has to name a description",
            "write " + entry.key + ": " + (entry.key == "beside" ? "live" : "test-publisher"));
    return {};
}

Expect Reader::load(const Node::Entry &entry) {
    Expect out;
    out.is_written = true;
    if (!entry.value.is_map()) {
        problem(entry.key_mark, "'expect' has to hold what is expected",
                "write `expect: {within: 5s, fps: 30}`");
        return out;
    }
    for (const Node::Entry &key : entry.value.entries) {
        if (key.key == "set")
            load_set(key, out);
        else if (key.key == "sample")
            load_sample(key, out);
        else if (key.key == "publisher")
            out.publisher = load_name(key);
        else if (key.key == "beside")
            out.beside = load_name(key);
        else if (key.key == "within")
            out.within = load_value(key, Form::duration);
        else if (key.key == "duration")
            out.duration = load_value(key, Form::duration);
        else if (key.key == "over")
            load_over(key, out);
        else if (!load_output(key, out.output))
            unknown_key(key, "'expect'", keys_of(Place::expect));
    }
    return out;
}

const Value *placeholder_value(const ExpectValue &value, const Binding &binding) {
    const bool is_placeholder = value.pieces.size() == 1 && value.pieces[0].placeholder;
    return is_placeholder ? binding.find(value.pieces[0].placeholder->name) : nullptr;
}

} // namespace

ExpectOutput Expect::output_of(const std::string &protocol) const {
    ExpectOutput out = output;
    const auto found = over.find(protocol);
    if (found == over.end()) return out;
    const ExpectOutput &other = found->second;
    const auto replace = [](auto &value, const auto &by) {
        if (by) value = by;
    };
    replace(out.keyframe_interval, other.keyframe_interval);
    replace(out.skew, other.skew);
    replace(out.latency, other.latency);
    replace(out.fps, other.fps);
    replace(out.video, other.video);
    replace(out.audio, other.audio);
    return out;
}

Expect load_expect(const Node::Entry &entry, const Description &description, Problems &problems) {
    return Reader(description, problems).load(entry);
}

std::optional<double> duration_of(const ExpectValue &value, const Binding &binding,
                                  std::string *error) {
    const Value *bound = placeholder_value(value, binding);
    if (bound && bound->type == Type::duration) return static_cast<double>(bound->number);
    const auto duration = parse_duration(value.node.text);
    if (!duration && error) *error = "'" + value.node.text + "' is no duration";
    return duration ? std::optional(static_cast<double>(*duration)) : std::nullopt;
}

std::optional<double> number_of(const ExpectValue &value, const Binding &binding,
                                std::string *error) {
    const auto text = word_of(value, binding, error);
    const auto number = text ? parse_quantity(Type::floating, *text) : std::nullopt;
    if (text && !number && error) *error = "'" + *text + "' is no number";
    return number;
}

std::optional<std::string> word_of(const ExpectValue &value, const Binding &binding,
                                   std::string *error) {
    return binding.expand(value.pieces, {}, error);
}

} // namespace penstock::description

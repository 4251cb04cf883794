// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/signature.h"

namespace penstock::supervisor {
namespace {

using namespace description;

/// Captures whose values are their own names.
Captures symbolic(const std::vector<std::string> &names) {
    Captures captures;
    for (const std::string &name : names)
        captures[name] = "~" + name;
    return captures;
}

std::string line(const PipelineText &text, const Binding &binding, Captures captures) {
    // Each start has a time of its own; the text is the same.
    if (!binding.description().find_parameter("time")) captures.emplace("time", "~time");
    std::string out;
    for (const Fragment &fragment : text.fragments)
        if (binding.holds(fragment.when)) out += fragment.hint + '\n';
    return out + binding.launch_line(text, captures, nullptr).value_or("");
}

std::string value(const Template &text, const Binding &binding, const Captures &captures) {
    return binding.expand(text.pieces, captures, nullptr).value_or("") + '\n';
}

} // namespace

std::string signature_of(const PipelineText &text, const Binding &binding) {
    const Restart &restart = binding.description().restart;
    return binding.description().name + '/' + text.name + '\n' +
           std::to_string(int(restart.policy)) + ' ' + std::to_string(restart.delay) + ' ' +
           std::to_string(restart.max_delay) + '\n' + line(text, binding, {});
}

std::string signature_of(const PublishRule &rule, const Binding &binding) {
    const Captures captures = symbolic(rule.captures);
    return "publish " + value(rule.match, binding, captures) +
           (rule.publish_key ? value(*rule.publish_key, binding, {}) : "\n") +
           std::to_string(binding.duration(rule.grace, default_grace)) + ' ' +
           std::to_string(rule.max_instances) + '\n' + line(rule.pipeline, binding, captures);
}

std::string signature_of(const PlayRule &rule, const Binding &binding) {
    const Captures captures = symbolic(rule.captures);
    std::string out = "play ";
    for (const Template &match : rule.matches)
        out += value(match, binding, captures);
    return out + std::to_string(binding.duration(rule.idle, default_idle)) + ' ' +
           std::to_string(rule.max_instances) + '\n' + line(rule.pipeline, binding, captures);
}

} // namespace penstock::supervisor

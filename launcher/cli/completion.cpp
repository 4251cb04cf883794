// SPDX-License-Identifier: LGPL-2.1-or-later
// Completion scripts. They contain the commands and options; descriptions and parameters are
// queried with `penstock complete`, since those files may change.
#include "cli/app.h"
#include "cli/generate.h"

#include <algorithm>

namespace penstock::cli {
namespace {

/// The kind of candidates for an argument with this placeholder.
std::string kind_of(const std::string &value) {
    if (value == "NAME" || value == "FILE") return "descriptions";
    if (value == "NAME=VALUE") return "settings";
    if (value == "SHELL") return "shells";
    return "nothing";
}

struct Command {
    std::string name, what;
    std::vector<Shown> options;
    std::string words;      ///< "--set -s --json"
    std::string positional; ///< kind of its positional arguments
};

std::vector<Command> commands_of(const CLI::App &app) {
    std::vector<Command> out;
    for (const CLI::App *command : visible_commands(app)) {
        Command one{command->get_name(), command->get_description(), shown_options(*command), "",
                    "nothing"};
        for (const Shown &option : one.options) {
            if (option.names.empty()) one.positional = kind_of(option.value);
            for (const std::string &name : option.names)
                one.words += (one.words.empty() ? "" : " ") + name;
        }
        out.push_back(std::move(one));
    }
    return out;
}

std::string replace(std::string text, const std::string &what, const std::string &with) {
    for (size_t at = 0; (at = text.find(what, at)) != text.npos; at += with.size())
        text.replace(at, what.size(), with);
    return text;
}

/// Quotes text for a shell.
std::string quote_word(const std::string &text, const char *quote = "'\\''") {
    return "'" + replace(text, "'", quote) + "'";
}

/// One `case` arm per command, valid in bash and zsh.
std::string arms(const std::vector<Command> &commands, std::string Command::*field) {
    std::string out;
    for (const Command &command : commands)
        out += "    " + command.name + ") printf %s " + quote_word(command.*field) + " ;;\n";
    return out;
}

/// Arms for options with a value: "-s|--set) printf settings ;;".
std::string value_arms(const std::vector<Command> &commands) {
    std::vector<std::string> lines;
    for (const Command &command : commands)
        for (const Shown &option : command.options) {
            if (option.names.empty() || option.value.empty()) continue;
            std::string line = "    ";
            for (const std::string &name : option.names)
                line += (&name == &option.names.front() ? "" : "|") + name;
            line += ") printf " + kind_of(option.value) + " ;;\n";
            if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
        }
    std::string out;
    for (const std::string &line : lines)
        out += line;
    return out;
}

/// Functions shared by bash and zsh.
std::string tables(const std::vector<Command> &commands) {
    std::string names;
    for (const Command &command : commands)
        names += (names.empty() ? "" : " ") + command.name;
    return "_penstock_commands=" + quote_word(names) +
           "\n"
           "_penstock_options() {\n    case $1 in\n" +
           arms(commands, &Command::words) +
           "    *) printf %s '--help --version' ;;\n    esac\n}\n"
           "_penstock_arguments() {\n    case $1 in\n" +
           arms(commands, &Command::positional) +
           "    esac\n}\n"
           "_penstock_value() {\n    case $1 in\n" +
           value_arms(commands) + "    esac\n}\n";
}

constexpr const char *bash_part = R"sh(
# Determines the kind of word that follows $_penstock_words; sets $_penstock_kind,
# $_penstock_command and $_penstock_names.
_penstock_analyse() {
    local i word previous=
    _penstock_command= _penstock_kind=commands _penstock_names=()
    for ((i = 1; i < ${#_penstock_words[@]} - 1; i++)); do
        word=${_penstock_words[i]}
        if [[ -n $(_penstock_value "$previous") ]]; then
            :
        elif [[ $word != -* && -z $_penstock_command ]]; then
            _penstock_command=$word
        elif [[ $word != -* ]]; then
            _penstock_names+=("$word")
        fi
        previous=$word
    done
    word=${_penstock_words[i]}
    _penstock_kind=$(_penstock_value "$previous")
    if [[ -n $_penstock_kind ]]; then
        :
    elif [[ $word == -* ]]; then
        _penstock_kind=options
    elif [[ -z $_penstock_command ]]; then
        _penstock_kind=commands
    else
        _penstock_kind=$(_penstock_arguments "$_penstock_command")
    fi
}

_penstock() {
    local line=${COMP_LINE:0:COMP_POINT} IFS=$' \t\n' candidates= i
    local _penstock_words _penstock_command _penstock_kind _penstock_names
    # The line itself, since COMP_WORDS is cut at `=` and `:` as well.
    read -ra _penstock_words <<<"$line"
    [[ $line == *[[:space:]] ]] && _penstock_words+=("")
    local current=${_penstock_words[${#_penstock_words[@]} - 1]} program=${COMP_WORDS[0]/#~/$HOME}
    _penstock_analyse
    COMPREPLY=()
    case $_penstock_kind in
    commands) candidates=${_penstock_commands// /$'\n'} ;;
    options)
        candidates=$(_penstock_options "$_penstock_command")
        candidates=${candidates// /$'\n'}
        ;;
    shells) candidates=$'bash\nzsh\nfish' ;;
    descriptions)
        candidates=$("$program" complete descriptions 2>/dev/null | cut -f1)
        compopt -o filenames 2>/dev/null
        ;;
    settings)
        if [[ $current == *=* ]]; then
            candidates=$("$program" complete values "${_penstock_names[@]}" 2>/dev/null | cut -f1)
        else
            candidates=$("$program" complete settings "${_penstock_names[@]}" 2>/dev/null | cut -f1)
            compopt -o nospace 2>/dev/null
        fi
        ;;
    *) return ;;
    esac
    local candidate IFS=$'\n'
    for candidate in $candidates; do
        [[ $candidate == "$current"* ]] && COMPREPLY+=("$candidate")
    done
    if [[ $_penstock_kind == descriptions ]]; then
        for candidate in $(compgen -f -- "$current"); do
            [[ -d $candidate || $candidate == *.yaml || $candidate == *.yml ]] &&
                COMPREPLY+=("$candidate")
        done
    fi
    # Readline replaces only what stands behind the last word break.
    local breaks=${current%"${current##*[=:]}"}
    if [[ -n $breaks && $COMP_WORDBREAKS == *"${breaks: -1}"* ]]; then
        for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$breaks"}; done
    fi
}
complete -F _penstock penstock
)sh";

constexpr const char *zsh_part = R"sh(
_penstock() {
    local i word previous= command= kind= current=${words[CURRENT]}
    local -a names candidates
    for ((i = 2; i < CURRENT; i++)); do
        word=${words[i]}
        if [[ -n $(_penstock_value "$previous") ]]; then
            :
        elif [[ $word != -* && -z $command ]]; then
            command=$word
        elif [[ $word != -* ]]; then
            names+=("$word")
        fi
        previous=$word
    done
    kind=$(_penstock_value "$previous")
    if [[ -n $kind ]]; then
        :
    elif [[ $current == -* ]]; then
        kind=options
    elif [[ -z $command ]]; then
        kind=commands
    else
        kind=$(_penstock_arguments "$command")
    fi
    case $kind in
    commands) compadd -- ${=_penstock_commands} ;;
    options) compadd -- ${=$(_penstock_options "$command")} ;;
    shells) compadd -- bash zsh fish ;;
    descriptions)
        candidates=(${(f)"$(${words[1]} complete descriptions 2>/dev/null | cut -f1)"})
        compadd -- $candidates
        _files -g '*.(yaml|yml)'
        ;;
    settings)
        if [[ $current == *=* ]]; then
            candidates=(${(f)"$(${words[1]} complete values $names 2>/dev/null | cut -f1)"})
            compadd -- $candidates
        else
            candidates=(${(f)"$(${words[1]} complete settings $names 2>/dev/null | cut -f1)"})
            compadd -S '' -- $candidates
        fi
        ;;
    esac
}

# Loaded by compinit it is called; read with `source` it registers itself.
if [[ $funcstack[1] == _penstock ]]; then
    _penstock "$@"
elif (( $+functions[compdef] )); then
    compdef _penstock penstock
fi
)sh";

std::string fish_script(const std::vector<Command> &commands) {
    constexpr const char *escape = "\\'";
    std::string out = R"sh(
function __penstock_names --description 'The descriptions on the command line'
    set -l words (commandline -opc)
    set -l skip 0
    for word in $words[3..-1]
        if test $skip -eq 1
            set skip 0
        else if contains -- $word VALUE_OPTIONS
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end
function __penstock_complete
    set -l program (commandline -opc)[1]
    $program complete $argv 2>/dev/null
end
function __penstock_settings
    if string match -q -- '*=*' (commandline -ct)
        __penstock_complete values (__penstock_names)
    else
        __penstock_complete settings (__penstock_names)
    end
end
complete -c penstock -f
complete -c penstock -n __fish_use_subcommand -l help -s h -d 'Print this help message and exit'
complete -c penstock -n __fish_use_subcommand -l version -d 'Print the version and exit'
)sh";
    std::string valued;
    for (const Command &command : commands) {
        const std::string when = " -n '__fish_seen_subcommand_from " + command.name + "'";
        out += "complete -c penstock -n __fish_use_subcommand -a " + command.name + " -d " +
               quote_word(command.what, escape) + "\n";
        for (const Shown &option : command.options) {
            const std::string kind = kind_of(option.value);
            std::string line = "complete -c penstock" + when;
            if (option.names.empty()) {
                line += kind == "shells" ? " -a 'bash zsh fish'"
                                         : " -k -F -a '(__penstock_complete descriptions)'";
                if (kind == "nothing") continue;
            }
            for (const std::string &name : option.names) {
                line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
                if (!option.value.empty() &&
                    (" " + valued + " ").find(" " + name + " ") == std::string::npos)
                    valued += (valued.empty() ? "" : " ") + name;
            }
            if (!option.names.empty() && !option.value.empty())
                line += kind == "settings" ? " -x -a '(__penstock_settings)'" : " -x";
            out += line + " -d " + quote_word(option.what, escape) + "\n";
        }
    }
    return replace(std::move(out), "VALUE_OPTIONS", valued);
}

} // namespace

std::string completion_script(const CLI::App &app, const std::string &shell) {
    const auto commands = commands_of(app);
    if (shell == "bash")
        return "# Completion of penstock's command lines for bash; generated.\n" +
               tables(commands) + bash_part;
    if (shell == "zsh")
        return "#compdef penstock\n# Completion of penstock's command lines for zsh; generated.\n" +
               tables(commands) + zsh_part;
    if (shell == "fish")
        return "# Completion of penstock's command lines for fish; generated." +
               fish_script(commands);
    return {};
}

} // namespace penstock::cli

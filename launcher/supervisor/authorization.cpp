// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/authorization.h"

#include "authorize/gate.h"
#include "protocols/table.h"

#include <algorithm>
#include <set>

namespace penstock::supervisor {
namespace {

using namespace description;

/// Reads the values of one `authorize` or `notify`.
class Reader {
public:
    Reader(const Binding &binding, std::string *error) : binding_(binding), error_(error) {}
    bool read(const Authorize &from, authorize::Policy &out);
    bool read(const Callback &from, authorize::Server &out);
    /// True, and nothing made, if `from` is absent.
    bool make(const std::optional<Authorize> &from, const std::optional<Notify> &told,
              authorize::Gate::Part &out);

private:
    bool fail(const std::string &why) {
        if (error_) *error_ = why;
        return false;
    }
    bool expand(const std::optional<Template> &text, std::string &out) {
        if (!text) return true;
        auto value = binding_.expand(text->pieces, {}, error_);
        if (value) out = std::move(*value);
        return value.has_value();
    }
    bool read_networks(const char *key, const std::vector<Template> &from,
                       std::vector<authorize::Network> &out);

    const Binding &binding_;
    std::string *const error_;
};

bool Reader::read_networks(const char *key, const std::vector<Template> &from,
                           std::vector<authorize::Network> &out) {
    for (const Template &text : from) {
        std::string value;
        if (!expand(text, value)) return false;
        const auto network = authorize::Network::parse(value);
        if (!network)
            return fail(std::string("authorize: ") + key + ": '" + value +
                        "' is no IP address or network");
        out.push_back(*network);
    }
    return true;
}

bool Reader::read(const Callback &from, authorize::Server &out) {
    std::string url;
    if (!expand(from.url, url) || !expand(from.secret, out.secret)) return false;
    const auto parsed = authorize::Url::parse(url);
    if (!parsed) return fail("authorize or notify: the url is no http:// or https:// address");
    out.url = *parsed;
    if (const auto style = authorize::style_of(from.style)) out.style = *style;
    const int64_t timeout = binding_.duration(from.timeout, default_ask_timeout);
    out.timeout_ms = uint64_t(std::clamp<int64_t>(timeout, 1'000'000, max_ask_timeout) / 1'000'000);
    if (from.secret && out.secret.empty())
        return fail("authorize or notify: the secret is empty: set one, or leave the key out");
    return true;
}

bool Reader::read(const Authorize &from, authorize::Policy &out) {
    using Only = authorize::Policy::Only;
    out.only = from.only == "publish" ? Only::publish
               : from.only == "play"  ? Only::play
                                      : Only::all;
    if (!read_networks("allow", from.allow, out.allow) ||
        !read_networks("deny", from.deny, out.deny) || !expand(from.keys, out.keys) ||
        !expand(from.sign, out.sign) || !expand(from.jwks, out.jwks) ||
        !expand(from.issuer, out.jwt.issuer) || !expand(from.audience, out.jwt.audience))
        return false;
    // An empty value would turn off what the description asks for.
    if (from.keys && out.keys.empty()) return fail("authorize: keys: the file's name is empty");
    if (from.sign && out.sign.empty()) return fail("authorize: sign: the secret is empty");
    if (from.jwks && out.jwks.empty()) return fail("authorize: jwt: the key set's name is empty");
    if (from.issuer && out.jwt.issuer.empty()) return fail("authorize: jwt: the issuer is empty");
    if (from.audience && out.jwt.audience.empty())
        return fail("authorize: jwt: the audience is empty");
    out.jwt.claim = from.claim;
    out.cache_ms = uint64_t(std::max<int64_t>(binding_.duration(from.cache, 0), 0) / 1'000'000);
    if (!from.callback.url) return true;
    return read(from.callback, out.server.emplace());
}

bool Reader::make(const std::optional<Authorize> &from, const std::optional<Notify> &told,
                  authorize::Gate::Part &out) {
    if (from) {
        authorize::Policy policy;
        if (!read(*from, policy)) return false;
        out.authorizer = std::make_shared<authorize::Authorizer>(std::move(policy));
        std::string why;
        if (!out.authorizer->load(&why)) return fail("authorize: " + why);
    }
    if (told) {
        authorize::Server server;
        if (!read(told->callback, server)) return false;
        out.notifier = std::make_shared<authorize::Notifier>(std::move(server));
    }
    return true;
}

/// A rule of the description, with the listener at which it applies.
struct At {
    std::shared_ptr<protocols::Listener> listener;
    authorize::Gate::Rule rule;
};

bool add_rules(const Binding &binding, Reader &reader, std::vector<At> &out, std::string *error) {
    const auto add = [&](const Template &match, bool publish, const authorize::Gate::Part &part) {
        auto made = PathPattern::make(match, binding, error);
        if (!made) return false;
        const auto pattern = std::make_shared<const PathPattern>(std::move(*made));
        auto listener = pattern->protocol().open(
            {.address = pattern->address(), .scheme = pattern->scheme(), .shares = true}, error);
        if (!listener) return false;
        out.push_back(
            {std::move(listener),
             {.publish = publish,
              .matches =
                  [pattern](std::string_view path) { return pattern->match(path).has_value(); },
              .part = part}});
        return true;
    };
    for (const PublishRule &rule : binding.description().publish) {
        authorize::Gate::Part part;
        if (!reader.make(rule.authorize, rule.notify, part)) return false;
        if (!binding.is_off(rule.match) && !add(rule.match, true, part)) return false;
    }
    for (const PlayRule &rule : binding.description().play) {
        authorize::Gate::Part part;
        if (!reader.make(rule.authorize, rule.notify, part)) return false;
        for (const Template &match : rule.matches)
            if (!binding.is_off(match) && !add(match, false, part)) return false;
    }
    return true;
}

/// The possible ends of a stream's URLs at a listener with this scheme; the name before them is the
/// same on every protocol. Empty if names there may end in anything.
std::vector<std::string> suffixes_at(const std::string &scheme) {
    const auto *protocol = protocols::find_scheme(scheme);
    if (!protocol || protocol->path_suffixes.empty()) return {};
    std::vector<std::string> out = {".ts", ".mp3", ".aac"};
    for (const auto &found : protocols::all())
        out.insert(out.end(), found->path_suffixes.begin(), found->path_suffixes.end());
    return out;
}

bool is_used(const Binding &binding) {
    const Description &description = binding.description();
    const auto uses = [](const auto &each) { return each.authorize || each.notify; };
    return uses(description) ||
           std::any_of(description.publish.begin(), description.publish.end(), uses) ||
           std::any_of(description.play.begin(), description.play.end(), uses);
}

} // namespace

bool make_guards(const Binding &binding,
                 std::span<const std::shared_ptr<protocols::Listener>> listeners, Guards &out,
                 std::string *error) {
    if (!is_used(binding)) return true;
    Reader reader(binding, error);
    authorize::Gate::Part description;
    std::vector<At> rules;
    if (!reader.make(binding.description().authorize, binding.description().notify, description) ||
        !add_rules(binding, reader, rules, error))
        return false;
    std::vector<std::shared_ptr<protocols::Listener>> all(listeners.begin(), listeners.end());
    for (const At &at : rules)
        all.push_back(at.listener);
    std::set<std::shared_ptr<const void>> known; // several listeners may share a server
    for (const auto &listener : all) {
        if (!known.insert(listener->server()).second) continue;
        std::vector<authorize::Gate::Rule> its;
        for (const At &at : rules)
            if (at.listener->server() == listener->server()) its.push_back(at.rule);
        out.push_back(
            {listener, std::make_shared<authorize::Gate>(std::move(its), description,
                                                         suffixes_at(listener->scheme()))});
    }
    return true;
}

std::string authorization_of(const Binding &binding) {
    std::string out;
    const auto add = [&](const std::optional<Template> &text) {
        out += (text ? binding.expand(text->pieces, {}, nullptr).value_or("") : "-") + '\n';
    };
    const auto add_callback = [&](const Callback &callback) {
        out += callback.style + '\n';
        add(callback.url);
        add(callback.secret);
        add(callback.timeout);
    };
    const auto add_all = [&](const auto &holder) {
        if (const auto &from = holder.authorize) {
            out += "authorize " + from->only + '\n' + from->claim + '\n';
            for (const Template &network : from->allow)
                add(network);
            out += "deny\n";
            for (const Template &network : from->deny)
                add(network);
            for (const auto *text : {&from->keys, &from->sign, &from->jwks, &from->issuer,
                                     &from->audience, &from->cache})
                add(*text);
            add_callback(from->callback);
        }
        if (const auto &told = holder.notify) {
            out += "notify\n";
            add_callback(told->callback);
        }
        out += "end\n";
    };
    if (!is_used(binding)) return out;
    add_all(binding.description());
    for (const PublishRule &rule : binding.description().publish)
        add_all(rule);
    for (const PlayRule &rule : binding.description().play)
        add_all(rule);
    return out;
}

} // namespace penstock::supervisor

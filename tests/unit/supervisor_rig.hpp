// SPDX-License-Identifier: LGPL-2.1-or-later
// Replacements of a protocol and of the main loop's clock for the supervisor's tests: a server in
// memory, whose publishers and viewers the test controls, and a clock that the test advances.
#pragma once

#include "description/binding.h"
#include "gst/ptr.h"
#include "protocols/table.h"
#include "supervisor/main_loop.h"
#include "supervisor/report.h"
#include "supervisor/running.h"
#include "supervisor/teardown.h"

#include <algorithm>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "check.hpp"

namespace rig {

using namespace penstock;

/// A clock that only the test advances.
class ManualClock final : public supervisor::LoopClock {
public:
    ManualClock() { supervisor::set_loop_clock(this); }
    ~ManualClock() override { supervisor::set_loop_clock(nullptr); }

    int64_t now() override { return now_; }
    unsigned add(unsigned milliseconds, supervisor::Task task) override {
        timers_[++last_] = {now_ + int64_t(milliseconds) * 1000, std::move(task)};
        return last_;
    }
    void remove(unsigned id) override { timers_.erase(id); }
    /// Runs the timers that become due, in order.
    void advance(int64_t milliseconds) {
        const int64_t until = now_ + milliseconds * 1000;
        while (true) {
            auto next = std::min_element(timers_.begin(), timers_.end(), [](auto &a, auto &b) {
                return a.second.due < b.second.due;
            });
            if (next == timers_.end() || next->second.due > until) break;
            now_ = std::max(now_, next->second.due);
            const supervisor::Task task = std::move(next->second.task);
            timers_.erase(next);
            task();
        }
        now_ = until;
    }
    size_t timers() const { return timers_.size(); }

private:
    struct Due {
        int64_t due = 0;
        supervisor::Task task;
    };
    int64_t now_ = 1'000'000'000;
    unsigned last_ = 0;
    std::map<unsigned, Due> timers_;
};

/// Runs the main loop's pending work.
inline void turn() {
    while (g_main_context_iteration(nullptr, FALSE)) {
    }
}

/// Runs the main loop until `is_so` returns true, since pipelines end on other threads.
inline bool until(const std::function<bool()> &is_so) {
    const gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    const guint waker = g_timeout_add(
        5, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr);
    bool good = false;
    while (!(good = is_so()) && g_get_monotonic_time() < deadline)
        g_main_context_iteration(nullptr, TRUE);
    g_source_remove(waker);
    return good;
}

/// A server in memory.
struct Server {
    net::Address address;
    bool parks_viewers = true;
    std::set<std::string> publishing, live, fed;
    std::map<std::string, unsigned> viewers;
    std::vector<std::pair<std::string, std::string>> refused; ///< path, reason
    std::vector<std::string> ended;                           ///< paths whose viewers were closed
    int watches = 0, listeners = 0; ///< listeners: those that keep it open
    std::list<std::function<void(const std::string &)>> watchers;

    void tell(const std::string &path) {
        for (const auto &changed : watchers)
            changed(path);
    }
    void set_live(const std::string &path) {
        live.insert(path);
        tell(path);
    }
    void set_viewers(const std::string &path, unsigned count) {
        viewers[path] = count;
        tell(path);
    }

    struct Lease {
        Lease(Server &s, protocols::PublishLease o) : server(s), publish(std::move(o)) {
            server.publish_leases.push_back(this);
        }
        Lease(Server &s, protocols::PlayLease o) : server(s), play(std::move(o)) {
            server.play_leases.push_back(this);
        }
        ~Lease() {
            std::erase(server.publish_leases, this);
            std::erase(server.play_leases, this);
        }
        Server &server;
        protocols::PublishLease publish;
        protocols::PlayLease play;
    };
    std::vector<Lease *> publish_leases, play_leases;

    /// Connects a publisher that waits for a receiver; returns false if no rule matches.
    bool connect_publisher(const std::string &path) {
        for (const Lease *lease : publish_leases) {
            if (!lease->publish.matches(path)) continue;
            publishing.insert(path);
            lease->publish.on_publish(path);
            return true;
        }
        return false;
    }
    void refuse(const std::string &path, const std::string &reason) {
        if (publishing.erase(path)) refused.emplace_back(path, reason);
    }
    /// A viewer's request; nullopt until it is answered.
    struct Asked {
        std::optional<bool> answer;
        std::string reason;
    };
    std::shared_ptr<Asked> ask(const std::string &path) {
        auto asked = std::make_shared<Asked>();
        for (const Lease *lease : play_leases) {
            if (!lease->play.matches(path)) continue;
            if (lease->play.is_ready(path)) {
                asked->answer = true;
                return asked;
            }
            lease->play.on_demand(path, [asked](bool go_on, const std::string &reason) {
                fail_if(asked->answer.has_value(), "answered twice");
                asked->answer = go_on;
                asked->reason = reason;
            });
            return asked;
        }
        asked->answer = false;
        asked->reason = "no rule";
        return asked;
    }
};

class Listener final : public protocols::Listener {
public:
    explicit Listener(std::shared_ptr<Server> server) : server_(std::move(server)) {
        ++server_->listeners;
    }
    ~Listener() override { --server_->listeners; }
    net::Address address() const override { return server_->address; }
    std::string scheme() const override { return "fake"; }
    std::shared_ptr<const void> server() const override { return server_; }
    void add_watch(const std::shared_ptr<net::PeerWatch> &) override { ++server_->watches; }
    protocols::Lease lease_publish(protocols::PublishLease lease) override {
        return std::make_shared<Server::Lease>(*server_, std::move(lease));
    }
    protocols::Lease lease_play(protocols::PlayLease options) override {
        return std::make_shared<Server::Lease>(*server_, std::move(options));
    }
    bool parks_viewers() const override { return server_->parks_viewers; }
    bool is_publishing(const std::string &path) const override {
        return server_->publishing.contains(path);
    }
    bool is_live(const std::string &path) const override { return server_->live.contains(path); }
    bool is_fed(const std::string &path) const override { return server_->fed.contains(path); }
    unsigned viewers(const std::string &path) const override {
        const auto found = server_->viewers.find(path);
        return found == server_->viewers.end() ? 0 : found->second;
    }
    void refuse(const std::string &path, const std::string &reason) override {
        server_->refuse(path, reason);
    }
    void refuse_busy(const std::string &path) override { server_->refuse(path, "busy"); }
    protocols::Lease watch(std::function<void(const std::string &)> changed) override {
        auto &watchers = server_->watchers;
        const auto at = watchers.insert(watchers.end(), std::move(changed));
        return {server_.get(), [server = server_, at](Server *) { server->watchers.erase(at); }};
    }
    void end_viewers(const std::string &path, const std::string &) override {
        server_->ended.push_back(path);
        server_->viewers.erase(path);
    }

private:
    const std::shared_ptr<Server> server_;
};

/// The protocol of fake:// URLs, whose servers live as long as it does.
class Protocol {
public:
    Protocol() : registration_(make(servers_)) {}
    /// The server at this address; created on first use.
    Server &server(const net::Address &address) { return *at(*servers_, address); }
    Server &server() { return server({"127.0.0.1", 7000}); }

private:
    using Servers = std::map<net::Address, std::shared_ptr<Server>>;
    static std::shared_ptr<Server> at(Servers &servers, const net::Address &address) {
        auto &server = servers[address];
        if (!server) server = std::make_shared<Server>(Server{.address = address});
        return server;
    }
    static protocols::Protocol make(const std::shared_ptr<Servers> &servers) {
        protocols::Protocol out;
        out.name = "fake";
        out.schemes = {{.name = "fake", .port = 7000, .publish_match = true, .play_match = true}};
        out.elements = {{.factory = "fakeserversink", .role = protocols::Role::serve},
                        {.factory = "multifilesrc", .role = protocols::Role::receive}};
        out.open = [servers](const protocols::Opening &opening, std::string *) {
            return std::make_shared<Listener>(at(*servers, opening.address));
        };
        return out;
    }
    const std::shared_ptr<Servers> servers_ = std::make_shared<Servers>();
    const protocols::Registration registration_;
};

/// A description without parameters, and the reports of its run.
struct Described {
    explicit Described(const std::string &text) {
        description::Problems problems;
        const description::Source source("rig", "summary: rig\n" + text);
        auto loaded = description::load_description(source, problems);
        fail_unless(loaded != nullptr, "%s", source.render(problems).c_str());
        std::vector<std::string> errors;
        const auto held = std::make_shared<Held>(std::move(loaded), errors);
        fail_unless(errors.empty());
        description = held->description.get();
        binding = {held, &held->binding};
    }
    supervisor::Report report() {
        return [this](supervisor::Severity severity, const std::string &what) {
            said += (severity == supervisor::Severity::error ? "error: " : "") + what + "\n";
        };
    }
    bool has_said(const std::string &part) const { return said.find(part) != std::string::npos; }

    const description::Description *description = nullptr; ///< lives as long as `binding`
    std::shared_ptr<description::Binding> binding;
    std::string said;

private:
    /// Keeps the description alive together with the binding.
    struct Held {
        Held(std::unique_ptr<description::Description> what, std::vector<std::string> &errors)
            : description(std::move(what)),
              binding(
                  *description, {}, [](const char *) -> const char * { return nullptr; }, errors) {}
        std::unique_ptr<description::Description> description;
        description::Binding binding;
    };
};

/// A pipeline that waits for data that never arrives.
constexpr const char *quiet = "appsrc is-live=true name=source ! fakesink async=false name=sink";

inline GstPtr<GstElement> child(GstElement *pipeline, const char *name) {
    return GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), name));
}

/// Makes the element post an error, as GStreamer's elements do.
inline void fail_element(GstElement *pipeline, const char *name) {
    const auto element = child(pipeline, name);
    fail_unless(element.get() != nullptr, "there is no element '%s'", name);
    GST_ELEMENT_ERROR(element.get(), STREAM, FAILED, ("it fails for the test"), (nullptr));
}

/// Posts the message of an element that receives publishers.
inline void post_publishing(GstElement *pipeline, bool publishing) {
    const auto element = child(pipeline, "source");
    gst_element_post_message(
        element.get(),
        gst_message_new_element(GST_OBJECT(element.get()),
                                gst_structure_new("penstock-publish-state", "publishing",
                                                  G_TYPE_BOOLEAN, publishing, nullptr)));
}

/// A publish or play rule with its servers and clock; derived rigs make `rule`.
template <class Rule>
struct RuleRig {
    explicit RuleRig(const std::string &text) : described(text) {}
    ~RuleRig() {
        rule.reset();
        turn();
        fail_unless(supervisor::wait_for_teardowns(20'000'000));
        turn();
    }
    /// The rule's only pipeline.
    GstElement *pipeline() const {
        GstElement *found = nullptr;
        rule->each([&](const auto &running) { found = running.pipeline(); });
        fail_unless(found != nullptr);
        return found;
    }
    bool ends() const {
        return until([this] { return rule->running() == 0; });
    }

    Protocol protocol;
    ManualClock clock;
    Described described;
    std::unique_ptr<Rule> rule;
};

} // namespace rig

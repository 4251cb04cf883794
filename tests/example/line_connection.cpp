// SPDX-License-Identifier: LGPL-2.1-or-later
#include "line_connection.h"

#include "core/net/loop/clock.h"
#include "line_server.h"

#include <boost/asio/post.hpp>

#include <array>
#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

namespace penstock::example {

namespace asio = boost::asio;
using fanout::Outlet;
using net::LogLevel;

constexpr size_t longest_line = 4096;
constexpr uint64_t patience_ms = 5'000; ///< for a request, and for a stream that is being made
constexpr uint64_t wait_ms = 60'000;    ///< for the first line of a stream

// --- LineMount ------------------------------------------------------------------------------

void LineMount::attach_feed(const LineFeedOptions &options) {
    has_feed_ = true;
    set_authority(options.watch);
    audience().set_policy(options.policy);
    audience().ring().restart(options.history);
    since_ = net::unix_ms();
    tell(net::MountEvent::live);
}

void LineMount::detach_feed() {
    has_feed_ = false;
    since_ = 0;
    tell(net::MountEvent::gone);
}

net::MountInfo LineMount::info() const {
    net::MountInfo info{key()};
    info.live = has_feed_;
    info.since = since_;
    info.last_media = last_media();
    info.viewers = viewers();
    info.bytes_out = audience().bytes_out;
    info.media.content_type = "text/plain";
    slot.describe(info);
    return info;
}

// --- LineState ------------------------------------------------------------------------------

LineState::LineState(std::shared_ptr<net::Loops> its_loops)
    : loops(std::move(its_loops)), roster(std::make_shared<net::Roster>(loops, 1000)) {
}

std::shared_ptr<LineMount> LineState::find(const std::string &path) const {
    return std::static_pointer_cast<LineMount>(
        net::Mounts::instance().find({"lines", address, path}));
}

std::shared_ptr<LineMount> LineState::find_or_make(const std::string &path) {
    const net::MountKey key{"lines", address, path};
    return net::Mounts::instance().find_or_make<LineMount>(
        key, [this](const LineMount &mount) { return mount.loops() == loops; },
        [&] { return std::make_shared<LineMount>(key, loops); });
}

void LineState::on_accept(net::tcp::socket &&socket, size_t loop) {
    opened.wait(); // the first client may come before open() has returned
    if (roster->is_full()) return;
    const auto connection =
        std::make_shared<LineConnection>(std::move(socket), loop, shared_from_this());
    roster->add(connection);
    connection->start();
}

// --- LineConnection: reading ----------------------------------------------------------------

LineConnection::LineConnection(net::tcp::socket &&socket, size_t loop,
                               std::shared_ptr<LineState> state)
    : Viewer(state->loops, loop), state_(std::move(state)), endpoint_(net::endpoint_name(socket)),
      socket_(socket.release()), deadline_ms_(net::steady_ms() + patience_ms) {
}

LineConnection::~LineConnection() {
    if (!closed_) ::close(socket_); // its loop has ended
}

void LineConnection::start() {
    if (!loops_->poller(loop_).add(socket_, *this)) close_now(LogLevel::warning, "no descriptor");
}

void LineConnection::on_ready(uint32_t events) {
    const auto self = shared_from_this();
    if ((events & EPOLLOUT) != 0 && waiting_) pump_again();
    if ((events & ~uint32_t(EPOLLOUT)) != 0) read();
}

void LineConnection::read() {
    std::array<char, 4096> buffer;
    while (!paused_ && !closed_) {
        const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) return close_now(LogLevel::info, reason_or("disconnected"));
        input_.append(buffer.data(), size_t(size));
        take_lines();
    }
}

void LineConnection::take_lines() {
    while (!paused_ && !closed_) {
        const size_t end = input_.find('\n');
        if (end == input_.npos && input_.size() <= longest_line) return;
        if (end == input_.npos || end > longest_line)
            return close_now(LogLevel::warning, "closed: a line is longer than 4096 bytes");
        const std::string line = input_.substr(0, end + 1);
        input_.erase(0, end + 1);
        take_line(line);
    }
}

void LineConnection::take_line(std::string_view line) {
    if (role_ == Role::publisher) {
        const bool has_room = mount_->slot.deliver(*this, [&](net::PublishReceiver &receiver) {
            return static_cast<LineReceiver &>(receiver).on_line(Bytes::copy_of(line));
        });
        paused_ = !has_room;
        return;
    }
    if (role_ != Role::none) return; // what a player says is nothing to us
    line = line.substr(0, line.find_last_not_of("\r\n") + 1);
    const size_t space = line.find(' ');
    const std::string_view verb = line.substr(0, space);
    const std::string_view target = space == line.npos ? "" : line.substr(space + 1);
    const size_t mark = target.find('?');
    path_ = target.substr(0, mark);
    query_ = mark == target.npos ? "" : target.substr(mark + 1);
    key_ = net::query_value(query_, "key");
    if (!net::is_safe_path(path_)) return refuse("that is no legal name: write PLAY live/cam");
    if (verb == "PUBLISH") return begin_publish();
    if (verb == "PLAY") return begin_play();
    refuse("say PUBLISH or PLAY");
}

// --- publishing -----------------------------------------------------------------------------

static std::string next_name(const char *kind, const std::string &endpoint) {
    static std::atomic<uint64_t> next{1};
    return kind + std::to_string(next++) + " " + endpoint;
}

void LineConnection::begin_publish() {
    name_ = next_name("lines-publish-", endpoint_);
    const auto mount = state_->find(path_);
    const auto lease = state_->rules->lease_for(path_);
    const bool is_claimed = mount && mount->slot.is_claimed();
    if (!is_claimed && !lease) return refuse("nothing here takes a stream of this name");
    if (!has_key(is_claimed ? mount->slot.key() : "") || (lease && !has_key(lease->publish_key)))
        return refuse("wrong or missing key: publish to NAME?key=…");
    ask(is_claimed ? mount->slot.authority() : net::Authority(),
        [this, is_leased = lease != nullptr] { admit_publish(is_leased); });
}

void LineConnection::admit_publish(bool is_leased) {
    using Verdict = net::PublishSlot::Verdict;
    mount_ = state_->find_or_make(path_);
    role_ = Role::publish_pending;
    paused_ = true;
    const Verdict verdict = mount_->slot.publish(shared_from_this(), admission_.epoch());
    const auto lease = state_->rules->lease_for(path_);
    if (verdict == Verdict::accepted) return accept_publish();
    if (verdict == Verdict::ask) return ask_receiver();
    if (verdict == Verdict::waits_for_claim && is_leased && lease) {
        deadline_ms_ = net::steady_ms() + patience_ms;
        return lease->on_publish({path_, name_});
    }
    refuse(verdict == Verdict::busy ? "this name is being published already"
                                    : "nothing here takes a stream of this name with this key");
}

void LineConnection::accept_publish() {
    later([](LineConnection &self) {
        if (self.role_ != Role::publish_pending || !self.mount_->slot.is_announced(&self)) return;
        self.role_ = Role::publisher;
        self.deadline_ms_ = 0;
        self.admission_.enter(self.peer_info());
        self.reply("OK");
        self.go_on();
    });
}

void LineConnection::ask_receiver() {
    later([](LineConnection &self) {
        if (self.role_ != Role::publish_pending || self.admission_.is_open()) return;
        self.ask_again(self.mount_->slot.authority(), [&self] {
            if (self.mount_->slot.announce(&self)) self.accept_publish();
        });
    });
}

void LineConnection::refuse_publish(const std::string &reason) {
    later([reason](LineConnection &self) { self.refuse(reason); });
}

void LineConnection::resume() {
    later([](LineConnection &self) {
        if (self.role_ == Role::publisher) self.go_on();
    });
}

// --- playing --------------------------------------------------------------------------------

void LineConnection::begin_play() {
    name_ = next_name("lines-play-", endpoint_);
    const auto mount = state_->find(path_);
    ask(mount ? mount->authority() : net::Authority(), [this] { admit_play(); });
}

void LineConnection::admit_play() {
    const auto mount = state_->find(path_);
    if (mount && mount->has_feed()) return play();
    const auto demand = state_->rules->demand_for(path_);
    if (!demand) return refuse("no such stream");
    role_ = Role::play_pending;
    deadline_ms_ = net::steady_ms() + patience_ms;
    demand->on_demand(path_, [weak = weak_from_this()](bool go_on, const std::string &reason) {
        const auto self = weak.lock();
        if (!self) return;
        self->later([go_on, reason](LineConnection &asking) {
            if (asking.role_ != Role::play_pending) return;
            if (!go_on) return asking.refuse(reason);
            asking.play();
        });
    });
}

void LineConnection::play() {
    role_ = Role::player;
    deadline_ms_ = 0;
    mount_ = state_->find_or_make(path_);
    reply("OK");
    if (closed_) return;
    join(mount_, socket_);
    admission_.enter(peer_info());
    pump_alone();
}

/// A player that stayed needs a new decision when a producer brings another watcher.
bool LineConnection::is_admitted() {
    if (mount_->epoch() == admission_.epoch()) return true;
    if (admission_.is_open()) return false;
    ask_again(mount_->authority(), [] {});
    return mount_->epoch() == admission_.epoch();
}

Outlet::Status LineConnection::write(const Outlet::Source &source, fanout::BatchCache &cache,
                                     uint64_t &sent, int &error) {
    fanout::SocketWire wire(socket_);
    return outlet_.send(wire, source, cache, sent, error);
}

void LineConnection::wait_writable(Outlet::Status why) {
    if (why != Outlet::Status::more) return; // the socket's edge comes through on_ready()
    later([](LineConnection &self) {
        if (self.waiting_) self.pump_again();
    });
}

// --- admission and ending -------------------------------------------------------------------

net::PeerInfo LineConnection::peer_info() const {
    return {.id = name_.substr(0, name_.find(' ')),
            .address = endpoint_,
            .path = path_,
            .query = query_,
            .key = key_,
            .client = "",
            .publish = role_ == Role::publisher || name_.starts_with("lines-publish"),
            .protocol = "lines"};
}

net::Admission::Done LineConnection::on_answer(std::function<void()> admit) {
    return [weak = weak_from_this(), admit = std::move(admit)](bool allowed,
                                                               const std::string &reason) {
        const auto self = weak.lock();
        if (!self || self->closed_) return;
        if (!allowed) return self->refuse(reason);
        const bool is_first = self->role_ == Role::none;
        if (is_first) self->paused_ = false;
        admit();
        if (is_first && !self->paused_) self->go_on();
    };
}

void LineConnection::ask(const net::Authority &path, std::function<void()> admit) {
    paused_ = true;
    if (!admission_.ask(loops_->at(loop_).get_executor(), state_->rules->watches(), path,
                        peer_info(), on_answer(admit)))
        return;
    paused_ = false;
    admit();
}

void LineConnection::ask_again(const net::Authority &path, std::function<void()> admit) {
    if (admission_.ask_again(loops_->at(loop_).get_executor(), path, peer_info(), on_answer(admit)))
        admit();
}

void LineConnection::reply(const std::string &line) {
    outlet_.push(fanout::plain_packet(Bytes::copy_of(line + "\n")));
    pump_alone();
}

void LineConnection::refuse(const std::string &reason) {
    if (role_ != Role::player) reply("ERROR " + reason);
    close_now(LogLevel::warning, "refused: " + reason);
}

void LineConnection::go_on() {
    paused_ = false;
    take_lines();
    read();
}

void LineConnection::later(std::function<void(LineConnection &)> task) {
    asio::post(loops_->at(loop_), [self = shared_from_this(), task = std::move(task)] {
        if (!self->closed_) task(*self);
    });
}

void LineConnection::check(uint64_t now_ms) {
    if (!admission_.is_open() && deadline_ms_ != 0 && now_ms > deadline_ms_)
        return refuse(role_ == Role::none ? "you have asked for nothing"
                                          : "no pipeline took up the stream in time");
    if (!check_end(now_ms, wait_ms)) check_stall(now_ms);
}

/// A player that is told of the end closes the connection; one that stays is closed.
void LineConnection::say_ended() {
    outlet_.push(fanout::plain_packet(Bytes::copy_of(std::string_view("END\n"))));
}

void LineConnection::close(const std::string &reason) {
    later([reason](LineConnection &self) { self.close_now(LogLevel::info, "closed: " + reason); });
}

void LineConnection::close_now(LogLevel level, const std::string &reason) {
    if (std::exchange(closed_, true)) return;
    const auto self = shared_from_this();
    admission_.cancel();
    log(level, "lines", "[" + name_ + " " + path_ + "] " + reason);
    if (mount_ && role_ == Role::player)
        part();
    else if (mount_)
        mount_->slot.unpublish(this, reason);
    mount_.reset();
    admission_.leave(peer_info(), reason);
    loops_->poller(loop_).remove(socket_, *this);
    ::close(socket_);
    state_->roster->remove(self);
}

} // namespace penstock::example

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/fanout/outlet.h"

#include <cerrno>
#include <climits>

#include <sys/socket.h>

namespace penstock::fanout {
namespace {

constexpr size_t max_parts = IOV_MAX;
constexpr size_t max_batch_packets = 256;
constexpr size_t max_batch_bytes = 256 << 10;
/// Maximum number of writes per turn.
constexpr int max_writes = 8;

/// The gather list of one call.
class Parts {
public:
    explicit Parts(std::vector<iovec> &list) : list_(list) { list_.clear(); }
    /// Omits what does not fit.
    void add(const Packet &packet, Framing framing, size_t skip = 0) {
        packet.each_piece(framing, [&](ByteView piece) {
            if (skip >= piece.size()) {
                skip -= piece.size();
                return;
            }
            if (full()) return;
            list_.push_back({const_cast<uint8_t *>(piece.data()) + skip, piece.size() - skip});
            size_ += piece.size() - skip;
            skip = 0;
        });
    }
    bool full() const { return list_.size() >= max_parts; }
    size_t size() const { return size_; }

private:
    std::vector<iovec> &list_;
    size_t size_ = 0;
};

} // namespace

ssize_t SocketWire::write(const iovec *parts, int count) {
    msghdr message{};
    message.msg_iov = const_cast<iovec *>(parts);
    message.msg_iovlen = static_cast<size_t>(count);
    for (;;) {
        const ssize_t sent = ::sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0 || errno != EINTR) return sent;
    }
}

const BatchCache::Entry *BatchCache::get(const Ring &ring, const Cursor &cursor, Framing framing,
                                         uint8_t takes) {
    for (const Entry &entry : entries_)
        if (entry.ring == &ring && entry.framing == framing && entry.takes == takes &&
            !entry.batch.packets.empty() && entry.batch.begin == *cursor.next &&
            entry.batch.epoch == cursor.epoch)
            return &entry;
    Entry &entry = entries_[next_];
    next_ = (next_ + 1) % entries_.size();
    entry.ring = &ring;
    entry.framing = framing;
    entry.takes = takes;
    if (!ring.read(cursor, max_batch_packets, max_batch_bytes, entry.batch)) return nullptr;
    Parts parts(entry.parts);
    for (PacketPtr &packet : entry.batch.packets) {
        if (packet->needs & ~takes) packet = PacketPtr(form_for(packet, takes));
        parts.add(*packet, framing);
    }
    entry.size = parts.size();
    return &entry;
}

void BatchCache::clear() {
    for (Entry &entry : entries_) {
        entry.ring = nullptr;
        entry.batch.packets.clear();
    }
}

Outlet::Step Outlet::send_own(Wire &wire, uint64_t &bytes_sent, int &error) {
    thread_local std::vector<iovec> list;
    Parts parts(list);
    size_t skip = offset_;
    for (const Own &own : own_) {
        if (parts.full()) break;
        parts.add(*own.packet, own.framing, skip);
        skip = 0;
    }
    const ssize_t sent = list.empty() ? 0 : wire.write(list.data(), static_cast<int>(list.size()));
    if (sent < 0) {
        error = errno;
        return error == EAGAIN || error == EWOULDBLOCK ? Step::blocked : Step::failed;
    }
    bytes_sent += static_cast<uint64_t>(sent);
    offset_ += static_cast<size_t>(sent);
    size_t gone = 0;
    for (; gone < own_.size(); ++gone) {
        const size_t size = own_[gone].packet->framed_size(own_[gone].framing);
        if (offset_ < size) break;
        offset_ -= size;
    }
    completed_ += gone;
    if (gone == own_.size())
        std::vector<Own>().swap(own_); // frees the memory: most viewers have no private packets
    else
        own_.erase(own_.begin(), own_.begin() + static_cast<ptrdiff_t>(gone));
    if (own_.empty()) return Step::done;
    return static_cast<size_t>(sent) < parts.size() ? Step::blocked : Step::partly;
}

Outlet::Step Outlet::send_batch(Wire &wire, const BatchCache::Entry &entry, uint64_t &bytes_sent,
                                int &error) {
    const ssize_t result =
        entry.parts.empty() ? 0 // nothing in it is for this viewer
                            : wire.write(entry.parts.data(), static_cast<int>(entry.parts.size()));
    if (result < 0) {
        error = errno;
        return error == EAGAIN || error == EWOULDBLOCK ? Step::blocked : Step::failed;
    }
    size_t sent = static_cast<size_t>(result);
    const bool blocked = sent < entry.size;
    bytes_sent += sent;
    for (const PacketPtr &packet : entry.batch.packets) {
        if (sent == 0 && packet->size > 0) break;
        ++*cursor_.next;
        const size_t size = packet->framed_size(entry.framing);
        if (sent < size) {
            own_.push_back({packet, entry.framing});
            offset_ = sent;
            break;
        }
        sent -= size;
        ++completed_;
    }
    return blocked ? Step::blocked : Step::partly;
}

Outlet::Status Outlet::send(Wire &wire, const Source &source, BatchCache &cache,
                            uint64_t &bytes_sent, int &error) {
    thread_local std::vector<PacketPtr> first;
    for (int writes = 0; writes < max_writes; ++writes) {
        Step step = Step::done;
        if (own_.empty() && source.ring) {
            first.clear();
            const Ring::Place place =
                source.ring->settle(cursor_, source.join, source.slow, first, source.epoch);
            for (const PacketPtr &packet : first)
                if (const PacketPtr &form = form_for(packet, source.takes); form->size > 0)
                    own_.push_back({form, source.framing});
            if (place == Ring::Place::lagging) return Status::lagging;
            if (own_.empty()) {
                if (place != Ring::Place::behind) return Status::idle;
                const auto *entry = cache.get(*source.ring, cursor_, source.framing, source.takes);
                if (!entry) continue;
                step = send_batch(wire, *entry, bytes_sent, error);
            }
        }
        if (!own_.empty() && step == Step::done) step = send_own(wire, bytes_sent, error);
        if (step == Step::blocked) return Status::blocked;
        if (step == Step::failed) return Status::failed;
        if (own_.empty() && !source.ring) return Status::idle;
    }
    return Status::more;
}

} // namespace penstock::fanout

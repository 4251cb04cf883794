// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/live/stream.h"

#include "core/flv/packet.h"
#include "core/net/loop/clock.h"

#include <array>

namespace penstock::net {
namespace {

constexpr std::string_view flv_type = "video/x-flv";

struct Extension {
    std::string_view name, content_type;
    bool titles;
};
constexpr std::array extensions{
    Extension{".flv", flv_type, false},          Extension{".ts", "video/mp2t", false},
    Extension{".mp3", "audio/mpeg", true},       Extension{".aac", "audio/aac", true},
    Extension{".ogg", "application/ogg", false}, Extension{".oga", "audio/ogg", false},
    Extension{".opus", "audio/ogg", false},
};

} // namespace

HttpStream::HttpStream(MountKey key, std::shared_ptr<Loops> loops)
    : LiveMount(std::move(key), std::move(loops)) {
}

void HttpStream::attach(const HttpMountOptions &options) {
    has_feed_ = true;
    wait_ms_ = static_cast<uint64_t>(options.first_media_wait.count());
    set_authority(options.watch);
    {
        std::lock_guard lock(mutex_);
        title_.clear();
        ++title_version_;
    }
    limits_ = options.history;
    audience().set_policy(options.policy);
}

void HttpStream::detach() {
    has_feed_ = false;
    since_ = 0;
    if (live_.exchange(false)) tell(MountEvent::gone);
}

void HttpStream::begin(const HttpFormat &format) {
    bool other = false;
    {
        std::lock_guard lock(mutex_);
        other = format_ && *format_ != format;
        if (other) prologue_.reset();
        format_ = format;
    }
    if (other) close_viewers("the stream has become another kind");
    const bool is_flv = format.content_type == flv_type;
    fanout::Ring &ring = audience().ring();
    if (other || !is_flv) flv_.reset();
    if (is_flv) {
        if (!flv_)
            flv_ = std::make_unique<fanout::FlvFeed>(
                ring, fanout::FlvFeed::Format{flv::make_packet, false});
        flv_->restart(limits_);
        has_audio_ = has_video_ = false;
        prologue_written_ = false;
    } else {
        ring.set_fold(nullptr);
        ring.restart(limits_);
        set_prologue(nullptr);
    }
    carries_audio_ = carries_video_ = false;
    since_ = unix_ms();
    if (!live_.exchange(true)) tell(MountEvent::live);
}

void HttpStream::push(const flv::Tag &tag) {
    note_media();
    const bool is_media = tag.kind != flv::TagKind::metadata && tag.kind != flv::TagKind::other;
    bool &has = tag.type == flv::TagType::audio ? has_audio_ : has_video_;
    if (is_media && tag.type != flv::TagType::script && !has) {
        has = true;
        (tag.type == flv::TagType::audio ? carries_audio_ : carries_video_) = true;
        prologue_written_ = false;
    }
    const auto packet = flv_->append(tag, steady_ns());
    if (!packet) return;
    // The file header must name exactly the tracks that exist: players wait for a track that it
    // promises.
    if (!prologue_written_ && flv::starts_gop(tag, has_video_)) {
        prologue_written_ = true;
        set_prologue(fanout::plain_packet(flv::file_header(has_audio_, has_video_), true));
    }
    audience().wake(packet->awaited);
}

void HttpStream::push(Bytes bytes, bool joinable, bool awaited) {
    if (bytes.empty()) return;
    note_media();
    auto packet = std::make_shared<fanout::Packet>();
    packet->payload = std::move(bytes);
    packet->pieces = {packet->payload.view()};
    packet->awaited = awaited;
    packet->seal(true);
    audience().ring().append(std::move(packet), steady_ns(), joinable);
    audience().wake(awaited);
}

void HttpStream::set_headers(std::vector<Bytes> headers) {
    std::vector<fanout::PacketPtr> packets;
    for (Bytes &header : headers)
        if (!header.empty()) packets.push_back(fanout::plain_packet(std::move(header), true));
    audience().ring().set_headers(std::move(packets));
}

void HttpStream::set_title(const std::string &title) {
    std::lock_guard lock(mutex_);
    if (title == title_) return;
    title_ = title;
    ++title_version_;
}

void HttpStream::discontinuity() {
    if (flv_) flv_->discontinuity();
}

void HttpStream::set_prologue(fanout::PacketPtr prologue) {
    std::lock_guard lock(mutex_);
    prologue_ = std::move(prologue);
}

HttpFormat HttpStream::format() const {
    std::lock_guard lock(mutex_);
    if (format_) return *format_;
    for (const Extension &extension : extensions)
        if (path().ends_with(extension.name))
            return {std::string(extension.content_type), extension.titles};
    return {"application/octet-stream", false};
}

std::optional<fanout::PacketPtr> HttpStream::prologue() const {
    std::lock_guard lock(mutex_);
    return prologue_;
}

std::string HttpStream::title() const {
    std::lock_guard lock(mutex_);
    return title_;
}

std::string HttpStream::name() const {
    const std::string last = path().substr(path().rfind('/') + 1);
    return last.substr(0, last.rfind('.'));
}

MountInfo HttpStream::info() const {
    MountInfo info{key()};
    info.live = live_;
    info.since = since_;
    info.last_media = last_media();
    info.viewers = viewers();
    info.bytes_out = audience().bytes_out;
    info.media.content_type = format().content_type;
    info.media.has_audio = carries_audio_;
    info.media.has_video = carries_video_;
    return info;
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/hls/rendition_files.h"

#include <algorithm>

#include <filesystem>

namespace penstock::net {
namespace {

constexpr std::string_view extension = ".m3u8";

} // namespace

std::unique_ptr<HlsRenditionFiles> HlsRenditionFiles::open(const std::string &playlist_path,
                                                           const HlsDirectory::Options &options,
                                                           std::string *error) {
    Result result = HlsDirectory::prepare(playlist_path, options);
    const std::string folder = playlist_path.substr(0, playlist_path.size() - extension.size());
    std::error_code code;
    if (result.is_ok() && options.is_vod && std::filesystem::exists(folder, code))
        result = Result::error(folder + " exists, and is not overwritten: name another " +
                               "directory, or remove that one");
    if (result.is_ok())
        return std::unique_ptr<HlsRenditionFiles>(new HlsRenditionFiles(playlist_path, options));
    if (error) *error = result.reason();
    return nullptr;
}

void HlsRenditionFiles::set_renditions(std::vector<hls::Presentation::Expected> renditions) {
    std::lock_guard lock(mutex_);
    renditions_ = std::move(renditions);
}

Result HlsRenditionFiles::publish(hls::Segment segment) {
    const std::string &name = segment.about->name;
    std::unique_ptr<HlsDirectory> &directory = directories_[name];
    if (!directory) {
        std::string error;
        const std::string folder =
            playlist_path_.substr(0, playlist_path_.size() - extension.size());
        HlsDirectory::Options options = options_;
        options.has_manifest = false; // theirs is one
        if (segment.about->is_text) options.container = hls::webvtt_container;
        directory = HlsDirectory::open(
            folder + "/" + name + "/" + std::string(hls::rendition_playlist), options, &error);
        if (!directory) return Result::error(error);
    }
    hls::Stream &stream = directory->stream();
    segment.sequence = numbers_.place(segment.number, stream.next_number());
    if (stream.is_new()) {
        uint64_t discontinuities = 0;
        for (const auto &[other, written] : directories_)
            if (written && !written->stream().is_new())
                discontinuities =
                    std::max(discontinuities, written->stream().discontinuities(*segment.sequence));
        stream.begin_at(*segment.sequence, discontinuities);
    }
    const Result result = directory->publish(segment);
    if (result.is_ok()) manifest_.add(stream, name, segment);
    const hls::Stream::Info info = directory->info();
    {
        std::lock_guard lock(mutex_);
        if (info.has_video || info_.target_duration == 0 || directories_.size() == 1) info_ = info;
        bytes_ = 0;
        for (const auto &[other, written] : directories_)
            if (written) bytes_ += written->bytes_written();
    }
    return result.is_ok() ? write_multivariant() : result;
}

Result HlsRenditionFiles::write_multivariant() {
    std::vector<hls::Presentation::Expected> renditions;
    {
        std::lock_guard lock(mutex_);
        renditions = renditions_;
    }
    std::vector<hls::Listed> listed;
    for (const auto &rendition : renditions) {
        const auto found = directories_.find(rendition.name);
        const bool has_begun =
            found != directories_.end() && found->second && found->second->info().segments > 0;
        if (!has_begun && rendition.is_awaited) return Result::ok();
        if (has_begun) listed.push_back({rendition.name, found->second->info()});
    }
    if (options_.is_vod && !has_ended_) return Result::ok();
    const std::string file = playlist_path_.substr(playlist_path_.rfind('/') + 1);
    const std::string text =
        hls::multivariant(listed, file.substr(0, file.size() - extension.size()) + "/");
    if (text.empty() || text == written_) return write_manifest();
    const Bytes bytes = Bytes::copy_of(text);
    const Result result = HlsDirectory::write_file(
        playlist_path_, bytes, options_.is_vod ? Existing::keep : Existing::replace);
    if (!result.is_ok()) return result;
    written_ = text;
    {
        std::lock_guard lock(mutex_);
        multivariant_bytes_ += bytes.size();
    }
    return write_manifest();
}

/// Called when all renditions that are awaited have begun.
Result HlsRenditionFiles::write_manifest() {
    if (!HlsDirectory::has_manifest(options_)) return Result::ok();
    const std::string file = playlist_path_.substr(playlist_path_.rfind('/') + 1);
    const std::string folder = file.substr(0, file.size() - extension.size()) + "/";
    std::vector<dash::Offer> offers;
    int64_t target = 0;
    for (const auto &[name, directory] : directories_) {
        if (!directory) continue;
        hls::Stream &stream = directory->stream();
        target = std::max(target, stream.target_duration());
        offers.push_back({name, folder + name + "/", stream.name_template(), stream.info()});
    }
    return manifest_.write(offers, target, has_ended_);
}

Result HlsRenditionFiles::end() {
    {
        // Nothing is waited for any longer.
        std::lock_guard lock(mutex_);
        for (auto &rendition : renditions_)
            rendition.is_awaited = false;
    }
    Result result = Result::ok();
    for (const auto &[name, directory] : directories_) {
        if (!directory) continue;
        if (const Result ended = directory->end(); !ended.is_ok()) result = ended;
    }
    has_ended_ = true;
    if (options_.is_vod && result.is_error()) return result;
    const Result listed = write_multivariant();
    return result.is_ok() ? listed : result;
}

hls::Stream::Info HlsRenditionFiles::info() const {
    std::lock_guard lock(mutex_);
    return info_;
}

uint64_t HlsRenditionFiles::bytes_written() const {
    std::lock_guard lock(mutex_);
    return bytes_ + multivariant_bytes_;
}

} // namespace penstock::net

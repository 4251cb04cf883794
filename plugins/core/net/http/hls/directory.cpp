// SPDX-License-Identifier: LGPL-2.1-or-later
// File operations of a stream: writing and renaming, continuing an earlier run, removing.
#include "core/net/http/hls/directory.h"

#include "core/net/loop/log.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

namespace penstock::net {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t max_playlist_size = 64 << 20;

} // namespace

HlsDirectory::HlsDirectory(std::string playlist_path, const hls::Stream::Options &options)
    : directory_(fs::path(playlist_path).parent_path().string() + "/"),
      playlist_name_(fs::path(playlist_path).filename().string()), stream_(options) {
}

HlsDirectory::~HlsDirectory() = default;

bool HlsDirectory::has_manifest(const Options &options) {
    return options.has_manifest && !options.is_single_file &&
           options.container.mime_type == "video/mp4";
}

Result HlsDirectory::prepare(const std::string &playlist_path, const Options &options) {
    if (!playlist_path.starts_with('/') || !playlist_path.ends_with(".m3u8"))
        return Result::error("'" + playlist_path +
                             "' can't be a playlist's file: write file:///DIRECTORY/index.m3u8");
    const std::string directory = fs::path(playlist_path).parent_path().string() + "/";
    std::error_code code;
    std::vector<std::string> made; // at the end
    if (options.is_vod) made.push_back(playlist_path);
    if (options.is_vod && has_manifest(options))
        made.push_back(fs::path(playlist_path).replace_extension(".mpd").string());
    for (const std::string &name : made)
        for (const std::string &path : {name, name + std::string(temporary_suffix)})
            if (fs::exists(fs::symlink_status(path, code)))
                return Result::error(path + " exists, and is not overwritten: name another " +
                                     "directory, or remove that file");
    fs::create_directories(directory, code);
    if (code)
        return Result::error("Can't make the directory " + directory + ": " +
                             write_error(code.value()));
    if (::access(directory.c_str(), W_OK | X_OK) != 0)
        return Result::error("Can't write to " + directory + ": " + write_error(errno));
    return Result::ok();
}

std::unique_ptr<HlsDirectory> HlsDirectory::open(const std::string &playlist_path,
                                                 const Options &options, std::string *error) {
    if (const Result result = prepare(playlist_path, options); !result.is_ok()) {
        if (error) *error = result.reason();
        return nullptr;
    }
    hls::Stream::Options stream;
    stream.playlist_length = options.playlist_length;
    stream.extra = options.playlist_length + 1;
    stream.target_duration = options.target_duration;
    stream.epoch = options.epoch;
    stream.container = options.container;
    stream.is_vod = options.is_vod;
    stream.keep_data = false;
    if (options.is_single_file) {
        stream.file =
            fs::path(playlist_path).stem().string() + std::string(options.container.file_extension);
        const std::string path = fs::path(playlist_path).replace_filename(stream.file).string();
        std::error_code code;
        // It may be the very file that is packaged.
        if (fs::exists(fs::symlink_status(path, code))) {
            if (error)
                *error = path + " exists, and is not overwritten: name another directory, or " +
                         "remove that file";
            return nullptr;
        }
    }
    std::unique_ptr<HlsDirectory> store(new HlsDirectory(playlist_path, stream));
    if (!stream.file.empty()) {
        store->file_ = std::make_unique<NewFile>(store->directory_ + stream.file, Existing::keep);
        if (const Result opened = store->file_->write({}); !opened.is_ok()) {
            if (error) *error = opened.reason();
            return nullptr;
        }
    }
    store->is_vod_ = options.is_vod;
    if (has_manifest(options))
        store->manifest_ =
            std::make_unique<DashFile>(playlist_path, options.is_vod, options.playlist_length);
    if (!options.is_vod) store->resume();
    return store;
}

/// Continues the playlist of an earlier run.
void HlsDirectory::resume() {
    const std::string path = directory_ + playlist_name_;
    std::error_code code;
    const uintmax_t size = fs::file_size(path, code);
    if (code || size > max_playlist_size) return;
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    playlist::MediaPlaylist earlier;
    if (const Result result = playlist::parse(text.str(), earlier); !result.is_ok()) {
        log(LogLevel::warning, "hls", path + " is replaced: " + result.reason());
        return;
    }
    // A playlist was made by this class if all its segments exist and have this class's names with
    // matching sequence numbers.
    const std::string_view extension = stream_.container().extension;
    bool ours = true;
    std::map<uint64_t, uint64_t> first_listed; // by epoch
    std::set<std::string> maps;
    for (size_t i = 0; i < earlier.segments.size(); ++i) {
        uint64_t epoch = 0, number = 0;
        const std::string &name = earlier.segments[i].uri;
        ours = ours && hls::parse_segment_name(name, extension, epoch, number) &&
               number == earlier.media_sequence + i &&
               (earlier.segments[i].gap || fs::exists(directory_ + name, code));
        if (ours) first_listed.emplace(epoch, number);
        const std::string &map = earlier.segments[i].map;
        ours = ours && (map.empty() || (hls::parse_init_name(map, epoch, number) &&
                                        fs::exists(directory_ + map, code)));
        maps.insert(map);
    }
    stream_.resume(earlier, ours && !earlier.segments.empty());
    if (!ours) return;
    // Segments that had already left the earlier playlist are no longer needed.
    for (const auto &entry : fs::directory_iterator(directory_, code)) {
        std::string name = entry.path().filename().string();
        const bool partial = name.ends_with(temporary_suffix);
        if (partial) name.resize(name.size() - temporary_suffix.size());
        uint64_t epoch = 0, number = 0;
        const bool is_init = hls::parse_init_name(name, epoch, number);
        if (!is_init && !hls::parse_segment_name(name, extension, epoch, number)) continue;
        if (is_init && maps.count(name) && !partial) continue;
        const auto run = first_listed.find(epoch);
        if (run == first_listed.end() || (!partial && number >= run->second)) continue;
        std::error_code ignored;
        fs::remove(entry.path(), ignored);
    }
}

Result HlsDirectory::write_file(const std::string &path, ByteView content, Existing existing) {
    NewFile file(path, existing);
    const Result written = file.write(content);
    return written.is_ok() ? file.finish() : written;
}

Result HlsDirectory::write(const std::string &name, ByteView content, Existing existing) {
    const Result result = write_file(directory_ + name, content, existing);
    if (result.is_ok()) bytes_written_ += content.size();
    return result;
}

/// Writes media: into a file of this name, or at the end of the one for all.
Result HlsDirectory::store(const std::string &name, ByteView content) {
    if (!file_) return write(name, content);
    // Bytes of a failed write would stand where the next segment's are said to be.
    if (has_hole_) return Result::error("no more is written, since a segment is missing");
    const Result result = file_->write(content);
    if (result.is_ok()) bytes_written_ += content.size();
    return result;
}

Result HlsDirectory::publish(const hls::Segment &segment) {
    if (stream_.info().ended)
        return Result::error(directory_ + playlist_name_ +
                             " has ended: set the element to READY to begin a new stream");
    std::vector<std::string> gone = stream_.align(segment);
    Result written = Result::ok();
    if (const std::string init = stream_.next_init(segment); !init.empty())
        written = store(init, segment.init);
    if (written.is_ok()) written = store(stream_.next_name(), stream_.stored(segment));
    if (!written.is_ok()) {
        stream_.interrupt();
        has_hole_ = true;
        return written;
    }
    std::vector<std::string> more = stream_.publish(segment);
    std::move(more.begin(), more.end(), std::back_inserter(gone));
    if (manifest_) manifest_->add(stream_, "", segment);
    Result listed = is_vod_ ? Result::ok() : write(playlist_name_, stream_.playlist());
    if (listed.is_ok()) listed = write_manifest();
    // Removed only after the playlist no longer lists them.
    for (const std::string &name : gone)
        ::unlink((directory_ + name).c_str());
    return listed;
}

Result HlsDirectory::write_manifest() {
    if (!manifest_) return Result::ok();
    const hls::Stream::Info info = stream_.info();
    return manifest_->write({{"", "", stream_.name_template(), info}}, stream_.target_duration(),
                            info.ended);
}

Result HlsDirectory::end() {
    if (is_final_) return Result::ok();
    if (is_vod_ && has_hole_)
        return Result::error(directory_ + playlist_name_ +
                             " is not written, because segments of it are missing");
    stream_.end();
    const Bytes text = stream_.playlist();
    if (file_ && !text.empty())
        if (const Result complete = file_->finish(); !complete.is_ok()) return complete;
    file_.reset();
    // The playlist is the last: that of a package is written once only.
    Result result = write_manifest();
    if (result.is_ok() && !text.empty())
        result = write(playlist_name_, text, is_vod_ ? Existing::keep : Existing::replace);
    is_final_ = result.is_ok();
    return result;
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hls/output.h"

#include "core/net/http/hls/directory.h"
#include "core/net/http/hls/disk_writer.h"
#include "core/net/http/hls/mount.h"
#include "core/net/http/hls/rendition_files.h"
#include "gst/ptr.h"

#include <mutex>

namespace penstock::hls {
namespace {

constexpr uint64_t least_part = 50'000'000; ///< ns

class MountOutput final : public Output {
public:
    explicit MountOutput(std::unique_ptr<net::HlsFeed> feed) : feed_(std::move(feed)) {}
    void set_renditions(const std::vector<Presentation::Expected> &renditions) override {
        feed_->set_renditions(renditions);
    }
    void publish(Segment segment, bool) override { feed_->publish(std::move(segment)); }
    void note_media() override { feed_->note_media(); }
    // The mount remains for its viewers and the next producer.
    void end() override {}
    Stats stats() const override {
        const net::HlsFeed::Stats s = feed_->stats();
        return {s.bytes_out, s.viewers, 0, s.waiting, s.stream};
    }
    int64_t part_target(const std::string &rendition) const override {
        return feed_->part_target(rendition);
    }
    std::string url() const override { return feed_->url(); }

private:
    const std::unique_ptr<net::HlsFeed> feed_;
};

/// Shared with the writer's thread, which may be writing after the output is destroyed.
struct Files {
    // Either `directory` or `renditions` is set; used by the writer's thread only.
    std::unique_ptr<net::HlsDirectory> directory;
    std::unique_ptr<net::HlsRenditionFiles> renditions; ///< and set_renditions() from others
    std::mutex mutex;                                   ///< never held during a write
    Output::Stats stats;

    Result write(const Segment *segment) {
        if (renditions) return write_to(*renditions, segment);
        return write_to(*directory, segment);
    }

private:
    template <class Store>
    Result write_to(Store &store, const Segment *segment) {
        Result result = segment ? store.publish(*segment) : store.end();
        std::lock_guard lock(mutex);
        stats = {store.bytes_written(), 0, 0, 0, store.info()};
        return result;
    }
};

class DirectoryOutput final : public Output {
public:
    DirectoryOutput(std::shared_ptr<Files> files, std::string url)
        : files_(std::move(files)), url_(std::move(url)),
          writer_([files = files_](const Segment *segment) { return files->write(segment); }, {}) {}
    void set_renditions(const std::vector<Presentation::Expected> &renditions) override {
        if (files_->renditions) files_->renditions->set_renditions(renditions);
    }
    void publish(Segment segment, bool may_wait) override {
        writer_.add(std::move(segment), may_wait);
    }
    void end() override { writer_.end(); }
    void cancel() override { writer_.cancel(); }
    bool reports() const override { return true; }
    bool has_failed() const override { return writer_.has_failed(); }
    std::vector<std::string> take_reports() override { return writer_.take_reports(); }
    Stats stats() const override {
        Stats stats;
        {
            std::lock_guard lock(files_->mutex);
            stats = files_->stats;
        }
        stats.lost_segments = writer_.lost();
        return stats;
    }
    std::string url() const override { return url_; }

private:
    const std::shared_ptr<Files> files_;
    const std::string url_;
    net::DiskWriter writer_;
};

std::unique_ptr<Output> open_mount(const Settings &settings, const Container &container,
                                   bool has_renditions, std::string *error) {
    const auto location = net::parse_location(settings.location, 80, error);
    if (!location) return nullptr;
    if (settings.playlist_length == 0) {
        *error = "playlist-length=0 keeps every segment, and memory has an end: give a number, or "
                 "write to files (location=file:///DIRECTORY/index.m3u8)";
        return nullptr;
    }
    net::HlsMountOptions options;
    options.playlist_length = settings.playlist_length;
    options.target_duration = static_cast<int64_t>(settings.target_duration);
    options.ending = settings.ending;
    const auto tls = net::tls_for(location->scheme, settings.tls, error);
    if (!tls) return nullptr;
    options.tls = *tls;
    options.container = container;
    options.has_parts = settings.part_duration > 0;
    options.has_renditions = has_renditions;
    options.watch = settings.watch;
    auto feed = net::open_hls_feed(location->address, location->path, options, error);
    return feed ? std::make_unique<MountOutput>(std::move(feed)) : nullptr;
}

/// The path of a file:// URL or of a location without a scheme; null, with `error` set, for others.
GOwned<gchar> path_of(const std::string &location, std::string *error) {
    if (location.find("://") == location.npos)
        return GOwned<gchar>(g_canonicalize_filename(location.c_str(), nullptr));
    GError *reason = nullptr;
    GOwned<gchar> path(g_filename_from_uri(location.c_str(), nullptr, &reason));
    if (reason) *error = reason->message;
    g_clear_error(&reason);
    return path;
}

std::unique_ptr<Output> open_directory(const Settings &settings, const Container &container,
                                       bool has_renditions, std::string *error) {
    if (settings.part_duration > 0) {
        *error =
            "part-duration is for what is served from memory, since requests for parts have to "
            "wait: set location=http://HOST:PORT/NAME/index.m3u8, or part-duration=0";
        return nullptr;
    }
    const GOwned<gchar> path = path_of(settings.location, error);
    if (!path) return nullptr;
    net::HlsDirectory::Options options;
    options.is_vod = settings.is_vod;
    options.is_single_file = settings.is_single_file;
    options.playlist_length = settings.is_vod ? 0 : settings.playlist_length;
    options.target_duration = static_cast<int64_t>(settings.target_duration);
    options.container = container;
    // A package is the same whenever it is made.
    options.epoch = settings.is_vod ? 0 : static_cast<uint64_t>(g_get_real_time() / 1000);
    auto files = std::make_shared<Files>();
    if (has_renditions)
        files->renditions = net::HlsRenditionFiles::open(path.get(), options, error);
    else
        files->directory = net::HlsDirectory::open(path.get(), options, error);
    if (!files->renditions && !files->directory) return nullptr;
    return std::make_unique<DirectoryOutput>(std::move(files), settings.location);
}

} // namespace

std::unique_ptr<Output> Output::open(const Settings &settings, const Container &container,
                                     bool has_renditions, std::string *error) {
    if (settings.renditions == Renditions::separate && settings.container != ContainerType::cmaf) {
        *error = "renditions=separate needs container=cmaf: in MPEG-TS each video has its audio";
        return nullptr;
    }
    if (settings.part_duration > 0 && settings.container != ContainerType::cmaf) {
        *error = "part-duration needs container=cmaf: low-latency HLS has no parts of MPEG-TS";
        return nullptr;
    }
    if (settings.part_duration > 0 && settings.part_duration < least_part) {
        *error = "part-duration is below 50 ms (50000000), and each part costs every player a "
                 "request: 200000000 suits most, 0 is none";
        return nullptr;
    }
    if (settings.is_vod && is_nonblocking_location(settings.location)) {
        *error = "vod=true writes files: set location=file:///DIRECTORY/index.m3u8";
        return nullptr;
    }
    if (settings.is_single_file && !settings.is_vod) {
        *error = "single-file=true is for a stream that is packaged as a whole: set vod=true";
        return nullptr;
    }
    if (is_nonblocking_location(settings.location))
        return open_mount(settings, container, has_renditions, error);
    const bool has_scheme = settings.location.find("://") != settings.location.npos;
    const bool is_path =
        !has_scheme && !settings.location.empty() && !settings.location.starts_with(':');
    if (settings.location.starts_with("file://") || is_path)
        return open_directory(settings, container, has_renditions, error);
    *error = (settings.location.empty() ? std::string("There is no location")
                                        : "Can't serve '" + settings.location + "'") +
             ": set location=http://:8080/live/NAME/index.m3u8 to serve from memory, or "
             "location=file:///DIRECTORY/index.m3u8 to write files";
    return nullptr;
}

bool is_nonblocking_location(const std::string &location) {
    return location.starts_with("http://") || location.starts_with("https://");
}

} // namespace penstock::hls

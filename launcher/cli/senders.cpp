// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/senders.h"

#include "cli/urls.h"

namespace penstock::cli {
namespace {

// A keyframe every two seconds at 30 fps; 4:2:0, which all players support.
constexpr const char *encode = " -c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p"
                               " -g 60 -b:v 2500k -maxrate 2500k -bufsize 2500k"
                               " -c:a aac -b:a 128k -f ";
constexpr const char *picture = " -framerate 30 -video_size 1280x720 ";

} // namespace

std::vector<Sender> senders_of(const description::Binding &binding) {
    std::vector<Sender> out;
    for (const Url &url : urls_of(binding, "HOST")) {
        if (url.kind == "publish" && url.ffmpeg_format) {
            // Quoted for sh, cmd.exe and PowerShell alike.
            const std::string to = std::string(url.ffmpeg_format) + " \"" + url.text + '"';
            out.push_back({"Linux", "linux",
                           std::string("ffmpeg -f v4l2") + picture +
                               "-i /dev/video0 -f pulse -i default" + encode + to,
                           "cameras: v4l2-ctl --list-devices"});
            out.push_back({"Windows", "windows",
                           std::string("ffmpeg -f dshow -rtbufsize 100M") + picture +
                               "-i video=\"CAMERA\":audio=\"MICROPHONE\"" + encode + to,
                           "their names: ffmpeg -list_devices true -f dshow -i dummy"});
            out.push_back(
                {"macOS", "macos",
                 std::string("ffmpeg -f avfoundation") + picture + "-i \"0:0\"" + encode + to,
                 "camera:microphone, their numbers: "
                 "ffmpeg -f avfoundation -list_devices true -i \"\""});
        } else if (url.kind == "obs") {
            out.push_back({"OBS", "obs", url.text,
                           "Settings > Stream: Service Custom; Settings > Output, Advanced: x264, "
                           "Keyframe Interval 2 s, Tune zerolatency"});
        }
    }
    return out;
}

} // namespace penstock::cli

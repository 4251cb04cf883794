// SPDX-License-Identifier: LGPL-2.1-or-later
// The Debian packages of the stock elements that descriptions are likely to use.
#include "description/elements.h"
#include "protocols/table.h"

#include <array>
#include <string_view>

namespace penstock::description {
namespace {

struct Package {
    std::string_view package;
    std::string_view elements; ///< separated by spaces; a trailing * matches any suffix
};

constexpr std::array packages = {
    Package{own_package, " goptee failover flvlivemux flvlivedemux livefilesrc copyorencode ladder "
                         "tslivedemux tslivemux roommixer "
                         "latencystamp latencyread latencysei "},
    Package{"gstreamer1.0-libav", " avenc_* avdec_* avmux_* avdemux_* avdeinterlace "},
    Package{"gstreamer1.0-plugins-ugly",
            " x264enc asfdemux mpeg2dec a52dec amrnbdec amrnbenc amrwbdec dvdreadsrc sidplay "},
    Package{"gstreamer1.0-plugins-bad",
            " x265enc h264parse h265parse av1parse av1enc "
            "av1dec mpegtsmux tsdemux tsparse hlssink hlssink2 hlsdemux dashdemux dashsink "
            "whipclientsink voaacenc voamrwbenc fdkaacenc fdkaacdec faac faad "
            "openh264enc openh264dec opusparse rtponvifparse aesenc curlhttpsink waylandsink "
            "nvh264enc nvh265enc nvh264dec v4l2codecs* va*enc va*dec msdk* qsv* clockselect "
            "interaudiosrc interaudiosink intervideosrc intervideosink audiomixmatrix "
            "fakevideosink fakeaudiosink timecodestamper zbar ipcpipelinesink kmssink "
            "mpegpsdemux mpegpsmux mxfmux mxfdemux jpegparse pngparse vp8parse vp9parse "
            "codecalpha* rtpsink ristsink sdpdemux "},
    Package{"gstreamer1.0-plugins-good",
            " flvmux flvdemux qtmux mp4mux isomp4mux qtdemux matroskamux matroskademux webmmux "
            "souphttpclientsink vp8enc vp8dec vp9enc vp9dec v4l2src v4l2sink v4l2h264* "
            "rtph264pay rtph264depay rtph265pay rtph265depay rtpopuspay "
            "rtpopusdepay rtpmp4apay rtpmp4gpay aacparse mpegaudioparse ac3parse "
            "flacparse flacenc flacdec lamemp3enc mpg123audiodec wavparse wavenc jpegenc jpegdec "
            "pngenc pngdec autovideosink autoaudiosink autovideosrc autoaudiosrc level spectrum "
            "audiofx* videobox videocrop videoflip videobalance multifilesrc multifilesink "
            "splitmuxsink splitmuxsrc imagefreeze deinterlace videomixer interleave deinterleave "
            "avidemux avimux oss4src oss4sink osssrc osssink icydemux id3demux ximagesrc cutter "
            "pulsesrc pulsesink "},
    Package{"gstreamer1.0-plugins-base",
            " videotestsrc audiotestsrc videoconvert videoscale videorate videoconvertscale "
            "audioconvert audioresample audiorate audiomixer compositor volume playbin playbin3 "
            "decodebin decodebin3 uridecodebin uridecodebin3 parsebin urisourcebin encodebin "
            "encodebin2 opusenc opusdec vorbisenc vorbisdec theoraenc theoradec oggmux oggdemux "
            "tcpserversrc tcpserversink tcpclientsrc tcpclientsink multifdsink overlaycomposition "
            "appsrc appsink subparse giosrc giosink rawvideoparse rawaudioparse "},
    Package{"gstreamer1.0-x",
            " textoverlay timeoverlay clockoverlay textrender ximagesink xvimagesink "},
    Package{"gstreamer1.0-alsa", " alsasrc alsasink alsamidisrc "},
    Package{"gstreamer1.0-pipewire", " pipewiresrc pipewiresink "},
    Package{"gstreamer1.0-nice", " nicesrc nicesink "},
    Package{"gstreamer1.0-vaapi", " vaapi* "},
    Package{"gstreamer1.0-gl", " gl* "},
    Package{"gstreamer1.0-gtk3", " gtksink gtkglsink "},
    Package{"libgstreamer1.0-0",
            " queue queue2 tee filesrc filesink fakesrc fakesink identity capsfilter multiqueue "
            "funnel concat typefind valve input-selector output-selector fdsrc fdsink "
            "downloadbuffer streamiddemux "},
};

bool names(std::string_view pattern, std::string_view element) {
    const size_t star = pattern.find('*');
    if (star == pattern.npos) return pattern == element;
    return element.size() >= pattern.size() - 1 && element.starts_with(pattern.substr(0, star)) &&
           element.ends_with(pattern.substr(star + 1));
}

} // namespace

std::string package_of(const std::string &element) {
    if (const auto found = protocols::find_element(element)) return found.use->package;
    for (const Package &package : packages) {
        std::string_view rest = package.elements;
        while (!rest.empty()) {
            const size_t space = rest.find(' ');
            if (space > 0 && names(rest.substr(0, space), element))
                return std::string(package.package);
            rest = space == rest.npos ? std::string_view() : rest.substr(space + 1);
        }
    }
    return {};
}

} // namespace penstock::description

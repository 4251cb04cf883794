// SPDX-License-Identifier: LGPL-2.1-or-later
// livefilesrc: the choice among several tracks, and rotations stored in the file.
#include "livefilesrc_rig.hpp"

namespace {

/// Makes a file in the test's directory with ffmpeg. Inputs: 0 and 1 are 2 s of video at 25 fps and
/// of mono audio, 2 is 2 s of stereo audio. `options` stand between the inputs and the file's name.
std::string make(const std::string &name, const std::string &options) {
    const std::string path = directory() + "/" + name;
    const std::string command =
        "ffmpeg -v error -y -f lavfi -i testsrc2=s=160x96:r=25:d=2 -f lavfi -i sine=r=44100:d=2 "
        "-f lavfi -i 'aevalsrc=sin(2000*t)|cos(3000*t):s=48000:d=2' "
        "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -c:a aac " +
        options + " " + path;
    fail_unless_equals_int(system(command.c_str()), 0);
    return path;
}

/// `-map 0:v -map 1:a -map 2:a`, and the dispositions of the audio tracks.
std::string tracks(const char *first, const char *second) {
    return std::string("-map 0 -map 1 -map 2 -disposition:a:0 ") + first + " -disposition:a:1 " +
           second;
}

/// The number of channels of the output's audio.
int channels_of(Player &player) {
    auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(player.source, "audio"));
    if (!pad) return 0;
    auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad.get()));
    int channels = 0;
    gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), "channels", &channels);
    return channels;
}

int stat_int(Player &player, const char *name) {
    GstStructure *stats = nullptr;
    g_object_get(player.source, "stats", &stats, nullptr);
    auto owner = GstPtr<GstStructure>::adopt(stats);
    gint value = -2;
    guint count = 0;
    if (gst_structure_get_uint(stats, name, &count)) return int(count);
    gst_structure_get_int(stats, name, &value);
    return value;
}

void check_track(const std::string &path, int wanted, int track, bool loop) {
    Player player(path, loop);
    g_object_set(player.source, "audio-track", wanted, nullptr);
    player.play();
    fail_unless(player.wait_for("audio", loop ? 400 : 50), "%s: nothing", path.c_str());
    fail_unless(player.wait_for("video", loop ? 200 : 50), "%s: no video", path.c_str());
    fail_unless_equals_int(channels_of(player), track == 0 ? 1 : 2);
    fail_unless_equals_int(stat_int(player, "audio-track"), track);
    fail_unless_equals_int(stat_int(player, "audio-tracks"), 2);
    fail_unless_equals_int(player.pads["audio"], 1);
    if (loop) return;
    auto message = player.wait_message(GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS);
    fail_unless_equals_int(player.seen["video"].size(), 50);
}

std::string orientation_of(Player &player) {
    auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(player.source, "video"));
    for (guint i = 0;; ++i) {
        auto event = GstPtr<GstEvent>::adopt(gst_pad_get_sticky_event(pad.get(), GST_EVENT_TAG, i));
        if (!event) return "";
        GstTagList *tags = nullptr;
        gst_event_parse_tag(event.get(), &tags);
        gchar *text = nullptr;
        if (gst_tag_list_get_string(tags, GST_TAG_IMAGE_ORIENTATION, &text))
            return GOwned<>(text).get();
    }
}

} // namespace

GST_START_TEST(test_default_track) {
    for (const std::string kind : {"mp4", "mkv"}) {
        const std::string second = make("second." + kind, tracks("0", "default"));
        for (const bool loop : {false, true})
            check_track(second, -1, 1, loop);
        check_track(second, 0, 0, false);
        check_track(second, 1, 1, false);
        check_track(make("first." + kind, tracks("default", "0")), -1, 0, false);
    }
    // Without a default track, or with several, the first is taken.
    check_track(make("none.mkv", tracks("0", "0")), -1, 0, false);
    check_track(make("both.mkv", tracks("default", "default")), -1, 0, false);
    check_track(make("none.ts", "-map 0 -map 1 -map 2"), -1, 0, false);
    check_track(directory() + "/none.ts", 1, 1, true);
}
GST_END_TEST

// The chosen track stays the same in every pass; flvdemux is created anew for each.
GST_START_TEST(test_one_track) {
    const std::string path = make("one.flv", "-map 0 -map 1");
    Player player(path, true);
    g_object_set(player.source, "audio-track", 0, nullptr);
    player.play();
    fail_unless(player.wait_for("audio", 300));
    fail_unless_equals_int(channels_of(player), 1);
}
GST_END_TEST

static void expect_no_track(const std::string &path, int track, const char *words) {
    Player player(path, false);
    g_object_set(player.source, "audio-track", track, nullptr);
    player.play();
    const std::string text = player.error_text();
    fail_unless(text.find(words) != std::string::npos, "\"%s\" lacks \"%s\"", text.c_str(), words);
}

GST_START_TEST(test_no_such_track) {
    expect_no_track(make("two.mp4", tracks("default", "0")), 2, "has 2 audio tracks");
    expect_no_track(directory() + "/two.mp4", 2, "0 to 1");
    expect_no_track(make("single.mkv", "-map 0 -map 1"), 7, "has 1 audio track,");
    expect_no_track(make("silent.mp4", "-map 0"), 0, "has no audio track");
}
GST_END_TEST

// The tag is sent downstream, the same in every pass; rotate=ignore drops it.
GST_START_TEST(test_rotation) {
    make("upright.mp4", "-map 0 -map 1");
    struct Case {
        const char *degrees, *tag;
    };
    for (const Case &c : {Case{"90", "rotate-270"}, Case{"180", "rotate-180"},
                          Case{"270", "rotate-90"}, Case{"0", ""}}) {
        const std::string path = directory() + "/rotated" + c.degrees + ".mov";
        const std::string command = "ffmpeg -v error -y -i " + directory() +
                                    "/upright.mp4 -c copy -metadata:s:v rotate=" + c.degrees + " " +
                                    path;
        fail_unless_equals_int(system(command.c_str()), 0);
        for (const char *rotate : {"auto", "ignore"}) {
            Player player(path, true);
            gst_util_set_object_arg(G_OBJECT(player.source), "rotate", rotate);
            player.play();
            fail_unless(player.wait_for("video", 120));
            const std::string tag = orientation_of(player);
            fail_unless(tag == (rotate[0] == 'i' ? "" : c.tag), "%s degrees, rotate=%s: %s",
                        c.degrees, rotate, tag.c_str());
        }
    }
}
GST_END_TEST

// A track of an MP4 file that begins with an empty edit stays as far behind the other, in every
// pass.
GST_START_TEST(test_empty_edit) {
    const std::string whole = make("whole.mp4", "-map 0 -map 1");
    constexpr int64_t late = 300 * GST_MSECOND, tolerance = 50 * GST_MSECOND;
    for (const std::string second : {"audio", "video"}) {
        const std::string first = second == "audio" ? "video" : "audio";
        const std::string path = directory() + "/late_" + second + ".mp4";
        const std::string command = "ffmpeg -v error -y -i " + whole + " -itsoffset 0.3 -i " +
                                    whole + " -map 0:" + first[0] + " -map 1:" + second[0] +
                                    " -c copy " + path;
        fail_unless_equals_int(system(command.c_str()), 0);
        for (const bool loop : {false, true}) {
            Player player(path, loop);
            player.play();
            fail_unless(player.wait_for("video", loop ? 100 : 50), "no video");
            fail_unless(player.wait_for("audio", loop ? 172 : 86), "no audio");
            std::lock_guard lock(player.mutex);
            const auto has = [&](const std::string &track, int64_t from, int64_t to) {
                const auto &frames = player.seen[track];
                return std::any_of(frames.begin(), frames.end(), [&](const Seen &frame) {
                    const auto pts = int64_t(frame.pts); // -1: outside the segment
                    return pts >= std::max<int64_t>(from, 0) && pts <= to;
                });
            };
            // A pass takes as long as the track that ends last: 2.3 s.
            for (int64_t pass = 0; pass <= (loop ? int64_t(2300 * GST_MSECOND) : 0);
                 pass += 2300 * GST_MSECOND) {
                const int64_t due = pass + late;
                fail_unless(has(first, pass - tolerance, pass + tolerance));
                fail_if(has(second, pass + tolerance, due - tolerance), "%s early", second.c_str());
                fail_unless(has(second, due - tolerance, due + tolerance), "%s", second.c_str());
            }
        }
    }
}
GST_END_TEST

static Suite *livefilesrc_tracks_suite() {
    Suite *s = suite_create("livefilesrc_tracks");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_default_track);
    tcase_add_test(tc, test_one_track);
    tcase_add_test(tc, test_no_such_track);
    tcase_add_test(tc, test_rotation);
    tcase_add_test(tc, test_empty_edit);
    return s;
}

int main(int argc, char **argv) {
    return run_with_files(argc, argv, "livefilesrc_tracks", livefilesrc_tracks_suite, __FILE__);
}

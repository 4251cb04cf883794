// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of roommixer: a mixer whose frames are looked at, and participants of one
// colour and one tone.
#pragma once

#include "gst/ptr.h"

#include <gst/video/video.h>

#include "check.hpp"
#include "elements/stats.hpp"
#include "eventually.hpp"

namespace roommixer_test {

using namespace penstock;
using penstock_test::eventually;

/// Y'CbCr of BT.601, which frames of this height have.
struct Colour {
    int luma, blue, red;
};
inline constexpr Colour red{81, 90, 240}, green{145, 54, 34}, blue{41, 240, 110},
    background{35, 130, 127}, card{55, 131, 126};

inline std::string colour_word(const Colour &c) {
    return std::to_string(c.luma) + "," + std::to_string(c.blue) + "," + std::to_string(c.red);
}

struct Person {
    std::string title;
    std::string colour; ///< 0xffRRGGBB; empty: no video
    std::string size = "320,height=180";
    std::string volume; ///< of a tone; empty: no audio
    std::string tags;   ///< further ones, as ",keywords=(string)screen"
};

inline const Person ann{"Ann", "0xffff0000"}, bob{"Bob", "0xff00ff00"}, eve{"Eve", "0xff0000ff"};

/// A participant that is linked to the mixer. Its encoder makes keyframes when it is asked to.
struct Guest {
    GstPtr<GstElement> bin;
    GstPtr<GstPad> pad; ///< of the mixer

    GstPtr<GstElement> find(const char *name) const {
        return GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin.get()), name));
    }
};

/// 640x360, 10 frames a second.
class Room {
public:
    explicit Room(const std::string &properties = "") {
        GError *error = nullptr;
        const std::string line =
            "roommixer name=mixer width=640 height=360 framerate=10 latency=100000000 " +
            properties +
            " mixer.video ! fakesink name=video async=false sync=false signal-handoffs=true"
            " mixer.audio ! fakesink name=audio async=false sync=false signal-handoffs=true";
        pipeline_ = GstPtr<GstElement>::adopt(gst_parse_launch(line.c_str(), &error));
        fail_if(error, "%s", error ? error->message : "");
        bus_ = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
        mixer_ = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "mixer"));
        connect(
            "video", +[](GstElement *, GstBuffer *buffer, GstPad *, gpointer data) {
                auto *self = static_cast<Room *>(data);
                std::lock_guard lock(self->mutex_);
                self->frame_ = GstPtr<GstBuffer>::ref(buffer);
                ++self->frames_;
            });
        connect(
            "audio", +[](GstElement *, GstBuffer *buffer, GstPad *, gpointer data) {
                static_cast<Room *>(data)->hear(buffer);
            });
        gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    }
    ~Room() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
    Room(const Room &) = delete;
    Room &operator=(const Room &) = delete;

    GstElement *mixer() const { return mixer_.get(); }
    GstElement *pipeline() const { return pipeline_.get(); }

    Guest join(const Person &person) {
        std::string line = "flvlivemux name=mux ! valve name=valve ! taginject name=tags tags=\"" +
                           ("title=(string)\\\"" + person.title + "\\\"") + person.tags + "\"";
        if (!person.colour.empty())
            line += " videotestsrc name=camera is-live=true pattern=solid-color foreground-color=" +
                    person.colour +
                    " ! capsfilter name=size caps=video/x-raw,format=I420,width=" + person.size +
                    ",framerate=10/1 ! vp8enc deadline=1 keyframe-max-dist=100000 ! mux.video";
        if (!person.volume.empty())
            line += " audiotestsrc is-live=true volume=" + person.volume +
                    " ! audio/x-raw,rate=48000 ! opusenc ! mux.audio";
        return join_line(line);
    }
    /// The last element named `tags` has the source pad.
    Guest join_line(const std::string &line) {
        GError *error = nullptr;
        Guest guest;
        guest.bin =
            GstPtr<GstElement>::ref(gst_parse_bin_from_description(line.c_str(), FALSE, &error));
        fail_if(error, "%s", error ? error->message : "");
        const auto last = guest.find("tags");
        const auto out = GstPtr<GstPad>::adopt(gst_element_get_static_pad(last.get(), "src"));
        GstPad *ghost = gst_ghost_pad_new("src", out.get());
        gst_element_add_pad(guest.bin.get(), ghost);
        gst_bin_add(GST_BIN(pipeline_.get()), guest.bin.get());
        guest.pad = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(mixer_.get(), "sink_%u"));
        fail_unless(bool(guest.pad));
        fail_unless_equals_int(gst_pad_link(ghost, guest.pad.get()), GST_PAD_LINK_OK);
        gst_element_sync_state_with_parent(guest.bin.get());
        return guest;
    }
    /// As a source's pad goes that is linked by `a : b`: nobody releases the mixer's.
    void end(Guest &guest) {
        const auto out = GstPtr<GstPad>::adopt(gst_element_get_static_pad(guest.bin.get(), "src"));
        gst_pad_push_event(out.get(), gst_event_new_eos());
        remove(guest);
    }
    void leave(Guest &guest) {
        gst_element_release_request_pad(mixer_.get(), guest.pad.get());
        remove(guest);
    }

    /// How far the audio that came is ahead of the clock; ns, negative: behind.
    gint64 audio_lead() {
        const auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(pipeline_.get()));
        std::lock_guard lock(mutex_);
        return GST_CLOCK_DIFF(
            gst_clock_get_time(clock.get()) - gst_element_get_base_time(pipeline_.get()), next_);
    }
    unsigned frames() {
        std::lock_guard lock(mutex_);
        return frames_;
    }
    /// The colour at a place of the last frame.
    Colour at(int x, int y) {
        GstPtr<GstBuffer> buffer;
        {
            std::lock_guard lock(mutex_);
            buffer = frame_;
        }
        if (!buffer) return {0, 0, 0};
        GstVideoInfo info;
        gst_video_info_set_format(&info, GST_VIDEO_FORMAT_I420, 640, 360);
        GstVideoFrame frame;
        fail_unless(gst_video_frame_map(&frame, &info, buffer.get(), GST_MAP_READ));
        const auto value = [&](int plane, int by) {
            return int(static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(
                &frame, plane))[y / by * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane) + x / by]);
        };
        const Colour out{value(0, 1), value(1, 2), value(2, 2)};
        gst_video_frame_unmap(&frame);
        return out;
    }
    bool is(int x, int y, const Colour &wanted) {
        const Colour found = at(x, y);
        const auto near = [](int a, int b) { return std::abs(a - b) <= 10; };
        return near(found.luma, wanted.luma) && near(found.blue, wanted.blue) &&
               near(found.red, wanted.red);
    }
    /// Waits until all these places have their colours.
    void see(const std::vector<std::tuple<int, int, Colour>> &wanted) {
        const bool seen = eventually([&] {
            return std::all_of(wanted.begin(), wanted.end(), [&](const auto &one) {
                return is(std::get<0>(one), std::get<1>(one), std::get<2>(one));
            });
        });
        std::string found;
        for (const auto &[x, y, colour] : wanted)
            found += " " + std::to_string(x) + "," + std::to_string(y) + ": " +
                     colour_word(at(x, y)) + " for " + colour_word(colour);
        fail_unless(seen, "seen in place of what was wanted:%s", found.c_str());
    }
    /// The loudest sample of late.
    int loudness() {
        std::lock_guard lock(mutex_);
        return loudness_;
    }
    /// Buffers of audio that do not begin where the one before them ends.
    unsigned gaps() {
        std::lock_guard lock(mutex_);
        return gaps_;
    }
    unsigned sounds() {
        std::lock_guard lock(mutex_);
        return sounds_;
    }
    GstPtr<GstMessage> message(GstMessageType types) {
        auto got = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
            bus_.get(), 20 * GST_SECOND, GstMessageType(types | GST_MESSAGE_ERROR)));
        fail_unless(bool(got), "no message");
        fail_if(GST_MESSAGE_TYPE(got.get()) == GST_MESSAGE_ERROR, "an error");
        return got;
    }
    std::string warning() {
        const auto got = message(GST_MESSAGE_WARNING);
        GError *error = nullptr;
        gst_message_parse_warning(got.get(), &error, nullptr);
        const std::string text = error->message;
        g_error_free(error);
        return text;
    }
    void fail_on_errors() {
        while (const auto got = GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(
                   bus_.get(), GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING)))) {
            GError *error = nullptr;
            const bool warns = GST_MESSAGE_TYPE(got.get()) == GST_MESSAGE_WARNING;
            (warns ? gst_message_parse_warning : gst_message_parse_error)(got.get(), &error,
                                                                          nullptr);
            fail_unless(false, "%s", error->message);
        }
    }
    /// A field of an input's statistics, as text; empty if there is no such input.
    std::string stat_of(const Guest &guest, const char *field) {
        GstStructure *raw = nullptr;
        g_object_get(mixer_.get(), "stats", &raw, nullptr);
        const auto stats = GstPtr<GstStructure>::adopt(raw);
        const GValue *inputs = gst_structure_get_value(stats.get(), "inputs");
        for (guint i = 0; i < gst_value_array_get_size(inputs); ++i) {
            const auto *one = static_cast<const GstStructure *>(
                g_value_get_boxed(gst_value_array_get_value(inputs, i)));
            if (gst_structure_get_string(one, "pad") != std::string(GST_PAD_NAME(guest.pad.get())))
                continue;
            const GValue *value = gst_structure_get_value(one, field);
            fail_unless(value != nullptr, "no %s", field);
            if (G_VALUE_HOLDS_STRING(value)) return g_value_get_string(value);
            return GOwned<>(gst_value_serialize(value)).get();
        }
        return "";
    }
    /// Elements within the mixer, at any depth.
    size_t elements() {
        size_t count = 0;
        auto *iterator = gst_bin_iterate_recurse(GST_BIN(mixer_.get()));
        while (gst_iterator_foreach(
                   iterator, [](const GValue *, gpointer data) { ++*static_cast<size_t *>(data); },
                   &count) == GST_ITERATOR_RESYNC) {
            count = 0;
            gst_iterator_resync(iterator);
        }
        gst_iterator_free(iterator);
        return count;
    }

private:
    using Handoff = void (*)(GstElement *, GstBuffer *, GstPad *, gpointer);

    void connect(const char *name, Handoff handoff) {
        const auto sink =
            GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
        g_signal_connect(sink.get(), "handoff", G_CALLBACK(handoff), this);
    }
    void remove(Guest &guest) {
        gst_element_set_state(guest.bin.get(), GST_STATE_NULL);
        gst_bin_remove(GST_BIN(pipeline_.get()), guest.bin.get());
        guest.pad.reset();
    }
    void hear(GstBuffer *buffer) {
        GstMapInfo map;
        fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
        const auto *samples = reinterpret_cast<const gint16 *>(map.data);
        int most = 0;
        for (gsize i = 0; i < map.size / 2; ++i)
            most = std::max(most, std::abs(int(samples[i])));
        gst_buffer_unmap(buffer, &map);
        std::lock_guard lock(mutex_);
        loudness_ = most;
        ++sounds_;
        const GstClockTime begin = GST_BUFFER_PTS(buffer);
        if (next_ != GST_CLOCK_TIME_NONE && begin != next_) ++gaps_;
        next_ = begin + GST_BUFFER_DURATION(buffer);
    }

    GstPtr<GstElement> pipeline_, mixer_;
    GstPtr<GstBus> bus_;
    std::mutex mutex_;
    GstPtr<GstBuffer> frame_;
    unsigned frames_ = 0, sounds_ = 0, gaps_ = 0;
    int loudness_ = 0;
    GstClockTime next_ = GST_CLOCK_TIME_NONE;
};

} // namespace roommixer_test

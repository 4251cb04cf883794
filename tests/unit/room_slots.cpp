// SPDX-License-Identifier: LGPL-2.1-or-later
// Who gets a slot, and which layer of simulcast it has.
#include "core/rtc/room/layers.h"
#include "core/rtc/room/slots.h"

#include "check.hpp"

using namespace penstock::rtc::room;

namespace {

using Numbers = std::vector<uint64_t>;

Numbers numbers(const std::vector<SceneTrack> &tracks) {
    Numbers out;
    for (const SceneTrack &track : tracks)
        out.push_back(track.track);
    return out;
}

/// Participants 1 to 5 with cameras 10, 20, …, of which the third has a screen, too.
Scene scene() {
    Scene out;
    for (uint32_t i = 1; i <= 5; ++i) {
        out.push_back({i * 10, i, SourceKind::camera, 0});
        out.push_back({i * 10 + 1, i, SourceKind::microphone, 0});
        if (i == 3) out.push_back({32, 3, SourceKind::screen, 0});
    }
    return out;
}

void speak(Scene &scene, uint32_t who, uint64_t turn) {
    for (SceneTrack &track : scene)
        if (track.participant == who) track.turn = turn;
}

} // namespace

GST_START_TEST(test_order) {
    Scene all = scene();
    fail_unless(numbers(wanted_video(all, 1, {})) == Numbers({32, 20, 30, 40, 50}));
    const std::vector<uint32_t> pinned{5};
    fail_unless(numbers(wanted_video(all, 1, pinned)) == Numbers({32, 50, 20, 30, 40}));
    speak(all, 4, 1);
    speak(all, 2, 2);
    fail_unless(numbers(wanted_video(all, 1, pinned)) == Numbers({32, 50, 20, 40, 30}));
    fail_unless(numbers(wanted_audio(all, 1)) == Numbers({21, 41, 31, 51}));
}
GST_END_TEST

GST_START_TEST(test_assignment) {
    Scene all = scene();
    std::vector<std::optional<uint64_t>> slots(3);
    assign(wanted_video(all, 1, {}), slots);
    fail_unless(slots == (std::vector<std::optional<uint64_t>>{32, 20, 30}));
    // Who speaks takes the place of the one who never did; the others stay where they are.
    speak(all, 5, 1);
    assign(wanted_video(all, 1, {}), slots);
    fail_unless(slots == (std::vector<std::optional<uint64_t>>{32, 20, 50}));
    // Who has a slot and speaks changes nothing.
    speak(all, 2, 2);
    assign(wanted_video(all, 1, {}), slots);
    fail_unless(slots == (std::vector<std::optional<uint64_t>>{32, 20, 50}));
    std::erase_if(all, [](const SceneTrack &track) { return track.participant == 2; });
    assign(wanted_video(all, 1, {}), slots);
    fail_unless(slots == (std::vector<std::optional<uint64_t>>{32, 30, 50}));
    assign({}, slots);
    fail_unless(slots == (std::vector<std::optional<uint64_t>>(3)));
}
GST_END_TEST

GST_START_TEST(test_layers) {
    const std::vector<LayerFacts> camera{
        {true, 1'500'000, 1280, 720}, {true, 150'000, 320, 180}, {true, 500'000, 640, 360}};
    const auto choose = [&](std::vector<LayerDemand> demands, uint64_t budget) {
        return choose_layers(demands, budget);
    };
    using Layers = std::vector<std::optional<uint8_t>>;
    const LayerDemand large{camera, 1280, 720, {}}, small{camera, 300, 170, {}},
        hidden{camera, 0, 0, {}};
    // As large as it is shown, and no larger.
    fail_unless(choose({large, small, hidden}, 100'000'000) == (Layers{0, 1, std::nullopt}));
    fail_unless_equals_int(wanted_bitrate(std::vector{large, small, hidden}), 1'650'000);
    // All get something before one gets more.
    fail_unless(choose({large, large, large}, 700'000) == (Layers{1, 1, 1}));
    fail_unless(choose({large, large, large}, 1'000'000) == (Layers{2, 1, 1}));
    fail_unless(choose({large, large, large}, 2'500'000) == (Layers{2, 2, 2}));
    // The first gets one in any case, the last ones none.
    fail_unless(choose({large, large, large}, 0) == (Layers{1, std::nullopt, std::nullopt}));
    fail_unless(choose({large, large, large}, 320'000) == (Layers{1, 1, std::nullopt}));
    // A layer is kept at a budget that is too small to rise to it.
    fail_unless(choose({large}, 1'550'000) == Layers{2});
    LayerDemand kept = large;
    kept.current = 0;
    fail_unless(choose({kept}, 1'550'000) == Layers{0});
    fail_unless(choose({kept}, 1'450'000) == Layers{2});
    // One that pauses does not count; without sizes the bitrates do.
    std::vector<LayerFacts> paused = camera;
    paused[0].is_active = false;
    fail_unless(choose({{paused, 1280, 720, {}}}, 10'000'000) == Layers{2});
    const std::vector<LayerFacts> unknown{{true, 900'000, 0, 0}, {true, 100'000, 0, 0}};
    fail_unless(choose({{unknown, 1280, 720, {}}}, 500'000) == Layers{1});
    fail_unless(choose({{unknown, 1280, 720, {}}}, 5'000'000) == Layers{0});
    fail_unless(choose({{unknown, 320, 180, {}}}, 5'000'000) == Layers{1});
    std::vector<LayerFacts> half = camera; // the smallest has shown no keyframe yet
    half[1].width = half[1].height = 0;
    fail_unless(choose({{half, 320, 180, {}}}, 5'000'000) == Layers{1});
    fail_unless(choose({{{}, 1280, 720, {}}}, 5'000'000) == Layers{std::nullopt});
}
GST_END_TEST

static Suite *room_slots_suite() {
    Suite *s = suite_create("room_slots");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_order);
    tcase_add_test(tc, test_assignment);
    tcase_add_test(tc, test_layers);
    return s;
}
GST_CHECK_MAIN(room_slots)

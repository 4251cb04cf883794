// SPDX-License-Identifier: LGPL-2.1-or-later
// The subtitles of a presentation.
#include "core/hls/presentation.h"

#include <algorithm>
#include <utility>

namespace penstock::hls {

std::optional<size_t> Presentation::declare_text(const std::string &name) {
    if (is_single()) return std::nullopt;
    const auto known = std::find_if(texts_.begin(), texts_.end(),
                                    [&](const Text &text) { return text.name == name; });
    const auto id = static_cast<size_t>(known - texts_.begin());
    if (known != texts_.end()) {
        known->is_removed = known->has_ended = false;
    } else {
        Subtitles::Options options;
        options.has_parts = options_.segmenter.part_duration > 0;
        options.realtime = options_.segmenter.realtime;
        options.monotonic_clock = options_.segmenter.monotonic_clock;
        Slot slot;
        slot.text = std::make_unique<Subtitles>(std::move(options));
        texts_.push_back({name, slots_.size()});
        slots_.push_back(std::move(slot));
        set_text_about(id, {});
    }
    update_expected();
    return id;
}

void Presentation::set_text_about(size_t text, About about) {
    about.name = texts_[text].name;
    subtitles(text).set_about(std::move(about));
}

void Presentation::add_text(size_t text, webvtt::Cue cue) {
    texts_[text].has_ended = false;
    ++samples_;
    Subtitles &subtitles = this->subtitles(text);
    const bool has_lost = subtitles.dropped() > 0;
    undeclared_ += !subtitles.add(std::move(cue));
    if (!has_lost && subtitles.dropped() > 0)
        warnings_.push_back(texts_[text].name +
                            " is far ahead of the media: its oldest cues are dropped");
    pump();
}

void Presentation::gap_text(size_t text, int64_t time) {
    subtitles(text).gap(time);
    pump();
}

void Presentation::end_text(size_t text) {
    texts_[text].has_ended = true;
    subtitles(text).end();
    pump();
}

/// Its playlist goes on, without cues: players don't look for another.
void Presentation::remove_text(size_t text) {
    texts_[text].is_removed = true;
    end_text(text);
}

} // namespace penstock::hls

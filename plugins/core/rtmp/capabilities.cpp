// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/capabilities.h"

#include <algorithm>
#include <array>
#include <string>

namespace penstock::rtmp {
namespace {

using flv::fourcc;
using flv::TagType;

constexpr size_t max_codecs = 64;
// Bits of the values of an info map.
constexpr uint32_t can_decode = 1, can_forward = 4;
constexpr uint32_t our_caps_ex =
    caps_ex::reconnect | caps_ex::multitrack | caps_ex::mod_ex | caps_ex::nano_offset;

constexpr std::array<const char *, 6> video_codecs{"avc1", "hvc1", "av01", "vp09", "vp08", "vvc1"};
constexpr std::array<const char *, 6> audio_codecs{"mp4a", "Opus", "ac-3", "ec-3", "fLaC", ".mp3"};

uint32_t code_of(std::string_view name) {
    uint32_t code = 0;
    for (const char c : name)
        code = code << 8 | static_cast<uint8_t>(c);
    return code;
}

bool is_audio(uint32_t codec) {
    return std::any_of(audio_codecs.begin(), audio_codecs.end(),
                       [codec](std::string_view name) { return code_of(name) == codec; });
}

void add(Capabilities::Codecs &codecs, std::string_view name) {
    codecs.announced = true;
    if (name == "*")
        codecs.any = true;
    else if (name.size() == 4 && codecs.list.size() < max_codecs)
        codecs.list.push_back(code_of(name));
}

void read_map(const amf::Value *map, Capabilities::Codecs &codecs) {
    if (!map || (!map->is(amf::Type::object) && !map->is(amf::Type::ecma_array))) return;
    codecs = {}; // more precise than fourCcList
    codecs.announced = true;
    for (const amf::Property &entry : map->properties) {
        const amf::Value &value = entry.value;
        if (!value.is(amf::Type::number) || !(value.number >= 0 && value.number <= 0xFFFF))
            continue;
        if (static_cast<uint32_t>(value.number) & (can_decode | can_forward))
            add(codecs, entry.name);
    }
}

amf::Value map_of(const std::array<const char *, 6> &names) {
    amf::Value map = amf::object({});
    for (const char *name : names)
        map.properties.push_back({name, amf::number(can_forward)});
    return map;
}

} // namespace

bool Capabilities::receives(TagType type, uint32_t codec) const {
    const Codecs &codecs = type == TagType::audio ? audio : video;
    if (!codecs.announced || codecs.any || codec == 0) return true;
    const bool has_list_form =
        type == TagType::audio
            ? is_audio(codec)
            : std::any_of(video_codecs.begin(), video_codecs.end(),
                          [codec](std::string_view name) { return code_of(name) == codec; });
    const bool has_legacy_form =
        codec == fourcc("avc1") || codec == fourcc("mp4a") || codec == fourcc(".mp3");
    if (!has_list_form || has_legacy_form) return true;
    return std::find(codecs.list.begin(), codecs.list.end(), codec) != codecs.list.end();
}

Capabilities read_capabilities(const amf::Value &object) {
    Capabilities found;
    if (const amf::Value *list = object.find("fourCcList");
        list && list->is(amf::Type::strict_array))
        for (const amf::Value &item : list->items) {
            if (!item.is(amf::Type::string)) continue;
            if (item.text == "*") {
                add(found.video, item.text);
                add(found.audio, item.text);
            } else if (item.text.size() == 4) {
                add(is_audio(code_of(item.text)) ? found.audio : found.video, item.text);
            }
        }
    read_map(object.find("videoFourCcInfoMap"), found.video);
    read_map(object.find("audioFourCcInfoMap"), found.audio);
    if (const amf::Value *bits = object.find("capsEx");
        bits && bits->is(amf::Type::number) && bits->number >= 0 && bits->number <= 0xFFFFFF)
        found.caps_ex = static_cast<uint32_t>(bits->number);
    return found;
}

void add_capabilities(amf::Value &object) {
    amf::Value list;
    list.type = amf::Type::strict_array;
    for (const auto *names : {&video_codecs, &audio_codecs})
        for (const char *name : *names)
            list.items.push_back(amf::string(name));
    object.properties.push_back({"fourCcList", std::move(list)});
    object.properties.push_back({"videoFourCcInfoMap", map_of(video_codecs)});
    object.properties.push_back({"audioFourCcInfoMap", map_of(audio_codecs)});
    object.properties.push_back({"capsEx", amf::number(our_caps_ex)});
}

} // namespace penstock::rtmp

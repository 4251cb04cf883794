// SPDX-License-Identifier: LGPL-2.1-or-later
// Any text as WebVTT, as plain text, as markup. Laws: what comes out is cue text, of which a
// segment can be made that reads the same.
#include "core/webvtt/cue.h"

#include "core/id3/tag.h"
#include "fuzz/law.h"

#include <string>

using namespace penstock;
using namespace penstock::webvtt;

namespace {

void check_text(const std::string &text) {
    fuzz::law(text.size() <= longest_text + 8, "text is bounded");
    fuzz::law(text.find("\n\n") == text.npos && text.find('\r') == text.npos &&
                  text.find('\0') == text.npos && !text.starts_with('\n') && !text.ends_with('\n'),
              "no line is empty");
    fuzz::law(text.find("-->") == text.npos, "a text has no times");
}

void check_segment(const std::vector<Cue> &cues) {
    const Bytes segment = write(cues, 0, 0);
    std::vector<Cue> back;
    fuzz::law(parse({reinterpret_cast<const char *>(segment.data()), segment.size()}, back).is_ok(),
              "a segment can be read");
    fuzz::law(back == cues, "and says the same");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    std::vector<Cue> cues;
    const Result result = parse(text, cues);
    fuzz::law(result.is_ok() || !result.reason().empty(), "an error has a reason");
    for (const Cue &cue : cues) {
        check_text(cue.text);
        fuzz::law(cue.begin >= 0 && cue.end >= 0 && cue.id.size() <= longest_line &&
                      cue.settings.size() <= longest_line,
                  "a cue is bounded");
    }
    check_segment(cues);
    const Cue block = parse_block(text);
    check_text(block.text);
    for (const std::string &made : {from_plain(text), from_markup(text), block.text}) {
        check_text(made);
        if (!made.empty()) check_segment({{0, 1'000'000, "", "", made}});
    }
    for (const std::string &made : {from_plain(text)})
        fuzz::law(made.find('<') == made.npos, "plain text has no element");
    id3::is_tag(ByteView(data, size));
    const id3::Text frame{"TIT2", text};
    fuzz::law(id3::is_tag(id3::make_tag(std::span(&frame, 1))), "a tag is one");
    return 0;
}

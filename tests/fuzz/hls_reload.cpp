// SPDX-License-Identifier: LGPL-2.1-or-later
// Any query of a playlist request, at any edge. Laws: directives that are taken are those of the
// query; what waits is not there yet, and is at most two segments away.
#include "core/playlist/reload.h"

#include "core/bytes/reader.h"
#include "fuzz/law.h"

using namespace penstock;
using namespace penstock::playlist;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Reader in(ByteView(data, size));
    Edge edge;
    const uint8_t flags = in.u8();
    edge.next = flags & 1 ? in.u64() : in.u8();
    edge.parts = in.u8();
    edge.last_parts = in.u8();
    edge.part_target = flags & 2 ? 0 : int64_t(1 + in.u16()) * 1'000'000;
    edge.ended = flags & 4;
    const ByteView rest = in.rest();
    const std::string_view query(reinterpret_cast<const char *>(rest.data()), rest.size());
    Directives directives;
    const Result result = parse_directives(query, directives);
    fuzz::law(result.is_ok() || (directives == Directives() && !result.reason().empty()),
              "an error changes nothing and has a reason");
    if (!result.is_ok()) return 0;
    fuzz::law(!directives.part || directives.sequence, "no part without its segment");
    fuzz::law(!directives.sequence || query.find("_HLS_msn=") != query.npos, "no invented number");
    const Decision decision = decide(directives, edge);
    if (decision.action != Decision::Action::wait) return 0;
    fuzz::law(!edge.ended && directives.sequence == decision.moment.sequence, "waits for its own");
    fuzz::law(!has_come(decision.moment, edge), "what is there is not waited for");
    fuzz::law(decision.moment.sequence + 1 == edge.next || decision.moment.sequence - edge.next < 2,
              "nothing far away is waited for");
    return 0;
}

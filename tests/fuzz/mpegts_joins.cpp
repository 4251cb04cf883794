// SPDX-License-Identifier: LGPL-2.1-or-later
// A transport stream from the network, cut by its first byte. Laws: however it is cut, the same
// packets come out, each with its sync byte, and no byte is lost uncounted; of tables little is
// kept; messages for viewers are whole packets.
#include "core/fanout/ts_feed.h"
#include "core/mpegts/aligner.h"
#include "core/mpegts/joins.h"

#include "fuzz/law.h"

#include <algorithm>
#include <vector>

using namespace penstock;
using fuzz::law;
using mpegts::packet_size;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const size_t cut = 1 + data[0];
    const ByteView input(data + 1, size - 1);

    mpegts::Aligner whole, pieces;
    std::vector<uint8_t> at_once, in_pieces;
    whole.push(input, at_once);
    for (size_t at = 0; at < input.size(); at += cut)
        pieces.push(input.subspan(at, std::min(cut, input.size() - at)), in_pieces);
    law(at_once == in_pieces, "cuts change nothing");
    law(whole.skipped() == pieces.skipped(), "nor what is skipped");
    law(at_once.size() % packet_size == 0, "packets are whole");
    law(at_once.size() + whole.skipped() <= input.size(), "nothing is made up");
    law(at_once.size() + whole.skipped() + 2 * packet_size > input.size(), "little is kept");

    mpegts::JoinFinder finder;
    for (size_t at = 0; at < at_once.size(); at += packet_size) {
        law(at_once[at] == mpegts::sync_byte, "a packet has its sync byte");
        finder.take(ByteView(at_once).subspan(at, packet_size));
    }
    law(finder.tables().size() <= 2 * 16 * packet_size, "little is kept of tables");
    law(finder.tables().size() % packet_size == 0, "tables are whole packets");

    constexpr size_t message = 7 * packet_size;
    fanout::Ring ring;
    fanout::TsFeed feed(ring, message);
    feed.restart({});
    for (size_t at = 0; at < input.size(); at += cut)
        feed.append(input.subspan(at, std::min(cut, input.size() - at)), at);
    fanout::Cursor cursor;
    std::vector<fanout::PacketPtr> packets;
    ring.settle(cursor, fanout::Join::burst, fanout::Slow::skip, packets);
    for (const auto &packet : packets)
        for (const ByteView piece : packet->pieces)
            law(piece.size() % packet_size == 0 && !piece.empty() && piece.size() <= message,
                "a message is whole packets");
    return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// The bodies of RTCP packets, between rtcp.cpp and the files of each kind.
#pragma once

#include "core/bytes/reader.h"
#include "core/rtp/rtcp.h"

namespace penstock::rtp::rtcp {

/// Packet types; RFC 3550, 12.1, and RFC 4585, 6.1.
inline constexpr uint8_t type_sender_report = 200, type_receiver_report = 201,
                         type_description = 202, type_goodbye = 203, type_transport = 205,
                         type_payload = 206;
/// Formats of feedback, which stand where other types have a count.
inline constexpr uint8_t format_nack = 1, format_transport_feedback = 15;
inline constexpr uint8_t format_picture_loss = 1, format_intra_request = 4, format_application = 15;
inline constexpr uint32_t estimate_name = 0x52454D42; ///< "REMB"

// Each reads what follows the 4 bytes of header and is false if that is malformed. `count` is the
// header's.
bool read(Reader &in, size_t count, SenderReport &out);
bool read(Reader &in, size_t count, ReceiverReport &out);
bool read(Reader &in, size_t count, SourceDescription &out);
bool read(Reader &in, size_t count, Goodbye &out);
bool read(Reader &in, size_t count, Nack &out);
bool read(Reader &in, size_t count, PictureLoss &out);
bool read(Reader &in, size_t count, FullIntraRequest &out);
bool read(Reader &in, size_t count, ReceiverEstimate &out);
bool read(Reader &in, size_t count, TransportFeedback &out);

/// What write_body() says about the header.
struct Head {
    uint8_t type = 0;
    size_t count = 0; ///< or format
};
// Each appends what follows the header, a multiple of 4 bytes. Empty, with anything appended, if
// that can't be expressed.
std::optional<Head> write_body(const SenderReport &packet, Writer &out);
std::optional<Head> write_body(const ReceiverReport &packet, Writer &out);
std::optional<Head> write_body(const SourceDescription &packet, Writer &out);
std::optional<Head> write_body(const Goodbye &packet, Writer &out);
std::optional<Head> write_body(const Nack &packet, Writer &out);
std::optional<Head> write_body(const PictureLoss &packet, Writer &out);
std::optional<Head> write_body(const FullIntraRequest &packet, Writer &out);
std::optional<Head> write_body(const ReceiverEstimate &packet, Writer &out);
std::optional<Head> write_body(const TransportFeedback &packet, Writer &out);

} // namespace penstock::rtp::rtcp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/video_units.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace penstock::mpegts {
namespace {

using codec::NalKind;

/// So many packets in a row with one unit each make it likely that the next one is like them.
constexpr unsigned trusted_packets = 30;
constexpr size_t long_packet = 65'000; // bytes, of at most 65,535
/// The most NAL units of a frame that are looked at.
constexpr size_t max_nals = 4096;

/// Behind a start code at the beginning; 0: there is none.
size_t behind_start_code(ByteView bytes) {
    size_t zeros = 0;
    while (zeros < bytes.size() && bytes[zeros] == 0)
        ++zeros;
    return zeros >= 2 && zeros < bytes.size() && bytes[zeros] == 1 ? zeros + 1 : 0;
}

bool is_slice(NalKind kind) {
    return kind == NalKind::slice || kind == NalKind::entry;
}

} // namespace

void VideoUnits::begin(const PesHeader &header) {
    header_ = header;
    is_start_ = true;
    is_skipping_ = false;
}

/// What the first bytes of a PES packet are.
VideoUnits::Start VideoUnits::start_of(ByteView bytes) const {
    if (!header_.pts) return Start::same_unit;
    const size_t at = behind_start_code(bytes);
    // The rest of a unit may be in front of the delimiter to which the timestamps belong.
    if (at == 0) return has_delimiters_ ? Start::unknown : Start::new_unit;
    if (at >= bytes.size() || bytes_.empty() || header_.pts != stamps_.pts) return Start::new_unit;
    const ByteView nal = bytes.subspan(at);
    if (codec::nal_kind(codec_, nal) == NalKind::delimiter) return Start::new_unit;
    // Some send each slice, or what is in front of the slices, in a packet of its own.
    codec::NalScan scan;
    codec::note_nal(codec_, nal, scan);
    const bool continues = !has_slices_ || (scan.slices && !scan.begins_picture);
    return continues ? Start::same_unit : Start::new_unit;
}

void VideoUnits::data(ByteView bytes, std::vector<Whole> &out) {
    if (is_skipping_) return;
    if (std::exchange(is_start_, false)) {
        const Start start = start_of(bytes);
        whole_packets_ = start == Start::new_unit ? whole_packets_ + 1 : 0;
        switch (start) {
        case Start::new_unit:
            finish(out);
            stamps_ = header_;
            is_pending_ = is_waiting_ = false;
            break;
        case Start::same_unit:
            if (bytes_.empty()) is_waiting_ = true; // its beginning is not there
            break;
        case Start::unknown:
            is_pending_ = true;
            if (bytes_.empty()) is_waiting_ = true;
            break;
        }
    }
    if (!append(bytes)) {
        ++counters_.overflows;
        drop();
        is_skipping_ = true;
        return;
    }
    scan(out);
}

bool VideoUnits::append(ByteView bytes) {
    if (bytes.size() > max_unit_ - bytes_.size() || bytes.size() > kept_.limit - kept_.used)
        return false;
    if (bytes_.capacity() == 0) bytes_.reserve(usual_);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    kept_.used += bytes.size();
    return true;
}

/// Looks at the NAL units that begin in the bytes that are new.
void VideoUnits::scan(std::vector<Whole> &out) {
    // A start code, and one byte behind it.
    while (bytes_.size() >= 4 && scanned_ < bytes_.size() - 1) {
        const size_t from = std::max<size_t>(scanned_, 2);
        if (from >= bytes_.size() - 1) return;
        const void *one = std::memchr(bytes_.data() + from, 1, bytes_.size() - 1 - from);
        if (!one) {
            scanned_ = bytes_.size() - 1;
            return;
        }
        const auto at = static_cast<size_t>(static_cast<const uint8_t *>(one) - bytes_.data());
        scanned_ = at + 1;
        if (bytes_[at - 1] != 0 || bytes_[at - 2] != 0) continue;
        const NalKind kind = codec::nal_kind(codec_, ByteView(bytes_).subspan(at + 1));
        if (kind == NalKind::delimiter) {
            has_delimiters_ = true;
            const size_t begin = at - 2 - (at > 2 && bytes_[at - 3] == 0 ? 1 : 0);
            if (begin > 0 && (has_slices_ || is_waiting_)) {
                cut(begin, out);
                continue;
            }
            if (std::exchange(is_pending_, false)) stamps_ = header_;
            is_waiting_ = false;
        }
        has_slices_ = has_slices_ || is_slice(kind);
        if (nals_.size() < max_nals) nals_.push_back(static_cast<uint32_t>(at + 1));
    }
}

/// Ends the unit in front of a delimiter.
void VideoUnits::cut(size_t at, std::vector<Whole> &out) {
    std::vector<uint8_t> rest(bytes_.begin() + static_cast<ptrdiff_t>(at), bytes_.end());
    kept_.used -= rest.size();
    bytes_.resize(at);
    if (std::exchange(is_waiting_, false))
        drop();
    else
        finish(out);
    bytes_ = std::move(rest);
    kept_.used += bytes_.size();
    stamps_ = std::exchange(is_pending_, false) ? header_ : PesHeader();
}

void VideoUnits::end(std::vector<Whole> &out) {
    // A unit may go on in the next packet: nothing tells this before it comes, but senders that do
    // so do it often, or where a packet could be no longer.
    if (whole_packets_ >= trusted_packets && header_.length < long_packet && has_slices_)
        finish(out);
}

void VideoUnits::lose() {
    if (!bytes_.empty()) ++counters_.dropped;
    drop();
    is_skipping_ = true;
    is_pending_ = is_waiting_ = is_start_ = false;
}

void VideoUnits::finish(std::vector<Whole> &out) {
    if (bytes_.empty()) return;
    if (is_waiting_ || nals_.empty()) {
        ++counters_.dropped;
        drop();
        return;
    }
    usual_ = std::clamp<size_t>(bytes_.size() + bytes_.size() / 4, usual_ / 2, max_unit_);
    kept_.used -= bytes_.size();
    out.push_back({std::move(bytes_), stamps_, std::move(nals_)});
    bytes_.clear();
    nals_.clear();
    scanned_ = 0;
    has_slices_ = false;
}

void VideoUnits::drop() {
    kept_.used -= bytes_.size();
    bytes_.clear();
    nals_.clear();
    scanned_ = 0;
    has_slices_ = false;
}

} // namespace penstock::mpegts

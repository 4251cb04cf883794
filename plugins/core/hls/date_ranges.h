// SPDX-License-Identifier: LGPL-2.1-or-later
// The date ranges of a producer's stream: those that splice commands make (RFC 8216, 4.3.2.7.1),
// and an application's own.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"
#include "core/playlist/playlist.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::scte35 {
struct Section;
}

namespace penstock::hls {

using DateRangeList = std::vector<playlist::DateRange>;

/// A range that an application begins or ends.
struct RangeMark {
    std::string id, class_name;
    int64_t time = 0;                         ///< ns, where it begins
    std::optional<int64_t> duration, planned; ///< ns
    bool is_end = false; ///< the range of this id, which is open, ends at `time`
    std::vector<std::pair<std::string, std::string>> attributes;
};

/// All times are the tracks'; ns. Not thread-safe.
///
/// A splice out and the splice in of the same event are one range, said by two tags: the first says
/// the planned duration, the second the end. A command that is sent again changes nothing. A break
/// with auto_return ends when the stream has come there. A cancelled one that has not begun goes.
class DateRanges {
public:
    /// Tags in the playlist at most; the oldest go first.
    static constexpr size_t max_tags = 32;

    /// `time`: of the splice; absent: `now`. Errors: an invalid section, a time above 18 years.
    Result add_section(const Bytes &section, std::optional<int64_t> time, int64_t now);
    /// Errors: no id, that of an earlier range, a time or duration above 18 years, an attribute's
    /// name that is not of an application.
    Result add_mark(RangeMark mark);

    /// Makes tags of what has been added, as soon as dates are known. `date`: ns since 1970 of a
    /// time, empty while that is not known. `position`: how far the stream has come.
    void resolve(const std::function<std::optional<int64_t>(int64_t)> &date, int64_t position);
    /// Null until there is one. Another pointer whenever it changes.
    const std::shared_ptr<const DateRangeList> &list() const { return list_; }
    /// Takes the next time at which a segment should begin.
    std::optional<int64_t> take_cut();

private:
    enum class What : uint8_t { out, in, command, mark, cancel };
    struct Added {
        What what = What::command;
        std::string key; ///< of its range
        int64_t time = 0;
        std::optional<int64_t> planned; ///< ns
        bool has_time = false;          ///< of its own: not that of its arrival
        bool auto_return = false;
        std::vector<uint8_t> section;
        RangeMark mark;
    };
    struct Open {
        std::string key;
        playlist::DateRange tag;
        int64_t begin = 0;
        std::optional<int64_t> return_at; ///< it ends there by itself
    };

    struct Seen {
        std::string name; ///< a command: of its range, and the section's bytes; a mark: its id
        int64_t time = 0;
    };

    void add_splice(const scte35::Section &section, Added added);
    void add(Added added);
    void apply(const Added &added, int64_t date, int64_t position);
    void open(const Added &added, int64_t date);
    void close(const std::string &key, int64_t date, const std::vector<uint8_t> &section);
    bool has_id(const std::string &id) const;
    void append(playlist::DateRange tag);

    std::deque<Added> added_;
    std::deque<int64_t> cuts_;
    std::vector<Open> open_;
    std::deque<Seen> seen_;  ///< commands that were applied
    std::deque<Seen> marks_; ///< that begin a range
    std::shared_ptr<const DateRangeList> list_;
};

} // namespace penstock::hls

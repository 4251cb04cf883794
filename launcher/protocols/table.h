// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of protocols. It starts with those of this folder; a test or an application may add
// others at run time.
#pragma once

#include "protocols/protocol.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::protocols {

/// All protocols in table order. Callable from any thread.
std::vector<std::shared_ptr<const Protocol>> all();

/// Keeps a protocol in the table until destroyed. It must outlive every description, supervisor and
/// receiver that uses the protocol. Callable from any thread.
class Registration {
public:
    explicit Registration(Protocol protocol);
    ~Registration();
    Registration(const Registration &) = delete;
    Registration &operator=(const Registration &) = delete;

private:
    std::shared_ptr<const Protocol> protocol_;
};

/// Finds the first protocol by its name or by a scheme. Returns nullptr if there is none.
const Protocol *find_protocol(std::string_view name);
const Protocol *find_scheme(std::string_view scheme);
/// Finds the protocol of a URL: of those that share its scheme, the one that the end of its path
/// tells ("…/index.m3u8"), else the first. Returns nullptr if there is none.
const Protocol *find_url(std::string_view url);
/// The protocol that serves the viewers' page.
const Protocol &page_protocol();

struct FoundElement {
    const Protocol *protocol = nullptr;
    const ElementUse *use = nullptr;
    explicit operator bool() const { return use != nullptr; }
};
/// Finds the protocol of an element without regard to its pipeline.
FoundElement find_element(std::string_view factory);
/// Finds the protocol of an element in a pipeline; `has` tells whether the pipeline contains an
/// element.
FoundElement find_element(std::string_view factory,
                          const std::function<bool(std::string_view factory)> &has);
/// The factories that satisfy `wanted`, without duplicates.
std::vector<std::string> factories(const std::function<bool(const ElementUse &)> &wanted);

/// The URL prefixes ("rtmp://") that the `match` of a publish rule or of a play rule may have.
std::vector<std::string> match_prefixes(Use use);
/// The ends of which a `match` with this prefix has to have one; an empty one: as it likes.
std::vector<std::string> match_suffixes(std::string_view prefix, Use use);
/// The protocol's objection to the `match` of a rule; empty if there is none.
std::string misfit_of_match(std::string_view match, Use use);
/// An example for a `match`: of the first protocol that has one, of those with this scheme if there
/// are any.
std::string example_match(Use use, std::string_view scheme = {});
std::string sample_url();

/// The port of a URL that gives none: that of its scheme, or of the protocol's first scheme.
uint16_t default_port(const Protocol &protocol, std::string_view url);
/// The same for any URL; 0 if its scheme is unknown.
uint16_t default_port(std::string_view url);
/// Whether the URL begins with a scheme of the protocol.
bool has_scheme(const Protocol &protocol, std::string_view url);

/// The stream's name in a path without its leading slash: "live/cam" of "live/cam/index.m3u8".
std::string stream_name(const Protocol &protocol, std::string_view path);

/// A reader and its protocol.
struct FoundReader {
    std::shared_ptr<const Protocol> protocol;
    const Reader *reader = nullptr;
    explicit operator bool() const { return reader != nullptr; }
};
std::vector<FoundReader> all_readers();
/// The protocol that a reader belongs to.
const Protocol &owner_of(const Reader &reader);
/// The protocol's reader for a URL; nullptr if no suffix matches.
const Reader *find_reader(const Protocol &protocol, std::string_view url);
bool set_url(const Protocol &protocol, GstElement *source, const std::string &url,
             std::string *error);
std::vector<UrlLine> url_lines(const Protocol &protocol, const Place &place);

} // namespace penstock::protocols

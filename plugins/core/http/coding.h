// SPDX-License-Identifier: LGPL-2.1-or-later
// Content codings that a client accepts (RFC 9110, section 12.5.3). Thread-safe.
#pragma once

#include <string_view>

namespace penstock::http {

/// Whether an Accept-Encoding header allows gzip: it or "*" is listed, and not with q=0.
bool accepts_gzip(std::string_view accept_encoding);

} // namespace penstock::http

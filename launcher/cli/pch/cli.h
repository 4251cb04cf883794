// SPDX-License-Identifier: LGPL-2.1-or-later
// Precompiled for the command: what its files include and takes long to parse.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <gst/gst.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

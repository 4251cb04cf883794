// SPDX-License-Identifier: LGPL-2.1-or-later
// Verifies that each header of this folder compiles on its own.
#include "core/bytes/bytes.h"
#include "core/bytes/join.h"
#include "core/bytes/markup.h"
#include "core/bytes/reader.h"
#include "core/bytes/result.h"
#include "core/bytes/writer.h"

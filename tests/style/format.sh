#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Checks that the C++ sources are formatted by clang-format 14. format.sh SOURCE_ROOT
set -eu
cd "$1"
tool=$(command -v clang-format-14 || command -v clang-format || true)
case $([ -z "$tool" ] || "$tool" --version) in
*"version 14."*) ;;
*)
    echo "clang-format 14 is not here; other versions format differently"
    exit 77
    ;;
esac
find plugins launcher tests -name node_modules -prune -o \
    \( -name '*.cpp' -o -name '*.h' -o -name '*.hpp' \) -print0 |
    xargs -0 "$tool" --dry-run -Werror

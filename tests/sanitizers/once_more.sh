#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Repeats a test once if LeakSanitizer itself failed: its tracer may crash when a thread ends during
# the check, which is unrelated to the test.
errors=$(mktemp) || exit
trap 'rm -f "$errors"' EXIT
"$@" 2>"$errors"
result=$?
cat "$errors" >&2
if [ $result -ne 0 ] && grep -q 'LeakSanitizer has encountered a fatal error' "$errors"; then
    echo "LeakSanitizer failed: once more" >&2
    "$@"
    result=$?
fi
exit $result

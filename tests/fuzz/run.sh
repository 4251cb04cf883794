#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Fuzzes one target for FUZZ_SECONDS: run.sh PROGRAM NAME SEEDS BUILD_DIR
# The inputs it finds go to BUILD_DIR/corpus/NAME, one that breaks a law to BUILD_DIR/NAME-*.
set -eu
# `meson test` prepares programs that load instrumented plugins. A fuzz target loads none, and is
# slower by the time that each malloc() would take to unwind the stack.
unset ASAN_OPTIONS LSAN_OPTIONS G_SLICE G_DEBUG GST_PLUGIN_SYSTEM_PATH GST_REGISTRY_FORK
export UBSAN_OPTIONS=print_stacktrace=1
mkdir -p "$4/corpus/$2"
# libFuzzer's own exit code for a finding is 77, which `meson test` takes for a test that was skipped.
log="$4/$2.log"
if "$1" -max_total_time="${FUZZ_SECONDS:-5}" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 \
    -error_exitcode=1 -artifact_prefix="$4/$2-" "$4/corpus/$2" "$3" >"$log" 2>&1; then
    cat "$log"
    exit 0
fi
# What is needed to find it again comes last, where a log that is cut still has it.
cat "$log"
grep '^broken law:' "$log" || true
found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
# On a busy machine any input may take long. One that is slow takes as much processor time.
case $found in
*-timeout-*)
    if (ulimit -t 10 && "$1" "$found" || exit 1) >/dev/null 2>&1; then
        echo "no finding: alone $found takes less than 10 s of processor time"
        exit 0
    fi
    ;;
esac
if [ -f "$found" ]; then
    echo "the input, for base64 -d:"
    base64 -w 0 "$found"
    echo
fi
exit 1

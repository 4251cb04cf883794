#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds and tests the committed HEAD in newly created root trees of other Debian releases.
set -euo pipefail

usage() {
    cat <<'EOF'
tests/releases/releases.sh [--again] [SUITE…] [-- COMMAND…]
  SUITE…      bookworm, trixie or sid; default: trixie sid
  COMMAND…    what runs in a clone of HEAD inside the tree; default: ./dev test
  --again     in the tree that the last run of SUITE left: what it installed and built is
              there already, so that only what was mended since is built and tested

Needs root, mmdebstrap and git; about 6 GB a tree. Trees and logs are below build/releases.
EOF
}

cd "$(dirname "$(readlink -f "$0")")/../.."
again= suites=()
while [ $# -gt 0 ]; do
    case $1 in
    --) shift && break ;;
    --again) again=1 ;;
    bookworm | trixie | sid) suites+=("$1") ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done
[ ${#suites[@]} -gt 0 ] || suites=(trixie sid)
[ $# -gt 0 ] || set -- ./dev test
. tests/releases/tree.sh
store=$PWD/build/releases

run() { # SUITE COMMAND…
    local tree=$store/$1 source=$store/$1/src/penstock
    if [ -z "$again" ] || [ ! -d "$source" ]; then
        make_tree "$1" "$tree" || return
        git clone -q . "$source" || return
    else
        git -C "$source" fetch -q "$PWD" HEAD || return
        git -C "$source" reset -q --hard FETCH_HEAD || return
    fi
    shift
    in_tree "$tree" sh -c 'cd /src/penstock && exec "$@"' sh "$@"
}

failed=()
for suite in "${suites[@]}"; do
    echo "==> $suite: $*"
    if ! run "$suite" "$@" 2>&1 | tee "$store/$suite.log"; then failed+=("$suite"); fi
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed on: ${failed[*]} (logs: build/releases/SUITE.log)"
    exit 1
fi
echo "passed on: ${suites[*]}"

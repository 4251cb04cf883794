#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs the packages built by `./dev package` in a minimal Debian: the elements are found,
# descriptions are listed and checked, the service's command line serves a publisher, and the
# examples in libpenstock's documentation compile and run.
#   tests/releases/package.sh [SUITE]    default: bookworm; the release that the packages are for
# Needs root, mmdebstrap and ffmpeg.
set -euo pipefail

cd "$(dirname "$(readlink -f "$0")")/../.."
. tests/releases/tree.sh
suite=${1:-bookworm}
tree=$PWD/build/releases/package-$suite
fail() {
    echo "package.sh: $*" >&2
    exit 1
}
packages=(build/package/*.deb)
[ -s "${packages[0]}" ] || fail "there are no packages: ./dev package builds them"
command -v ffmpeg >/dev/null || fail "there is no ffmpeg to publish with"

make_tree "$suite" "$tree"
mkdir "$tree/packages"
for package in "${packages[@]}"; do
    case $package in *-dbgsym_*) ;; *) cp "$package" "$tree/packages/" ;; esac
done
install_packages() { # WORDS…, as a shell in the tree takes them
    in_tree "$tree" sh -ec "apt-get -q update && apt-get -q install -y $*" \
        >>"$tree.install.log" 2>&1 || fail "installing failed: $tree.install.log"
}
: >"$tree.install.log"
# The installed programs must not need any development package.
install_packages '/packages/penstock_*.deb' '/packages/gstreamer1.0-penstock_*.deb' \
    '/packages/libpenstock-1.0-0_*.deb' gstreamer1.0-tools
echo "ok: installed"

inside() { in_tree "$tree" su -s /bin/sh nobody -c "export HOME=/tmp; $1"; }
inside 'for p in rtmp http flv gop file hls transcode ts bin; do gst-inspect-1.0 penstock$p >/dev/null || exit 1; done' ||
    fail "gst-inspect-1.0 does not find the elements"
inside 'penstock list' | grep -q '^live ' || fail "penstock list does not name live"
inside 'penstock check /usr/share/penstock/pipelines/*.yaml' || fail "a description does not check"
echo "ok: elements and descriptions are found"

# A description in the system's own directory replaces a shipped one of the same name.
install -D -m 644 pipelines/live.yaml "$tree/etc/penstock/pipelines/live.yaml"
inside 'penstock show live' | grep -q '^/etc/penstock/pipelines/live.yaml' ||
    fail "/etc/penstock/pipelines is not looked in first"
rm "$tree/etc/penstock/pipelines/live.yaml"

# The service file is valid, and its command line is run here, without systemd.
unit=$tree/lib/systemd/system/penstock.service
[ -f "$unit" ] || unit=$tree/usr/lib/systemd/system/penstock.service
if command -v systemd-analyze >/dev/null; then
    said=$(systemd-analyze verify --root="$tree" --man=no penstock.service 2>&1 |
        grep penstock || true)
    [ -z "$said" ] || fail "systemd-analyze: $said"
    systemd-analyze security --offline=true --threshold=25 "$unit" | tail -1
fi
line=$(sed -n 's/^ExecStart=//p' "$unit")
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
rtmp=$(free_port) http=$(free_port)
log=$tree.run.log
inside ". /etc/penstock/penstock.conf; export PENSTOCK_RTMP=127.0.0.1:$rtmp PENSTOCK_HTTP=127.0.0.1:$http; exec $line" \
    >"$log" 2>&1 &
server=$!
publisher=
stop() {
    [ -z "$publisher" ] || kill "$publisher" 2>/dev/null || true
    # unshare, whose end takes what runs in the tree with it
    kill $(cat "/proc/$server/task/$server/children" 2>/dev/null) "$server" 2>/dev/null || true
}
trap stop EXIT
wait_for() { # SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { cat "$log" >&2; fail "not in time: $*"; }
        sleep 0.3
    done
}
listed() { python3 -c "import urllib.request as u; print(u.urlopen('http://127.0.0.1:$http/streams.json', timeout=5).read().decode())"; }
wait_for 30 listed
ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine -c:v libx264 \
    -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 50 -c:a aac -t 60 -f flv \
    "rtmp://127.0.0.1:$rtmp/live/cam" &
publisher=$!
is_live() { listed | grep -q '"live":true'; }
wait_for 30 is_live
frames() { # URL
    ffmpeg -nostdin -v error -i "$1" -t 4 -map 0:v -f framecrc - | grep -c '^0'
}
over_rtmp=$(frames "rtmp://127.0.0.1:$rtmp/live/cam")
over_hls=$(frames "http://127.0.0.1:$http/live/cam/index.m3u8")
[ "$over_rtmp" -ge 90 ] && [ "$over_hls" -ge 90 ] || fail "$over_rtmp and $over_hls pictures in 4 s"
echo "ok: published; $over_rtmp pictures in 4 s over RTMP, $over_hls over HLS"

# Other programs: in C++ with the headers and pkg-config, built as the example says, and in Python.
install_packages '/packages/*.deb g++ pkg-config python3-gi'
inside 'cd /tmp
    cp /usr/share/doc/libpenstock-dev/examples/embed.cpp .
    printf "summary: A picture\npipeline: videotestsrc num-buffers=40 ! identity\n" >picture.yaml
    eval "$(sed -n "s|^// *\(g++ .*\)|\1|p" embed.cpp)"
    ./embed picture.yaml
    python3 /usr/share/doc/libpenstock-dev/examples/embed.py
' >"$tree.embed.log" 2>&1 || fail "an example does not run: $tree.embed.log"
grep -qx 'picture: 40 frames' "$tree.embed.log" && grep -qx '50 frames' "$tree.embed.log" ||
    fail "the examples do not say what they should: $tree.embed.log"
echo "ok: the examples in C++ and Python compile and run"
echo "passed on $suite: ${packages[*]##*/}"

#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes a tree with the ffmpeg and GStreamer of another Debian release, downloaded and unpacked, not
# installed: foreign_root.sh DIRECTORY [SUITE]. As root; 250 MB come over the network, 900 MB stay.
# PENSTOCK_FOREIGN_ROOT=DIRECTORY then has tests/interop/table.py try its codecs.
set -eu
mkdir -p "${1:?a directory is missing}"
dir=$(readlink -f "$1") suite=${2:-sid}
mirror=$(sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +([^ ]+).*/\3/p' /etc/apt/sources.list \
    /etc/apt/sources.list.d/* 2>/dev/null | grep '/debian/*$' | head -1)
[ -n "$mirror" ] || { echo "foreign_root.sh: no Debian mirror in /etc/apt" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
: >"$work/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
    >"$work/sources.list"
apt() {
    apt-get -q -o Dir::State="$work/state" -o Dir::State::status="$work/status" \
        -o Dir::Cache="$work/cache" -o Dir::Etc::sourcelist="$work/sources.list" \
        -o Dir::Etc::sourceparts=/dev/null -o Debug::NoLocking=1 -o APT::Sandbox::User=root "$@"
}
apt update
# coreutils has `env`, and no package depends on it.
apt install -y --no-install-recommends --download-only coreutils ffmpeg gstreamer1.0-tools \
    gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav \
    gstreamer1.0-nice simple-whip-client
for each in bin sbin lib lib64; do
    mkdir -p "$dir/usr/$each"
    ln -sfn "usr/$each" "$dir/$each"
done
for each in "$work"/cache/archives/*.deb; do dpkg -x "$each" "$dir"; done
# Without its schemas rtmp2src aborts.
if command -v glib-compile-schemas >/dev/null; then
    glib-compile-schemas "$dir/usr/share/glib-2.0/schemas"
fi
mkdir -p "$dir/dev" "$dir/tmp" "$dir/root"
[ -e "$dir/dev/null" ] || mknod -m 666 "$dir/dev/null" c 1 3
[ -e "$dir/dev/urandom" ] || mknod -m 666 "$dir/dev/urandom" c 1 9

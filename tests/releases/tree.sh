# SPDX-License-Identifier: LGPL-2.1-or-later
# Root trees of Debian releases, to be sourced by scripts: a fresh Debian without a container
# engine. Needs root and mmdebstrap.

[ "$(id -u)" = 0 ] || { echo "${0##*/}: only root can make a root tree" >&2 && exit 1; }
command -v mmdebstrap >/dev/null ||
    { echo "${0##*/}: there is no mmdebstrap: apt-get install mmdebstrap" >&2 && exit 1; }

# make_tree SUITE DIR: the base system, made once for each suite and kept beside DIR as a tar.
make_tree() {
    local base mirror file
    base=$(dirname "$2")/$1.tar
    mkdir -p "$(dirname "$2")"
    if [ ! -s "$base" ]; then
        mirror=$(sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +([^ ]+).*/\3/p' /etc/apt/sources.list \
            /etc/apt/sources.list.d/* 2>/dev/null | grep -i debian | grep -v security | head -1 || true)
        # A mirror may be a snapshot, whose lists are out of date by the calendar.
        mmdebstrap --quiet --aptopt='Acquire::Check-Valid-Until "false"' --variant=minbase \
            --include=ca-certificates,git "$1" "${base%/*}/new-$1.tar" \
            "${mirror:-http://deb.debian.org/debian}" || return
        mv "${base%/*}/new-$1.tar" "$base"
    fi
    rm -rf --one-file-system "$2"
    mkdir -p "$2"
    tar -C "$2" -xf "$base" || return
    # How this machine reaches the network: names, certificate authorities, settings of apt and npm.
    for file in /etc/resolv.conf /etc/hosts /etc/apt/apt.conf.d/99* /etc/ssl/certs/ca-certificates.crt \
        /usr/local/share/ca-certificates/* /usr/etc/npmrc /etc/npmrc /root/.npmrc; do
        if [ -f "$file" ]; then install -D -m 644 "$file" "$2$file"; fi
    done
}

# in_tree DIR COMMAND…: on the host's network. The mounts are in a namespace of their own: they, and
# what still runs, end with the command.
in_tree() {
    local tree=$1
    shift
    unshare --mount --pid --fork --kill-child env -i TREE="$tree" HOME=/root USER=root \
        LANG=C.UTF-8 TERM="${TERM:-dumb}" DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt sh -euc '
            mount -t proc proc "$TREE/proc"
            mount -t sysfs sysfs "$TREE/sys" || true
            mount --bind /dev "$TREE/dev"
            mount -t tmpfs tmpfs "$TREE/dev/shm"
            exec chroot "$TREE" "$@"' sh "$@"
}

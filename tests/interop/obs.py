#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""OBS Studio, on a private display, publishes with the server and stream key that Penstock prints,
over RTMP and RTMPS; ffmpeg plays it; the stream ends when OBS does."""

import json
import os
import re
import shutil
import signal
import tempfile

import packets
import rig
from https import certificate
from rig import Server, until
from rtmps import Secure


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def colour_source():
    """A scene with a plain colour. Audio is silence, since there is no device."""
    return {
        "current_program_scene": "Scene", "current_scene": "Scene", "name": "Penstock",
        "scene_order": [{"name": "Scene"}], "groups": [], "modules": {}, "transitions": [],
        "sources": [
            {"id": "color_source_v3", "versioned_id": "color_source_v3", "name": "Colour",
             "enabled": True,
             "settings": {"color": 0xff3388cc, "width": 640, "height": 360}},
            {"id": "scene", "versioned_id": "scene", "name": "Scene", "enabled": True,
             "settings": {"id_counter": 1, "custom_size": False, "items": [
                 {"name": "Colour", "id": 1, "visible": True, "pos": {"x": 0, "y": 0},
                  "scale": {"x": 1, "y": 1}, "align": 5, "bounds_type": 0}]}}]}


def configure(home, server, key):
    """Writes the configuration that OBS has after its first-run wizard."""
    base = f"{home}/.config/obs-studio"
    write(f"{base}/global.ini", "\n".join([
        "[General]", "FirstRun=true", "Pre19Defaults=false", "Pre21Defaults=false",
        "Pre23Defaults=false", "Pre24.1Defaults=false", "EnableAutoUpdates=false",
        "LastVersion=486539266", "ConfirmOnExit=false", "InfoIncrement=100", "",
        "[Basic]", "Profile=Penstock", "ProfileDir=Penstock", "SceneCollection=Penstock",
        "SceneCollectionFile=Penstock", "ConfigOnNewProfile=false", "",
        "[BasicWindow]", "WarnBeforeStartingStream=false", "WarnBeforeStoppingStream=false", ""]))
    profile = f"{base}/basic/profiles/Penstock"
    write(f"{profile}/basic.ini", "\n".join([
        "[General]", "Name=Penstock", "", "[Output]", "Mode=Simple", "",
        "[SimpleOutput]", "StreamEncoder=x264", "VBitrate=600", "ABitrate=96", "Preset=ultrafast",
        "UseAdvanced=true", "x264Settings=keyint=60", "",
        "[Video]", "BaseCX=640", "BaseCY=360", "OutputCX=640", "OutputCY=360", "FPSType=0",
        "FPSCommon=30", "", "[Audio]", "SampleRate=48000", "ChannelSetup=Stereo", ""]))
    write(f"{profile}/service.json", json.dumps({
        "type": "rtmp_custom",
        "settings": {"server": server, "key": key, "use_auth": False, "bwtest": False}}))
    write(f"{base}/basic/scenes/Penstock.json", json.dumps(colour_source()))


def display():
    """An X server; its name."""
    server = rig.Process("Xvfb", "-displayfd", "1", "-screen", "0", "1280x720x24", "-nolisten",
                         "tcp")
    until("Xvfb is ready", lambda: server.out.strip() or not server.running())
    assert server.running(), "Xvfb did not start"
    return ":" + server.out.strip()


# OBS trusts what is in that directory and nothing else, so it gets a namespace in which another one
# lies over it.
TRUSTING = 'mount --bind "$0" /etc/ssl/certs && exec "$@"'


def can_trust():
    """Whether a process can have its own authorities: root can, and others where the kernel lets
    them."""
    return rig.Process(*in_namespace(), "true").wait() == 0


def in_namespace(folder="/etc/ssl/certs"):
    whoever = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *whoever, "sh", "-c", TRUSTING, folder]


def studio(server, key, trusted=None):
    """OBS, which publishes at once; the files in `trusted` are its authorities."""
    home = tempfile.mkdtemp(dir=rig.FOLDER)
    configure(home, server, key)
    return rig.Process(
        *(in_namespace(trusted) if trusted else []),
        "obs", "--startstreaming", "--multi", "--disable-updater", "--minimize-to-tray",
        env={"HOME": home, "XDG_CONFIG_HOME": f"{home}/.config", "XDG_RUNTIME_DIR": home,
             "DISPLAY": display(), "LIBGL_ALWAYS_SOFTWARE": "1", "QT_QPA_PLATFORM": "xcb",
             "NO_AT_BRIDGE": "1", "LC_ALL": "C.UTF-8"})


def settings(server):
    """Server and stream key as Penstock prints them."""
    return re.search(r"OBS +server (\S+)  stream key (\S+)", server.log).groups()


def until_live(server, publisher):
    until("OBS publishes", lambda: "live    live/studio" in server.log or not publisher.running())
    assert publisher.running(), "OBS is gone"


def until_off_air(server, publisher):
    publisher.end(signal.SIGTERM)
    until("it is off air", lambda: "off air live/studio" in server.log)


def obs():
    """OBS publishes, ffmpeg decodes picture and sound, and the stream ends with OBS"""
    with Server() as server:
        address, key = settings(server)
        assert key == "NAME", key
        publisher = studio(address, "studio")
        until_live(server, publisher)
        packets.rising(packets.play(server.url("studio"), 4))
        packets.decode(server.url("studio"), 3)
        packets.decode(server.wait_for_hls("studio"), 3)
        until_off_air(server, publisher)


def obs_rtmps():
    """the same over RTMPS, with the certificate among the system's; without it OBS does not connect"""
    if not can_trust():
        yield "skipped: a process of this user can't have other authorities than the system's"
        return
    trusted = tempfile.mkdtemp(dir=rig.FOLDER)
    shutil.copy(certificate()[0], trusted)
    with Secure() as server:
        address, _ = settings(server)
        assert address.startswith("rtmps://"), address
        # Its TLS library compares names alone, and no addresses.
        address = address.replace("127.0.0.1", "localhost")
        stranger = studio(address, "stranger")
        until("OBS refuses the certificate", lambda: "Cert verify failed" in stranger.log or not stranger.running())
        assert stranger.running(), "OBS is gone"
        stranger.kill()
        assert "stranger" not in server.log, server.log
        publisher = studio(address, "studio", trusted)
        until_live(server, publisher)
        packets.rising(packets.play(server.url("studio"), 4))
        packets.decode(server.url("studio"), 3)
        until_off_air(server, publisher)


if __name__ == "__main__":
    rig.need("obs", "Xvfb", "ffmpeg", "ffprobe", "openssl")
    rig.main([obs, obs_rtmps])

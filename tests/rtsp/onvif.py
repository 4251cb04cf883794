#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`penstock cameras` with ONVIF devices that are odd in several ways (fake_onvif.py)."""
import json
import os
import subprocess
import time

from fake_onvif import Device


def cameras(*words, password="pass"):
    environment = dict(os.environ, PENSTOCK_CAMERA_PASSWORD=password)
    done = subprocess.run([os.environ["PENSTOCK"], "cameras", *words], text=True, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    return done.returncode, done.stdout, done.stderr


def asked(device, *words, **more):
    code, out, err = cameras("--json", *words, device.address, **more)
    (one,) = json.loads(out)
    return code, one, err


def discovery():
    """All on one interface, each once, in bounded time."""
    first, second = Device(), Device(name="Yard", auth="digest")
    begin = time.monotonic()
    code, out, err = cameras("--json", "--interface", "lo", "--wait", "1", "--user", "admin")
    assert time.monotonic() - begin < 20
    found = {one["name"]: one for one in json.loads(out)}
    assert code == 0 and set(found) >= {"Front door", "Yard"}, (out, err)
    assert len(json.loads(out)) == len(found), out
    for device, name in (first, "Front door"), (second, "Yard"):
        one = found[name]
        assert one["address"] == device.address and one["hardware"] == "X1", one
        assert one["profiles"][1] == {
            "token": "p1", "name": "Profile & 1", "codec": "H264", "width": 960, "height": 540,
            "fps": 25.0, "url": "rtsp://192.0.2.9:554/p1?a=1&b=2"}, one
    code, out, err = cameras("--interface", "lo", "--wait", "1", "--user", "admin")
    assert "Front door" in out and "1920x1080" in out and "rtsp://192.0.2.9:554/p0?a=1&b=2" in out
    first.close()
    second.close()


def liars():
    """Who answers a probe gets no password in clear, and sends nobody elsewhere."""
    trap = Device(host="127.0.0.2", discover=False)
    liar = Device(name="Liar", auth="basic", tells=trap.address)
    code, out, err = cameras("--json", "--interface", "lo", "--wait", "1", "--user", "admin")
    found = {one["name"]: one for one in json.loads(out)}["Liar"]
    assert found["address"] == liar.address and not found["profiles"], found
    assert "penstock cameras ADDRESS" in found["error"], found
    assert liar.asked and not any(liar.proofs), liar.proofs
    assert not trap.asked, trap.asked
    # One that is named is trusted with it.
    code, one, err = asked(liar, "--user", "admin")
    assert code == 0 and len(one["profiles"]) == 2 and liar.basic() in liar.proofs, (one, err)
    liar.close()
    trap.close()


def clocks():
    """The token has the camera's time, whatever that is."""
    device = Device(clock=-400 * 86400, discover=False)
    code, one, err = asked(device, "--user", "admin")
    assert code == 0 and one["profiles"][0]["url"], (one, err)


def behind_a_router():
    device = Device(nat=True, discover=False)
    code, one, _ = asked(device, "--user", "admin")
    assert code == 0 and len(one["profiles"]) == 2, one


def passwords():
    for auth in "token", "digest":
        device = Device(auth=auth, discover=False)
        code, one, _ = asked(device, "--user", "admin", password="wrong")
        assert code == 1 and "refuses the user 'admin'" in one["error"], one
        assert len(device.asked) <= 6, device.asked
        code, one, _ = asked(device)
        assert code == 1 and "--user" in one["error"], one
        code, out, err = cameras("--user", "x", device.address, password="wrong")
        assert code == 1 and "refuses" in err and "wrong" not in err + out, (out, err)


def oddities():
    code, one, _ = asked(Device(profiles=0, discover=False), "--user", "admin")
    assert code == 1 and "no profiles" in one["error"], one
    code, one, _ = asked(Device(profiles=200, discover=False), "--user", "admin")
    assert code == 0 and len(one["profiles"]) == 32, len(one["profiles"])
    code, one, _ = asked(Device(junk=True, discover=False))
    assert code == 1 and one["error"], one
    code, out, err = cameras("127.0.0.1:9")
    assert code == 1 and "no answer" in err, (out, err)
    code, out, err = cameras("--interface", "nowhere")
    assert code == 1 and "no interface 'nowhere'" in err, (out, err)


def main():
    for check in discovery, liars, clocks, behind_a_router, passwords, oddities:
        check()
        print("ok", check.__name__)


if __name__ == "__main__":
    main()

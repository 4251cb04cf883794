# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows of the interoperability table: servers that push to Penstock and pull from it."""

import json
import os
import tempfile

import packets
import rig
from aged import no_step, old, relays_past_mark
from rig import Partly, Process, Server, Skip, free_port, generated, skip, until
from table_cells import listens, need, plays, publishes, rtmp

HERE = os.path.dirname(os.path.abspath(__file__))
NGINX, MODULE = "/usr/sbin/nginx", "/usr/lib/nginx/modules/ngx_rtmp_module.so"


def nginx(applications):
    """nginx-rtmp with these applications (text); its port."""
    if not os.path.exists(NGINX) or not os.path.exists(MODULE):
        raise Skip("libnginx-mod-rtmp is not installed")
    folder = tempfile.mkdtemp(dir=rig.FOLDER)
    port = free_port()
    with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as file:
        file.write(f"load_module {MODULE};\ndaemon off;\nmaster_process off;\npid {folder}/pid;\n"
                   "error_log stderr;\nevents {}\nrtmp { access_log off; server { listen "
                   f"127.0.0.1:{port}; {applications} }} }}\n")
    process = Process(NGINX, "-e", "stderr", "-c", f"{folder}/nginx.conf", "-p", folder)
    until("nginx listens", lambda: not process.running() or listens(port))
    assert process.running(), process.log
    return port


def to_server(port):
    """ffmpeg publishes to that server."""
    return Process("ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", generated(),
                   "-c", "copy", "-f", "flv", f"rtmp://127.0.0.1:{port}/live/cam")


def nginx_rows():
    def start(server, url):
        port = nginx(f"application live {{ live on; push {url}; }}")
        to_server(port)

    def play(url):
        port = nginx(f"application live {{ live on; pull {url} name=cam static; }}")
        reference = packets.published(generated(), seconds=60)
        until("nginx has the stream", lambda: probe(port))
        return packets.same(packets.Player(f"rtmp://127.0.0.1:{port}/live/cam", "-t", "5").finish(),
                            reference)

    def relay(source, target):
        # It pushes what is published, not what it pulls.
        port = nginx(f"application live {{ live on; push {target}; }}")
        Process("ffmpeg", "-nostdin", "-v", "error", "-copyts", "-i", source, "-c", "copy", "-copyts",
                "-f", "flv", f"rtmp://127.0.0.1:{port}/live/again")

    def past(url):
        port = nginx(f"application live {{ live on; pull {url} name=cam static; }}")
        until("nginx has the stream", lambda: probe(port))
        return no_step(f"rtmp://127.0.0.1:{port}/live/cam")
    no = "a server of RTMP only"
    return {"publishes": publishes(start), "plays RTMP": plays(play, rtmp), "plays HTTP-FLV": skip(no),
            "plays HLS": skip(no), "publishes past 4.66 h": lambda: relays_past_mark(relay),
            "plays RTMP past 4.66 h": old(past)}


def probe(port, name="cam"):
    """Whether that server has a stream of this name."""
    process = Process("ffprobe", "-v", "quiet", "-rw_timeout", "3000000", "-show_entries",
                      "stream=codec_name", f"rtmp://127.0.0.1:{port}/live/{name}")
    return process.wait() == 0 and "h264" in process.out


NMS = os.path.join(HERE, "../bench/fanout/node_modules/node-media-server")


def node_media_server(tasks=()):
    """node-media-server with these relays, as its API keeps them; its RTMP port."""
    need("node")
    if not os.path.exists(NMS):
        raise Skip("node-media-server is missing: `npm ci` in tests/bench/fanout fetches it")
    folder = tempfile.mkdtemp(dir=rig.FOLDER)
    port, http = free_port(), free_port()
    os.mkdir(f"{folder}/store")
    with open(f"{folder}/config.json", "w", encoding="utf-8") as file:
        json.dump({"bind": "127.0.0.1", "rtmp": {"port": port}, "http": {"port": http},
                   "webadmin": {"enable": False},
                   "auth": {"play": False, "publish": False, "secret": "none"},
                   "store": {"path": f"{folder}/store"},
                   "record": {"auto": False, "path": f"{folder}/record"}}, file)
    script = os.path.join(folder, "run.js")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"const Server = require({json.dumps(os.path.abspath(NMS))});\n"
                   f"const server = new Server(require('{folder}/config.json'));\n"
                   f"const Context = require({json.dumps(os.path.abspath(NMS) + '/src/core/context.js')});\n"
                   "server.run().then(() => {\n"
                   f"  for (const task of {json.dumps(list(tasks))}) {{\n"
                   "    // It can push only what is there.\n"
                   "    const add = () => task.mode === 'pull' ||\n"
                   "      Context.broadcasts.get(task.streamPath)?.publisher ?\n"
                   "      Context.relayServer.addTask(task) : setTimeout(add, 100);\n"
                   "    add();\n  }\n});\n")
    process = Process("node", script, env={"NODE_PATH": os.path.dirname(NMS)})
    until("node-media-server listens", lambda: not process.running() or listens(port))
    assert process.running(), process.log
    return port


def node_rows():
    def start(_, url):
        to_server(node_media_server([{"mode": "push", "streamPath": "/live/cam", "url": url}]))

    def play():
        with Server() as server:
            port = node_media_server([{"mode": "pull", "streamPath": "/live/cam",
                                       "url": server.url("cam")}])
            server.publish(generated(), "cam")
            until("node-media-server has the stream", lambda: probe(port))
            packets.same(packets.Player(f"rtmp://127.0.0.1:{port}/live/cam", "-t", "5").finish(),
                         packets.published(generated(), seconds=60))
        raise Partly("when it pulls before the stream begins. Of a running stream it drops what comes "
                     "with Play.Start, so also the codecs' headers, as with node-media-server on the "
                     "other side")

    def relay(source, target):
        port = node_media_server([{"mode": "push", "streamPath": "/live/again", "url": target}])
        Process("ffmpeg", "-nostdin", "-v", "error", "-copyts", "-i", source, "-c", "copy", "-copyts",
                "-f", "flv", f"rtmp://127.0.0.1:{port}/live/again")
    no = "its relay pulls RTMP and RTSP"
    return {"publishes": publishes(start), "plays RTMP": play, "plays HTTP-FLV": skip(no),
            "plays HLS": skip(no), "publishes past 4.66 h": lambda: relays_past_mark(relay),
            "plays RTMP past 4.66 h": skip("it cannot join a stream that runs (see its cell before)")}

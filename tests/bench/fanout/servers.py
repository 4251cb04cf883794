# SPDX-License-Identifier: LGPL-2.1-or-later
"""The measured servers, each a process on a core of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time

import machine

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 20  # seconds until a server has to listen


class Missing(Exception):
    """Why a server cannot be measured here."""


class Broken(Exception):
    """A server or the load generator did not do what it should."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """In a `with`: it listens at its beginning, and is gone at its end."""

    publishes = True  # the load generator sends it a stream
    application, stream = "live", "bench"

    def __init__(self, folder, protocol, viewers, bitrate, tls=False):
        self.folder = folder
        self.tls = tls
        self.protocol = protocol
        self.viewers = viewers
        self.bitrate = bitrate
        self.rtmp, self.http = free_port(), free_port()
        self.log = os.path.join(folder, "server.log")
        self.process = None

    def command(self):
        raise NotImplementedError

    def ports(self):
        return [self.rtmp]

    def start(self, core=None):
        pinned = [] if core is None else ["taskset", "-c", str(core)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([*pinned, *self.command()], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT)
        for port in self.ports():
            self.await_port(port, self.process)
        return self

    def await_port(self, port, process):
        """Until the process listens there."""
        deadline = time.monotonic() + PATIENCE
        while not self.listens(port):
            if process.poll() is not None:
                raise Broken(f"it ended, exit code {process.returncode}\n{self.tail()}")
            if time.monotonic() > deadline:
                raise Broken(f"it does not listen\n{self.tail()}")
            time.sleep(0.05)

    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def load_options(self):
        port = self.rtmp if self.protocol == "rtmp" else self.http
        out = ["--play", f"127.0.0.1:{port}", "--protocol", self.protocol,
               "--app", self.application, "--stream", self.stream]
        out += ["--tls"] if self.tls else []
        return out + (["--publish", f"127.0.0.1:{self.rtmp}"] if self.publishes else [])

    def certificate(self):
        """The files of a certificate and of its key, made for this run."""
        if not shutil.which("openssl"):
            raise Missing("a certificate is made by openssl, which is not installed")
        paths = [os.path.join(self.folder, name) for name in ("certificate.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-out", paths[0], "-keyout", paths[1]],
                       check=True, capture_output=True)
        return paths

    def tail(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return "\n".join("    " + line[:200] for line in file.read().splitlines()[-12:])

    def end(self):
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


class Penstock(Server):
    """`elements` stands after the server's source; ${…} as in a description."""

    RTMP_SINK = "rtmpserversink location=rtmp://127.0.0.1:{rtmp}/live/${{name}} {properties}"
    HTTP_SINK = ("httpserversink location={scheme}://127.0.0.1:{http}/live/${{name}}.flv "
                 "{properties}")
    TLS_PROPERTIES = ("tls-certificate", "tls-key")  # files
    HLS = ("gop. ! flvlivedemux name=demux\n"
           "      demux.video ! hls.video_0\n"
           "      demux.audio ! hls.audio_0\n"
           "      hlssegmenter name=hls location=http://127.0.0.1:{http}/live/${{name}}/index.m3u8")

    def __init__(self, *args, properties=(), hls=False, tls=False):
        super().__init__(*args, tls=tls)
        self.properties, self.hls = dict(properties), hls
        self.program = os.environ.get("PENSTOCK") or shutil.which("penstock")
        if not self.program:
            raise Missing("there is no penstock: `./dev bench fanout` builds it")
        element = "rtmpserversink" if self.protocol == "rtmp" else "httpserversink"
        self.need(element, [*self.properties, *(self.TLS_PROPERTIES if tls else ())])

    @staticmethod
    def need(element, properties):
        inspect = subprocess.run(["gst-inspect-1.0", element], capture_output=True, text=True,
                                 check=False)
        if inspect.returncode:
            raise Missing(f"there is no element {element}")
        for name in properties:
            if f"\n  {name} " not in inspect.stdout:
                raise Missing(f"{element} has no property {name}")

    def command(self):
        sink = self.RTMP_SINK if self.protocol == "rtmp" else self.HTTP_SINK
        properties = dict(self.properties)
        if self.tls:
            properties.update(zip(self.TLS_PROPERTIES, self.certificate()))
        values = {"rtmp": self.rtmp, "http": self.http, "scheme": "https" if self.tls else "http",
                  "properties": " ".join(f"{name}={value}" for name, value in properties.items())}
        source = f"rtmpserversrc location=rtmp://127.0.0.1:{self.rtmp}/live/${{name}}"
        if self.hls:
            lines = [f"{source} ! goptee name=gop", "gop. ! " + sink.format(**values),
                     self.HLS.format(**values)]
        else:
            lines = [f"{source} ! {sink.format(**values)}"]
        path = os.path.join(self.folder, "relay.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("summary: What the fan-out benchmark measures\n"
                       "publish:\n"
                       f"  - match: rtmp://127.0.0.1:{self.rtmp}/live/{{name}}\n"
                       "    max-instances: 1000\n"
                       "    pipeline: |\n")
            file.writelines(f"      {line.rstrip()}\n" for line in lines)
        return [self.program, "run", path]


class Nginx(Server):
    """nginx-rtmp as it comes, with as many connections as are wanted."""

    PROGRAM, MODULE = "/usr/sbin/nginx", "/usr/lib/nginx/modules/ngx_rtmp_module.so"

    def __init__(self, *args, hls=False):
        super().__init__(*args)
        self.hls = hls
        if self.protocol != "rtmp":
            raise Missing(f"nginx-rtmp has no {self.protocol}")
        for path in (self.PROGRAM, self.MODULE):
            if not os.path.exists(path):
                raise Missing(f"{path} is missing: install nginx and libnginx-mod-rtmp, "
                              "`./dev packages bench`")

    def command(self):
        hls = f"hls on; hls_path {self.folder}/hls; hls_fragment 2s;" if self.hls else ""
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"load_module {self.MODULE};\n"
                       "daemon off; master_process off;\n"
                       f"pid {self.folder}/nginx.pid;\n"
                       f"events {{ worker_connections {self.viewers + 1024}; }}\n"
                       "rtmp { access_log off;\n"
                       f"  server {{ listen 127.0.0.1:{self.rtmp};\n"
                       f"    application live {{ live on; {hls} }} }} }}\n")
        return [self.PROGRAM, "-e", "stderr", "-p", self.folder, "-c", path]


class NodeMediaServer(Server):
    """node-media-server with its defaults, without its web pages and its lists of users."""

    def __init__(self, *args, tls=False):
        super().__init__(*args, tls=tls)
        self.plain_http = free_port() if tls else self.http
        self.app = os.path.join(HERE, "node_modules/node-media-server/bin/app.js")
        if not shutil.which("node") or not os.path.exists(self.app):
            raise Missing("node-media-server is missing: `./dev bench fanout` fetches it from npm")

    def ports(self):
        return [self.rtmp, self.http]

    def command(self):
        path = os.path.join(self.folder, "config.json")
        with open(path, "w", encoding="utf-8") as file:
            https = {}
            if self.tls:
                certificate, key = self.certificate()
                https = {"https": {"port": self.http, "cert": certificate, "key": key}}
            json.dump({"bind": "127.0.0.1", "rtmp": {"port": self.rtmp}, **https,
                       "http": {"port": self.plain_http}, "webadmin": {"enable": False},
                       "auth": {"play": False, "publish": False, "secret": "none"},
                       "store": {"path": os.path.join(self.folder, "store")},
                       "record": {"auto": False, "path": os.path.join(self.folder, "record")}},
                      file)
        return ["node", self.app, "-c", path]


class Floor(Server):
    """Ready bytes, sent by writev."""

    publishes = False

    def __init__(self, folder, protocol, viewers, bitrate, batch_ms=0):
        super().__init__(folder, "flv", viewers, bitrate)
        self.batch_ms = batch_ms
        self.program = machine.program("fanout-floor")

    def ports(self):
        return [self.http]

    def command(self):
        return [self.program, "--port", str(self.http), "--batch-ms", str(self.batch_ms),
                "--viewers", str(self.viewers), "--bitrate", str(self.bitrate)]

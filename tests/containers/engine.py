# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds an image and runs containers with buildah, without daemon and namespaces: the containers
share the host's network. Needs root."""

import json
import os
import re
import shutil
import signal
import subprocess

BASE = "docker.io/library/debian:bookworm-slim"
# How this machine reaches the network; settings that don't exist are not needed.
NETWORK = ["/etc/ssl/certs/ca-certificates.crt", "/root/.npmrc", "/usr/etc/npmrc"]


class Engine:
    def __init__(self, store):
        self.store = store
        os.makedirs(store, exist_ok=True)
        self.environment = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
        self.buildah = ["buildah", "--root", f"{store}/storage", "--runroot", f"{store}/run"]

    def call(self, *words, **options):
        """A command of buildah's that has to succeed; its standard output."""
        return subprocess.run([*self.buildah, *words], env=self.environment, check=True, text=True,
                              stdout=subprocess.PIPE, **options).stdout.strip()

    def has_image(self, name):
        return subprocess.run([*self.buildah, "inspect", "--type", "image", name],
                              env=self.environment, capture_output=True).returncode == 0

    def make_base(self):
        """Debian's own image, as far as a build needs it, from Debian's packages. Made once."""
        if self.has_image(BASE):
            return
        tar = f"{self.store}/bookworm.tar"
        if not os.path.exists(tar):
            sources = subprocess.run(["sh", "-c", "cat /etc/apt/sources.list /etc/apt/sources.list.d/*"],
                                     capture_output=True, text=True).stdout
            mirrors = [url for url in re.findall(r"^(?:URIs:|deb(?: \[.*?\])?) +(\S+)", sources, re.M)
                       if "debian" in url.lower() and "security" not in url]
            subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates",
                            "bookworm", f"{self.store}/new-bookworm.tar",
                            mirrors[0] if mirrors else "http://deb.debian.org/debian"], check=True)
            os.rename(f"{self.store}/new-bookworm.tar", tar)
        container = self.call("from", "scratch")
        self.call("add", "--quiet", container, tar)
        settings = [f"/etc/apt/apt.conf.d/{name}" for name in os.listdir("/etc/apt/apt.conf.d")
                    if name.startswith("99")]
        for file in filter(os.path.isfile, [*NETWORK, *settings]):
            self.call("copy", "--quiet", container, file, file)
        self.call("config", "--cmd", "/bin/bash", "--env", "PATH=/usr/local/sbin:/usr/local/bin:"
                  "/usr/sbin:/usr/bin:/sbin:/bin", container)
        self.call("commit", "--quiet", container, BASE)
        self.call("rm", container)

    def build(self, context, file, name):
        # Docker's own format: the other has no health check.
        subprocess.run(["nice", *self.buildah, "bud", "--format", "docker", "--layers", "--pull-never",
                        "--file", file, "--tag", name, context], env=self.environment, check=True)

    def image(self, name):
        """What is configured: User, Env, Entrypoint, Healthcheck and so on."""
        return json.loads(self.call("inspect", "--type", "image", name))["Docker"]["config"]

    def container(self, image, hosts=()):
        """`hosts` are names with addresses, as in compose's extra_hosts."""
        options = [word for host in hosts for word in ("--add-host", host)]
        return Container(self, self.call("from", "--pull-never", *options, image))


class Container:
    """A container in a `with`."""

    def __init__(self, engine, name):
        self.engine, self.name = engine, name
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            self.end(process)
        self.engine.call("rm", self.name)

    def command(self, words, environment=(), volumes=()):
        options = [word for entry in environment for word in ("--env", entry)]
        options += [word for entry in volumes for word in ("--volume", entry)]
        return [*self.engine.buildah, "run", "--isolation", "chroot", *options, self.name, "--", *words]

    def run(self, *words, **options):
        """A command to its end; (exit code, output)."""
        done = subprocess.run(self.command(words, **options), env=self.engine.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        return done.returncode, done.stdout

    def start(self, log, words, **options):
        """A command that goes on, its output in a file."""
        with open(log, "wb") as out:
            process = subprocess.Popen(self.command(words, **options), env=self.engine.environment,
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.processes.append(process)
        return process

    def end(self, process, number=signal.SIGTERM):
        """Signals what runs inside, as an engine would; buildah's exit code."""
        if process.poll() is None:
            inside = [pid for pid in descendants(process.pid) if not is_buildah(pid)]
            for pid in inside[:1]:
                os.kill(pid, number)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                for pid in [*inside, process.pid]:
                    if os.path.exists(f"/proc/{pid}"):
                        os.kill(pid, signal.SIGKILL)
                process.wait()
        return process.returncode


def is_buildah(pid):
    try:
        # Its helpers run from memory: "/memfd:buildah-chroot-exec (deleted)".
        return "buildah" in os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return True  # it has gone


def descendants(pid):
    """The processes below one, nearest first."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found[1:]


def can_run():
    """Why not, if it can't."""
    if os.geteuid() != 0:
        return "only root can build images here"
    missing = [name for name in ("buildah", "mmdebstrap", "ffmpeg", "ffprobe") if not shutil.which(name)]
    return f"{' and '.join(missing)} not installed" if missing else None

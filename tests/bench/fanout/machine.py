# SPDX-License-Identifier: LGPL-2.1-or-later
"""Information from Linux about processes and the machine: CPU time, memory, limits."""

import fcntl
import os
import platform
import re
import resource
import sys
import tempfile


class CannotRun(Exception):
    """What keeps the benchmark from running here, and what mends it."""


def program(name):
    """The load generator and the floor are beside this file when installed."""
    folder = os.environ.get("FANOUT_PROGRAMS") or os.path.dirname(os.path.abspath(__file__))
    return os.path.join(folder, name)


def tree(pid):
    """A process and all its descendants."""
    out = [pid]
    for parent in out:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as file:
                    out += [int(child) for child in file.read().split()]
        except OSError:  # it ended meanwhile
            pass
    return out


def cpu_seconds(pid):
    """User and system time of the process tree so far; of children that ended, as well."""
    total = 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(fields[i]) for i in (11, 12, 13, 14))
    return total / os.sysconf("SC_CLK_TCK")


def busy_seconds(core):
    """How long this core was not idle since the machine began; with what a hypervisor took."""
    with open("/proc/stat", encoding="ascii") as file:
        for line in file:
            name, *times = line.split()
            if name == f"cpu{core}":  # user nice system idle iowait irq softirq steal
                return sum(int(times[i]) for i in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")
    raise CannotRun(f"/proc/stat says nothing of core {core}")


def pss_bytes(pid):
    """Proportional set size of the process tree."""
    total = 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup", encoding="ascii") as file:
                total += int(re.search(r"^Pss: +(\d+) kB", file.read(), re.MULTILINE)[1]) * 1024
        except OSError:
            continue
    return total


def socket_bytes():
    """What TCP keeps in buffers, both ends of every connection of this network namespace."""
    with open("/proc/net/sockstat", encoding="ascii") as file:
        pages = int(re.search(r"^TCP: .*\bmem (\d+)", file.read(), re.MULTILINE)[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def allow_descriptors(wanted):
    """Lets this process and those it starts have as many descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
    except (ValueError, OSError):
        raise CannotRun(f"this needs {wanted} open files a process and may have {hard}: be root, "
                        "raise `ulimit -Hn`, or ask for fewer with --viewers") from None


def alone():
    """Waits until no other fan-out benchmark runs on this machine; keep what it returns."""
    lock = open(os.path.join(tempfile.gettempdir(), "penstock-fanout.lock"), "w",
                encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("Another fan-out benchmark runs: waiting for its end.", file=sys.stderr, flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def two_cores():
    """The server's core and the load generator's."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise CannotRun("this needs two cores: one for the server, one for its viewers")
    return cores[0], cores[1]


def describe():
    """What the figures were measured on."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        found = re.search(r"^model name\s*: *(.+)", file.read(), re.MULTILINE)
        if found:
            model = found[1]
    return {"processor": model, "cores": os.cpu_count(), "kernel": re.match(r"[\d.]*\d", platform.release())[0],
            "load_average": os.getloadavg()[0]}

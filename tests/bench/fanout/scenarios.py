# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scenarios, and the servers compared in each."""

import dataclasses

from servers import Floor, Nginx, NodeMediaServer, Penstock

MS = 1_000_000  # nanoseconds


@dataclasses.dataclass(frozen=True)
class Entry:
    """A server in a scenario. `floor` is the batching whose floor it is compared with."""
    label: str
    server: type
    options: dict = dataclasses.field(default_factory=dict)
    protocol: str = "rtmp"
    floor: int = 40


@dataclasses.dataclass(frozen=True)
class Scenario:
    """`poll_ms` is the same for every entry; `steps` are viewers of a search for the most that are
    served in real time. `warmup`: seconds from publishing to the first join; when viewers' memory
    is what counts, servers have filled by then what they keep of a stream for its own sake."""
    name: str
    title: str
    entries: tuple
    viewers: int = 1000
    poll_ms: int = 10
    join_rate: int = 500
    probe_rate: int = 0
    slow: int = 0
    stuck: int = 0
    beside: int = 0
    publishers: int = 1
    bitrate: float = 2.15e6
    warmup: float = 4
    steps: tuple = ()
    few: bool = False  # too few viewers for a CPU figure to mean anything


PENSTOCK = Entry("penstock", Penstock)
NGINX = Entry("nginx-rtmp", Nginx)
NODE = Entry("node-media-server", NodeMediaServer)
FLOORS = tuple(Entry(f"floor, {batch} ms" if batch else "floor, each tag", Floor,
                     {"batch_ms": batch}, floor=batch) for batch in (0, 40, 350))


def fixed(batch_ms):
    """Penstock with a send budget that is always spent: it gathers that long, always."""
    return Entry(f"penstock, {batch_ms} ms" if batch_ms else "penstock, each tag", Penstock,
                 {"properties": {"send-rate": 1, "coalesce-max": batch_ms * MS}}, floor=batch_ms)


def over(protocol, tls=False):
    label = f"{protocol}, TLS" if tls else protocol
    return tuple(Entry(f"{name}, {label}", server, {"tls": True} if tls else {}, protocol)
                 for name, server in (("penstock", Penstock),
                                      ("node-media-server", NodeMediaServer)))


HTTP = over("http-flv") + over("ws-flv")

SCENARIOS = (
    Scenario("1000", "1,000 RTMP viewers", (PENSTOCK, NGINX, NODE, *FLOORS), warmup=13),
    Scenario("2000", "2,000 RTMP viewers", (PENSTOCK, NGINX, NODE, *FLOORS), viewers=2000,
             warmup=13),
    Scenario("4000", "4,000 RTMP viewers", (PENSTOCK, NGINX, *FLOORS[1:]), viewers=4000,
             warmup=13),
    Scenario("batches", "1,000 RTMP viewers, batches of a fixed length",
             (fixed(0), fixed(40), fixed(350), *FLOORS)),
    Scenario("http", "1,000 viewers over HTTP, and over RTMP to compare",
             (PENSTOCK, *HTTP, FLOORS[1])),
    Scenario("tls", "1,000 viewers over HTTP and TLS",
             over("http-flv", tls=True) + over("ws-flv", tls=True)),
    Scenario("latency", "20 RTMP viewers, load generator not pausing", (PENSTOCK, NGINX, NODE),
             viewers=20, poll_ms=0, few=True),
    Scenario("joins", "200 joins a second to 1,000 RTMP viewers, load generator not pausing",
             (PENSTOCK, NGINX, NODE), poll_ms=0, probe_rate=200),
    Scenario("joins-http", "200 joins a second to 1,000 HTTP viewers, load generator not pausing",
             HTTP[:2], poll_ms=0, probe_rate=200),
    Scenario("slow", "1,000 RTMP viewers, 50 that read a tenth of the rate, 10 that stop reading",
             (PENSTOCK, NGINX), slow=50, stuck=10),
    Scenario("beside", "5,000 RTMP viewers of one stream, 1 of another, load generator not pausing",
             (PENSTOCK, NGINX), viewers=5000, beside=1, poll_ms=0),
    Scenario("streams", "300 publishers of 500 kbit/s, one RTMP viewer each",
             (PENSTOCK, NGINX,
              Entry("penstock, with HLS", Penstock, {"hls": True}),
              Entry("nginx-rtmp, hls on", Nginx, {"hls": True})),
             viewers=300, publishers=300, bitrate=5e5),
    Scenario("most", "the most viewers in real time: p99 at most 450 ms, no gap",
             (PENSTOCK, Entry("penstock, http-flv", Penstock, protocol="http-flv"), NGINX,
              FLOORS[2]),
             viewers=12000, steps=(2000, 4000, 6000, 8000, 10000, 12000)),
)

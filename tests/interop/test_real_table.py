"""A real full table: the captured iBGP session of a route reflector, through rrd, and from there through BIRD.

    feeder ---- rrd (reflector) ---- receiver
                      |
                     BIRD (reflector) ---- receiver

What comes out equals what went in, attribute by attribute, apart from what RFC 4456 adds.
"""
import os

import pytest

from lab import bgp, daemons, fig4, mrt, peers, table
from lab.wait import wait_until

CAPTURE = "ibgp-session-2015.mrt.gz"
BIRD, FEEDER, RECEIVER, BEHIND_BIRD = "10.0.0.111", "10.0.0.120", "10.0.0.121", "10.0.0.122"


@pytest.fixture(scope="module")
def captured():
    directory = os.environ.get("RRD_BGP_DATA")
    if not directory:
        pytest.skip("RRD_BGP_DATA does not name a directory with a captured session")
    return mrt.updates(os.path.join(directory, CAPTURE))


def config():
    clients = {"peer-as": fig4.AS, "route-reflector-client": True, "passive": True, "hold-time": 240}
    return {
        "router": {"as": fig4.AS, "router-id": fig4.REFLECTOR, "cluster-id": fig4.REFLECTOR},
        "listen": [{"address": fig4.REFLECTOR}],
        "peer-groups": {"clients": clients, "silent": {**clients, "export": "none"}},
        "neighbors": [{"address": FEEDER, "peer-group": "silent"}, {"address": RECEIVER, "peer-group": "clients"},
                      {"address": BIRD, "peer-group": "clients"}],
    }


def bird(fig):
    def session(name, neighbor, more):
        return f"""
            protocol bgp {name} {{
                local {BIRD} as {fig4.AS}; neighbor {neighbor} as {fig4.AS}; hold time 240;
                rr client; rr cluster id {BIRD}; connect delay time 1; {more}
                ipv4 {{ igp table igp4; import all; export all; }};
            }}"""
    ns = fig.attach("bird", BIRD, "fd00:10::111")
    return peers.Bird(ns, BIRD, f"""
        ipv4 table igp4;
        protocol static {{ ipv4 {{ table igp4; }}; route 0.0.0.0/0 via "eth0"; }}
        {session("rrd", fig4.REFLECTOR, "")} {session("receiver", BEHIND_BIRD, "passive yes;")}
        """)


def speaker(fig, address, remote):
    ns = fig.attach(f"at-{address}", address, f"fd00:10::{address.rsplit('.')[-1]}")
    ns.ip("link set eth0 mtu 1500")
    this = bgp.Speaker(ns, remote, local=address, asn=fig4.AS, hold_time=240)
    this.run = lambda: None  # its socket is ours once the session is up
    return this.establish()


def same(receiver, wanted, who):
    def count():
        assert not receiver.closed, f"{who} lost its session"
        return len(receiver.table) == len(wanted)
    wait_until(count, 90, f"{who} to hold {len(wanted)} prefixes", poll_s=0.2)

    def fact():
        difference = table.difference(wanted, dict(receiver.table))
        assert not difference, f"{who}: {difference}"
        return True
    wait_until(fact, 30, f"the table of {who} to be as it should", poll_s=1)


def test_a_real_table_comes_through_rrd_and_bird_as_it_went_in(fig, captured):
    went_in = {}
    for update in captured:
        table.apply(went_in, update)
    reflector = daemons.reflector(fig, config()).wait_until_ready()
    bird(fig)
    receiver = table.Receiver(speaker(fig, RECEIVER, fig4.REFLECTOR))
    behind_bird = table.Receiver(speaker(fig, BEHIND_BIRD, BIRD))
    reflector.wait_established(BIRD)
    feeder = speaker(fig, FEEDER, fig4.REFLECTOR)
    for update in captured:
        feeder.socket.sendall(update)
    sets = {octets: None for octets in went_in.values()}
    for clusters, who, name in (([fig4.REFLECTOR], receiver, "rrd's client"),
                                ([fig4.REFLECTOR, BIRD], behind_bird, "BIRD's client")):
        for octets in sets:
            sets[octets] = table.reflected(octets, FEEDER, clusters)
        same(who, {prefix: sets[octets] for prefix, octets in went_in.items()}, name)
    assert reflector.state(FEEDER) == "established"

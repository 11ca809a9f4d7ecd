"""What the route half of the suite shares: speakers of a hub, UPDATEs made by hand, and what became of them.

A case sends from a `mouth` and looks at what an `ear` holds; both come from the fixture cast. Nothing but what is on the wire is
judged, so that a case can be run against any daemon.
"""
import ipaddress
import itertools
import struct

from lab import bgp, hub
from lab.bgp import IPV4, IPV6, attribute
from lab.target import EXTERNAL_AS as OUTSIDE_AS
from lab.wait import wait_until

PREFIX, SECOND, THIRD = "198.51.100.0/24", "192.0.2.0/24", "198.18.0.0/15"
SIX, SIX2 = "2001:db8:1::/48", "2001:db8:2::/48"
HOP, HOP2, HOP6 = "10.9.0.77", "10.9.0.78", "fd00:9::77"
BOTH = (IPV4, IPV6)
ENHANCED = bgp.capability(70)
EXTENDED = bgp.capability(bgp.CAP_EXTENDED_MESSAGE)
AGGREGATOR, AS4_PATH, AS4_AGGREGATOR, LARGE_COMMUNITIES, IPV6_EXTENDED = 7, 17, 18, 32, 25
ATOMIC_AGGREGATE = 6
SET, SEQUENCE, CONFED_SEQUENCE, CONFED_SET = 1, 2, 3, 4


# Octets.

def ip(text):
    return ipaddress.ip_address(text).packed


def u32(*values):
    return struct.pack(f"!{len(values)}I", *values)


def segment(kind, *asns, octets=4):
    return struct.pack("!BB", kind, len(asns)) + b"".join(struct.pack("!I" if octets == 4 else "!H", a) for a in asns)


ORIGIN = attribute(bgp.ORIGIN, b"\0")
PATH = attribute(bgp.AS_PATH, b"")
NEXT_HOP = attribute(bgp.NEXT_HOP, ip(HOP))
PREF = attribute(bgp.LOCAL_PREF, u32(100))
GOOD = ORIGIN + PATH + NEXT_HOP + PREF
NLRI = bgp.nlri([PREFIX])
FROM_OUTSIDE = ORIGIN + attribute(bgp.AS_PATH, segment(SEQUENCE, OUTSIDE_AS)) + NEXT_HOP


def base(outside=False, path=None, hop=HOP, pref=100, origin=0):
    """The mandatory attributes as octets; path: of AS numbers, or the attribute's value."""
    if path is None:
        path = (OUTSIDE_AS,) if outside else ()
    value = path if isinstance(path, bytes) else bgp.as_path(*path)
    octets = attribute(bgp.ORIGIN, bytes([origin])) + attribute(bgp.AS_PATH, value)
    if hop:
        octets += attribute(bgp.NEXT_HOP, ip(hop))
    if pref is not None and not outside:
        octets += attribute(bgp.LOCAL_PREF, u32(pref))
    return octets


def reach(prefixes=(SIX,), hop=ip(HOP6), family=IPV6, reserved=0, flags=0x80, length=None, ids=None):
    """MP_REACH_NLRI; prefixes may be octets."""
    routes = prefixes if isinstance(prefixes, bytes) else bgp.nlri(list(prefixes), ids)
    value = struct.pack("!HBB", *family, len(hop) if length is None else length) + hop + bytes([reserved]) + routes
    return attribute(bgp.MP_REACH, value, flags)


def unreach(prefixes=(SIX,), family=IPV6, flags=0x80, ids=None):
    routes = prefixes if isinstance(prefixes, bytes) else bgp.nlri(list(prefixes), ids)
    return attribute(bgp.MP_UNREACH, struct.pack("!HB", *family) + routes, flags)


def update(attributes=GOOD, routes=NLRI, withdrawn=b""):
    return bgp.update(withdrawn, attributes, routes)


def tlvs(octets):
    """[(flags, code, value)] in order; flags as they are."""
    found, at = [], 0
    while at < len(octets):
        flags, code = octets[at], octets[at + 1]
        n, head = (struct.unpack_from("!H", octets, at + 2)[0], 4) if flags & 0x10 else (octets[at + 2], 3)
        found.append((flags, code, octets[at + head:at + head + n]))
        at += head + n
    return found


def parts(octets, size):
    """A list of communities for comparing: RFC 1997, 4360 and 8092 know no order of them."""
    return sorted(octets[i:i + size] for i in range(0, len(octets or b""), size))


def path_of(octets, asn_octets=4):
    """An AS_PATH for comparing: [(kind, AS numbers)], with sequences that follow each other as one."""
    found, at = [], 0
    while at < len(octets or b""):
        kind, n = octets[at], octets[at + 1]
        asns = list(struct.unpack_from(f"!{n}{'I' if asn_octets == 4 else 'H'}", octets, at + 2))
        at += 2 + asn_octets * n
        if found and found[-1][0] == kind == SEQUENCE:
            found[-1][1].extend(asns)
        else:
            found.append((kind, asns))
    return found


# What an ear holds.

def low_high(*speakers):
    """The speakers by BGP Identifier and address, both of which count at the end."""
    return sorted(speakers, key=lambda s: ipaddress.ip_address(s.local))


def updates(ear, since=0):
    return [m for m in ear.messages[since:] if m.kind == bgp.UPDATE]


def last_update(ear, prefix):
    """The body of the last UPDATE that announced the prefix."""
    for got in reversed(updates(ear)):
        if any(p.prefix == prefix for p in bgp.decode_update(got.body, ear.add_path_in)[1]):
            return got.body
    raise AssertionError(f"nothing announced {prefix} to {ear.router_id}")


def told(ear, prefix=PREFIX):
    """[(flags, code, value)] of the UPDATE that announced the prefix last, in the order of the message."""
    body = last_update(ear, prefix)
    n = struct.unpack_from("!H", body)[0]
    m = struct.unpack_from("!H", body, 2 + n)[0]
    return tlvs(body[4 + n:4 + n + m])


def value(ear, code, prefix=PREFIX):
    return next((v for _, c, v in told(ear, prefix) if c == code), None)


def flags(ear, code, prefix=PREFIX):
    return next((f for f, c, _ in told(ear, prefix) if c == code), None)


def heard(ear, prefix=PREFIX, hops=None):
    """Waits until ear has a path for prefix (by exactly these next hops) and returns the first."""
    if hops is None:
        wait_until(lambda: ear.paths(prefix), 5, f"{prefix} at {ear.router_id}")
    else:
        ear.wait_for_routes(prefix, hops, 5)
    return ear.paths(prefix)[0]


def lost(ear, prefix=PREFIX):
    wait_until(lambda: not ear.paths(prefix), 5, f"{prefix} to be withdrawn from {ear.router_id}")


_barrier = itertools.count(1)


def settled(mouth, *ears):
    """All that mouth has sent before has become what it will become at each of the ears, and mouth's session stands."""
    barrier = f"203.0.{next(_barrier) % 256}.0/24"
    outside = mouth.asn != hub.AS
    ids = [99] if IPV4 in mouth.add_path_out else None
    path = as_octets(mouth, (mouth.asn,) if outside else ())
    body = attribute(bgp.ORIGIN, b"\0") + attribute(bgp.AS_PATH, path) + NEXT_HOP + (b"" if outside else PREF)
    mouth.send(update(body, bgp.nlri([barrier], ids)))
    for ear in ears:
        wait_until(lambda e=ear: e.paths(barrier) or mouth.closed, 5, f"the barrier at {ear.router_id}")
    assert not mouth.closed, f"the session was ended: {mouth.notification}"
    mouth.withdraw(barrier, path_ids=ids)
    for ear in ears:
        lost(ear, barrier)


def as_octets(speaker, asns):
    four = speaker.capabilities is None or any(c[0] == bgp.CAP_AS4 for c in speaker.capabilities)
    return bgp.as_path(*asns, four_octets=four)


def silent(mouth, *ears, prefix=PREFIX):
    """Nothing of prefix comes to the ears from mouth, whose session stands."""
    settled(mouth, *ears)
    for ear in ears:
        assert not ear.paths(prefix), f"{prefix} reached {ear.router_id}"


# What became of an UPDATE.

class Verdict(str):
    """"announced", "withdrawn" or "reset"."""
    path = None     # announced: the Path
    error = None    # reset: (code, subcode)
    data = None


def judge(cast, octets, group="client", prefix=PREFIX, first=True, ear_group="all", more=(), kind="new_speaker"):
    """What becomes of prefix, announced well before, when a peer of this group sends these octets."""
    outside = group == "outside"
    ear = cast(ear_group, families=BOTH)
    mouth = cast(group, families=BOTH, more=more, kind=kind)
    path = (OUTSIDE_AS,) if outside else ()
    pref = None if outside else 100
    if first:
        if ":" in prefix:
            mouth.announce(prefix, "fd00:9::70", path=path, local_pref=pref)
        else:
            mouth.send(update(attribute(1, b"\0") + attribute(2, as_octets(mouth, path)) + attribute(3, ip("10.9.0.70"))
                              + (b"" if outside else PREF), bgp.nlri([prefix])))
        heard(ear, prefix)
    mouth.send(octets)
    barrier = f"203.0.{next(_barrier) % 256}.0/24"
    mouth.send(update(attribute(1, b"\0") + attribute(2, as_octets(mouth, path)) + NEXT_HOP
                      + (b"" if outside else PREF), bgp.nlri([barrier])))
    wait_until(lambda: mouth.closed or ear.paths(barrier), 5, "the barrier, or the end of the session")
    if mouth.closed or not ear.paths(barrier):
        result = Verdict("reset")
        note = next((m.body for m in mouth.messages if m.kind == bgp.NOTIFICATION), b"\0\0")
        result.error, result.data = (note[0], note[1]), note[2:]
        return result
    if not ear.paths(prefix):
        return Verdict("withdrawn")
    result = Verdict("announced")
    result.path = ear.paths(prefix)[0]
    return result


# Which of two is the best.

GOOD_HOP, BAD_HOP = "10.9.0.101", "10.9.0.102"


def compete(cast, good, bad, ear=None, witness=None):
    """good and bad: (speaker, octets after base, base's arguments). good must win, in both orders. witness: an ear that hears all paths,
    to wait for both where something has yet to be found out about them."""
    ear = ear or cast()
    says = {}
    for name, hop, (speaker, more, arguments) in (("good", GOOD_HOP, good), ("bad", BAD_HOP, bad)):
        arguments.setdefault("hop", hop)
        says[name] = speaker, update(base(speaker.asn != hub.AS, **arguments) + more)
    for names in (("good", "bad"), ("bad", "good")):
        for name in names:
            speaker, octets = says[name]
            speaker.send(octets)
            settled(speaker, ear)
        if witness:
            witness.wait_for_routes(PREFIX, [good[2]["hop"], bad[2]["hop"]], 5)
            settled(good[0], ear, witness)
        assert ear.next_hops(PREFIX) == [good[2]["hop"]], f"{names} made {ear.next_hops(PREFIX)} the best"
        for name in names:
            says[name][0].withdraw(PREFIX)
        for one in filter(None, (ear, witness)):
            lost(one)

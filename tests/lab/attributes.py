"""Path attributes as values that can be compared, and their octets both ways.

read_update() and write_update() are a second reading of the RFCs, beside the one in src/bgp: nothing here knows how the daemon
does it. What a value holds is what a receiver is meant to see: the order of attributes and the form of a length are not part
of it, the flags of unknown attributes are.
RFC 4271 4.3 and 5, 1997 (communities), 4360 (extended communities), 4456 (reflection), 4760 (MP-BGP), 6793 (4-octet AS), 7911.
"""
import ipaddress
import struct
from dataclasses import dataclass, replace  # noqa: F401  (replace: for who changes a value)

from . import bgp

SET, SEQUENCE = 1, 2
AS4_PATH = 17
NO_EXPORT, NO_ADVERTISE, NO_EXPORT_SUBCONFED, GRACEFUL_SHUTDOWN = 0xFFFFFF01, 0xFFFFFF02, 0xFFFFFF03, 0xFFFF0000
OPTIONAL, TRANSITIVE, PARTIAL, EXTENDED_LENGTH = 0x80, 0x40, 0x20, 0x10
ATOMIC_AGGREGATE, AGGREGATOR, AS4_AGGREGATOR = 6, 7, 18
DISPENSABLE = ATOMIC_AGGREGATE, AGGREGATOR


@dataclass(frozen=True)
class Attributes:
    """None and () mean: not there. others: attributes that no rule here looks into, as (code, flags without the bit of the
    length, octets), ascending."""
    next_hop: str
    as_path: tuple = ()      # segments: (SET or SEQUENCE, (AS, AS...))
    origin: int = 0
    med: int = None
    local_pref: int = None
    communities: tuple = ()  # numbers
    originator_id: str = None
    cluster_list: tuple = ()
    extended: tuple = ()     # 8 octets each
    others: tuple = ()

    def __str__(self):
        words = [f"via {self.next_hop}", f"path {path_text(self.as_path)}"]
        for name in ("origin", "med", "local_pref", "originator_id"):
            if getattr(self, name) is not None:
                words.append(f"{name} {getattr(self, name)}")
        if self.cluster_list:
            words.append("clusters " + ",".join(self.cluster_list))
        if self.communities:
            words.append("communities " + ",".join(f"{c >> 16}:{c & 0xffff}" for c in self.communities))
        if self.extended:
            words.append("extended " + ",".join(e.hex() for e in self.extended))
        words += [f"{code}/{flags:02x}={value.hex() if len(value) < 20 else f'{len(value)} octets'}"
                  for code, flags, value in self.others]
        return " ".join(words)


def path_text(path):
    return " ".join(f"{{{','.join(map(str, asns))}}}" if kind == SET else " ".join(map(str, asns)) for kind, asns in path) or "empty"


def path_octets(path, as4=True):
    wide = "I" if as4 else "H"
    return b"".join(struct.pack(f"!BB{len(asns)}{wide}", kind, len(asns), *(a if as4 or a < 65536 else bgp.AS_TRANS for a in asns))
                    for kind, asns in path)


def path_from(octets, as4=True):
    size, found, at = 4 if as4 else 2, [], 0
    while at < len(octets):
        kind, count = octets[at], octets[at + 1]
        found.append((kind, struct.unpack_from(f"!{count}{'I' if as4 else 'H'}", octets, at + 2)))
        at += 2 + size * count
    return tuple(found)


def narrow(a):
    """The same for a peer whose AS numbers have two octets (RFC 6793 4.2.2): larger ones become AS_TRANS, and where there was
    one the whole path goes along in AS4_PATH."""
    wide = any(n > 65535 for _, asns in a.as_path for n in asns)
    others = []
    for code, flags, value in a.others:
        if code == AGGREGATOR:
            number = struct.unpack("!I", value[:4])[0]
            if number > 65535:
                others.append((AS4_AGGREGATOR, flags, value))
            value = struct.pack("!H", number if number < 65536 else bgp.AS_TRANS) + value[4:]
        others.append((code, flags, value))
    if wide:
        others.append((AS4_PATH, OPTIONAL | TRANSITIVE, path_octets(a.as_path)))
    short = tuple((kind, tuple(n if n < 65536 else bgp.AS_TRANS for n in asns)) for kind, asns in a.as_path)
    return replace(a, as_path=short, others=tuple(sorted(others)))


def list_octets(a, as4=True, six=False):
    """The attributes without MP_REACH_NLRI. six: they are those of IPv6 routes, whose next hop is not among them. as4 False: of
    what narrow() made."""
    parts = [(1, TRANSITIVE, bytes([a.origin])), (2, TRANSITIVE, path_octets(a.as_path, as4))]
    if not six and ":" not in a.next_hop:
        parts.append((3, TRANSITIVE, ipaddress.IPv4Address(a.next_hop).packed))
    if a.med is not None:
        parts.append((4, OPTIONAL, struct.pack("!I", a.med)))
    if a.local_pref is not None:
        parts.append((5, TRANSITIVE, struct.pack("!I", a.local_pref)))
    if a.communities:
        parts.append((8, OPTIONAL | TRANSITIVE, struct.pack(f"!{len(a.communities)}I", *a.communities)))
    if a.originator_id:
        parts.append((9, OPTIONAL, ipaddress.IPv4Address(a.originator_id).packed))
    if a.cluster_list:
        parts.append((10, OPTIONAL, b"".join(ipaddress.IPv4Address(c).packed for c in a.cluster_list)))
    if a.extended:
        parts.append((16, OPTIONAL | TRANSITIVE, b"".join(a.extended)))
    parts += a.others
    return b"".join(bgp.attribute(code, value, flags) for code, flags, value in sorted(parts))


def write_update(prefixes, a, path_ids=None, as4=True):
    """An UPDATE that announces prefixes of one family. as4 False: to a peer of two-octet AS numbers."""
    return write_octets(":" in prefixes[0], bgp.nlri(prefixes, path_ids), a, as4)


def write_octets(six, nlri, a, as4=True):
    """The same of prefixes as octets."""
    a = a if as4 else narrow(a)
    octets = list_octets(a, as4, six)
    if ":" not in a.next_hop:
        return bgp.update(attributes=octets, reachable=nlri)
    hop = ipaddress.IPv6Address(a.next_hop).packed
    reach = struct.pack("!HBB", 2 if six else 1, 1, len(hop)) + hop + b"\0" + nlri
    return bgp.update(attributes=bgp.attribute(bgp.MP_REACH, reach) + octets)


def update_length(prefix, a, with_id, as4=True):
    """Octets of the shortest UPDATE that announces one prefix. a: of what narrow() made where as4 is False."""
    six = ":" in prefix
    octets = 19 + 2 + 2 + len(list_octets(a, as4, six))
    nlri = (4 if with_id else 0) + 1 + (ipaddress.ip_network(prefix).prefixlen + 7) // 8
    if ":" not in a.next_hop:
        return octets + nlri
    reach = 2 + 1 + 1 + 16 + 1 + nlri
    return octets + 3 + reach


def value_of(parts, as4):
    """Attributes of {code: (flags, octets)}."""
    def numbers(code):
        value = parts.get(code, (0, b""))[1]
        return struct.unpack(f"!{len(value) // 4}I", value)

    def addresses(code):
        return tuple(str(ipaddress.IPv4Address(n)) for n in numbers(code))

    if bgp.MP_REACH in parts and bgp.NEXT_HOP not in parts:
        value = parts[bgp.MP_REACH][1]
        hop = value[4:4 + value[3]]
        assert len(hop) in (4, 16), f"a next hop of {len(hop)} octets"
    else:
        hop = parts[bgp.NEXT_HOP][1]
    extended = parts.get(bgp.EXTENDED_COMMUNITIES, (0, b""))[1]
    known = (1, 2, 3, 4, 5, 8, 9, 10, 14, 15, 16)
    return Attributes(
        next_hop=str(ipaddress.ip_address(hop)), as_path=path_from(parts[bgp.AS_PATH][1], as4), origin=parts[bgp.ORIGIN][1][0],
        med=next(iter(numbers(bgp.MED)), None), local_pref=next(iter(numbers(bgp.LOCAL_PREF)), None),
        communities=numbers(bgp.COMMUNITIES), originator_id=next(iter(addresses(bgp.ORIGINATOR_ID)), None),
        cluster_list=addresses(bgp.CLUSTER_LIST), extended=tuple(extended[i:i + 8] for i in range(0, len(extended), 8)),
        others=tuple(sorted((code, flags, value) for code, (flags, value) in parts.items() if code not in known)))


def read_update(body, add_path=(), as4=True):
    """(withdrawn [(prefix, id)], announced [(prefix, id)], their Attributes or None, the family whose End-of-RIB this is or
    None). add_path: families whose prefixes come with identifiers. Strict: whatever a reader would have to guess is an error."""
    n = struct.unpack_from("!H", body)[0]
    m = struct.unpack_from("!H", body, 2 + n)[0]
    octets, reachable = body[4 + n:4 + n + m], body[4 + n + m:]
    assert len(body) >= 4 + n + m, "lengths that exceed the message"
    withdrawn = bgp.decode_nlri(body[2:2 + n], bgp.IPV4, bgp.IPV4 in add_path)
    announced, parts, at = [], {}, 0
    while at < m:
        flags, code = octets[at], octets[at + 1]
        length, head = (struct.unpack_from("!H", octets, at + 2)[0], 4) if flags & EXTENDED_LENGTH else (octets[at + 2], 3)
        assert code not in parts, f"attribute {code} stands there twice"
        assert at + head + length <= m, f"attribute {code} runs past the end"
        parts[code] = (flags & ~EXTENDED_LENGTH, octets[at + head:at + head + length])
        at += head + length
    ended = bgp.IPV4 if not n and not m and not reachable else None
    if reachable:
        announced = bgp.decode_nlri(reachable, bgp.IPV4, bgp.IPV4 in add_path)
    if bgp.MP_UNREACH in parts:
        value = parts[bgp.MP_UNREACH][1]
        family = struct.unpack_from("!HB", value)
        ended = family if len(value) == 3 else None
        withdrawn += bgp.decode_nlri(value[3:], family, family in add_path)
    if bgp.MP_REACH in parts:
        value = parts[bgp.MP_REACH][1]
        family = struct.unpack_from("!HB", value)
        assert not reachable, "routes of two kinds in one message"
        announced = bgp.decode_nlri(value[5 + value[3]:], family, family in add_path)
    return withdrawn, announced, value_of(parts, as4) if announced else None, ended

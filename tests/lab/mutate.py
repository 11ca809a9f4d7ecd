"""Messages that are nearly right: what a broken or hostile peer sends. The frame stays whole most of the time, so that what is wrong
reaches the parser of what is inside."""
import struct

from . import bgp

HEADER = 19
LENGTHS = (0, 1, 3, 4, 127, 128, 254, 255)


def flip(random, octets):
    """A few octets are others."""
    body = bytearray(octets)
    for _ in range(random.choice((1, 1, 1, 2, 5, 20))):
        if body:
            at = random.randrange(len(body))
            body[at] = random.choice((body[at] ^ 1 << random.randrange(8), random.randrange(256), random.choice(LENGTHS)))
    return bytes(body)


def cut(random, octets):
    return octets[:random.randrange(len(octets) + 1)]


def double(random, octets):
    """A piece stands there twice."""
    a, b = sorted(random.randrange(len(octets) + 1) for _ in range(2))
    return octets[:b] + octets[a:b] + octets[b:]


def stuff(random, octets):
    """Something is put in between: octets at random, or an attribute with any flags, type and length."""
    at = random.randrange(len(octets) + 1)
    value = random.randbytes(random.choice((0, 1, 2, 4, 8, 12, 40)))
    attribute = bytes([random.randrange(256), random.choice((*range(1, 41), 99, 128, 255)), random.choice((len(value), *LENGTHS))])
    return octets[:at] + random.choice((value, attribute + value)) + octets[at:]


def resize(random, octets):
    """The UPDATE's own lengths are others."""
    at = random.choice((0, 2))
    return octets[:at] + struct.pack("!H", random.choice((0, 1, len(octets), 65535, random.randrange(4096)))) + octets[at + 2:]


def mutated(random, message):
    """One message made from a good one, of at most 4096 octets."""
    body, kind = message[HEADER:], message[18]
    for _ in range(random.choice((1, 1, 2, 3))):
        body = random.choice((flip, flip, cut, double, stuff, stuff, resize))(random, body)
    body = body[:4096 - HEADER]
    if random.random() < 0.02:
        kind = random.randrange(256)
    made = bgp.message(kind, body)
    return flip(random, made[:HEADER]) + body if random.random() < 0.02 else made

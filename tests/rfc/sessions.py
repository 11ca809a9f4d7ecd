"""What the session half of the suite shares: connections in a given state, messages made by hand, and how a connection ended.

Speakers here have no thread: a case sends octets and reads what comes. What was sent before has been judged when the answer to a
`probe` has come: a header of impossible length, which every state answers with Bad Message Length.
"""
import socket
import struct
import time
from dataclasses import dataclass

from lab import bgp, hub
from lab.bgp import capability, message
from lab.wait import wait_until

OPEN_SENT, OPEN_CONFIRM, ESTABLISHED = 1, 2, 3
STATES = {"open_sent": OPEN_SENT, "open_confirm": OPEN_CONFIRM, "established": ESTABLISHED}
KEEPALIVE = message(bgp.KEEPALIVE)
AS4 = capability(bgp.CAP_AS4, struct.pack("!I", hub.AS))
MP4 = capability(bgp.CAP_MP, struct.pack("!HBB", 1, 0, 1))
MP6 = capability(bgp.CAP_MP, struct.pack("!HBB", 2, 0, 1))
REFRESH = struct.pack("!HBB", 1, 0, 1)
LOW_ID, HIGH_ID = "1.2.3.4", "223.255.255.254"  # below and above the daemon's


@dataclass
class End:
    """How a connection ended: by a NOTIFICATION (code, subcode, data), or without one (code None)."""
    code: int = None
    subcode: int = None
    data: bytes = b""

    @property
    def error(self):
        return None if self.code is None else (self.code, self.subcode)


def header(length, kind, marker=b"\xff" * 16):
    return marker + struct.pack("!HB", length, kind)


PROBE = header(18, bgp.KEEPALIVE)


def raw_open(options=b"", asn=hub.AS, hold=90, ident=LOW_ID, version=4, length=None):
    """An OPEN; length: of the optional parameters, where it is to be wrong."""
    ident = ident if isinstance(ident, bytes) else socket.inet_aton(ident)
    length = len(options) if length is None else length
    return message(bgp.OPEN, struct.pack("!BHH", version, asn, hold) + ident + bytes([length]) + options)


def parameter(value, kind=2):
    return bytes([kind, len(value)]) + value


def capabilities(*caps):
    """One optional parameter with these."""
    return parameter(b"".join(caps))


def connect(world, state=OPEN_SENT, group="client", opened=None, **more):
    """A speaker whose connection is in that state at the daemon. opened: the OPEN to send; None: a usual one."""
    speaker = world.speaker(group, **more).open()
    return advance(speaker, state, opened)


def advance(speaker, state, opened=None):
    """From OpenSent on."""
    if state >= OPEN_CONFIRM:
        if opened is None:
            speaker.send_open()
        else:
            speaker.send(opened)
        expect_open(speaker)
    if state == ESTABLISHED:
        speaker.send(KEEPALIVE)
    return speaker


def expect_open(speaker):
    """Reads the daemon's OPEN and the KEEPALIVE by which it takes ours."""
    got = speaker.receive()
    if got is not None and got.kind == bgp.OPEN:
        speaker.peer = bgp.decode_open(got.body)
        got = speaker.receive()
    if got is None:
        raise AssertionError("the connection was closed without a NOTIFICATION")
    if got.kind == bgp.NOTIFICATION:
        raise AssertionError(f"the OPEN was refused with {got.error} {got.body[2:].hex()}")
    assert got.kind == bgp.KEEPALIVE
    return speaker


def end_of(speaker, timeout=5):
    """Reads to the end of the connection. At most one NOTIFICATION comes, and nothing behind it."""
    until = time.monotonic() + timeout
    end = End()
    while True:
        left = until - time.monotonic()
        try:
            got = speaker.receive(left) if left > 0 else "late"
        except TimeoutError:
            got = "late"
        assert got != "late", f"the connection is still open after {timeout} s" + (f", with {end}" if end.code else "")
        if got is None:
            return end
        assert end.code is None, f"something came behind the NOTIFICATION {end}"
        if got.kind == bgp.NOTIFICATION:
            end = End(got.body[0], got.body[1], got.body[2:])


def say(speaker, octets):
    """Sends where there may be nobody any more."""
    try:
        speaker.send(octets)
    except ConnectionError:
        pass
    return speaker


def pace(speaker, what, pause_s):
    """Sends each of these after a pause. Only for cases about timers, which a peer's rhythm is part of."""
    for octets in what:
        time.sleep(pause_s)
        speaker.send(octets)
    return speaker


def answer(speaker, octets, timeout=5):
    """How the connection ends when these octets are sent."""
    return end_of(say(speaker, octets), timeout)


def still_up(speaker):
    """All that was sent has been taken and the connection stands. Ends it."""
    end = answer(speaker, PROBE)
    assert end.error == (1, 2), f"the connection ended with {end} before the probe"


def comes_up(speaker, octets):
    """The daemon takes this OPEN and the session comes up."""
    speaker.send(octets)
    expect_open(speaker)
    speaker.send(KEEPALIVE)
    still_up(speaker)


def again(world, local, octets=raw_open(capabilities(MP4, AS4))):
    """The peer at this address comes again: a speaker that is up. If not at once then soon: what went before may still be on its way,
    and who damps oscillations waits a little (RFC 4271 8.1)."""
    def attempt():
        speaker = world.speaker(local=local).open()
        try:
            return expect_open(speaker.send(octets)).send(KEEPALIVE)
        except (AssertionError, ConnectionError, TimeoutError):
            speaker.close()
            return None
    return wait_until(attempt, 10, f"a session with {local} again", poll_s=0.05)


def comes_back(world, local, octets=raw_open(capabilities(MP4, AS4))):
    """The same, and the session stands. Ends it."""
    still_up(again(world, local, octets))


def received(speaker, kind, timeout=5):
    """The next message of that kind."""
    until = time.monotonic() + timeout
    while True:
        got = speaker.receive(max(until - time.monotonic(), 0.001))
        if got is None:
            raise AssertionError("the connection was closed")
        if got.kind == kind:
            return got


def daemons_open(world, group="client", **more):
    """The daemon's OPEN, decoded; raw: its body."""
    speaker = world.speaker(group, **more).open()
    got = speaker.receive()
    if got is None or got.kind != bgp.OPEN:
        # Who waits for ours first.
        speaker.send_open()
        got = received(speaker, bgp.OPEN)
    speaker.peer = bgp.decode_open(got.body)
    speaker.peer.raw = got.body
    return speaker

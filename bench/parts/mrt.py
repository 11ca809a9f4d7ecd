"""A captured BGP session (MRT, RFC 6396, BGP4MP and BGP4MP_ET) to the UPDATEs of its sender, one behind the other in a file."""
import gzip
import struct

BGP4MP, BGP4MP_ET = 16, 17
MESSAGE, MESSAGE_AS4 = 1, 4
AFI_IPV4, AFI_IPV6 = 1, 2
OPEN, UPDATE = 1, 2
MARKER = b"\xff" * 16


class Malformed(ValueError):
    """The file is not what it should be."""


def records(octets):
    """Yields (subtype, body) of the BGP4MP records."""
    at = 0
    while at < len(octets):
        if len(octets) - at < 12:
            raise Malformed(f"octet {at}: a record is cut short")
        _, kind, subtype, length = struct.unpack_from(">IHHI", octets, at)
        body = octets[at + 12:at + 12 + length]
        if len(body) < length:
            raise Malformed(f"octet {at}: a record is cut short")
        at += 12 + length
        if kind == BGP4MP_ET:
            body = body[4:]
        if kind in (BGP4MP, BGP4MP_ET) and subtype in (MESSAGE, MESSAGE_AS4):
            yield subtype, body


def messages(octets):
    """Yields (sender's address, message)."""
    for subtype, body in records(octets):
        head = 12 if subtype == MESSAGE_AS4 else 8
        afi = struct.unpack_from(">H", body, head - 2)[0]
        width = {AFI_IPV4: 4, AFI_IPV6: 16}.get(afi)
        if width is None:
            raise Malformed(f"address family {afi}")
        message = body[head + 2 * width:]
        if message[:16] != MARKER or struct.unpack_from(">H", message, 16)[0] != len(message):
            raise Malformed("a record without a whole BGP message")
        yield body[head:head + width], message


def updates(path):
    """The UPDATEs of whoever sent most of them, without End-of-RIB."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        octets = f.read()
    by_sender = {}
    for sender, message in messages(octets):
        if message[18] == UPDATE and len(message) > 23:
            by_sender.setdefault(sender, []).append(message)
    if not by_sender:
        raise Malformed(f"{path}: no UPDATE in it")
    return max(by_sender.values(), key=len)


def write(path, target):
    """Writes the UPDATEs of the capture to the file target."""
    with open(target, "wb") as f:
        f.writelines(updates(path))

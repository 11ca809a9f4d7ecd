"""A captured BGP session (MRT, RFC 6396: BGP4MP and BGP4MP_ET, AS numbers of 4 octets) to the UPDATEs of its sender."""
import gzip
import struct
import zlib

BGP4MP, BGP4MP_ET = 16, 17
MESSAGE, MESSAGE_AS4 = 1, 4
AFI_IPV4, AFI_IPV6 = 1, 2
UPDATE = 2
AS_PATH, EXTENDED_LENGTH = 2, 0x10
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
        if len(body) < head:
            raise Malformed(f"a record of {len(body)} octets has no addresses")
        afi = struct.unpack_from(">H", body, head - 2)[0]
        width = {AFI_IPV4: 4, AFI_IPV6: 16}.get(afi)
        if width is None:
            raise Malformed(f"address family {afi}")
        message = body[head + 2 * width:]
        if len(message) < 19 or message[:16] != MARKER or struct.unpack_from(">H", message, 16)[0] != len(message):
            raise Malformed("a record without a whole BGP message")
        yield body[head:head + width], message


def updates(path):
    """The UPDATEs of whoever sent most of them, without End-of-RIB."""
    try:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
            octets = f.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as e:
        raise Malformed(f"{path}: not a whole gzip file: {e}") from None
    by_sender = {}
    for sender, message in messages(octets):
        if message[18] == UPDATE and len(message) > 23:
            by_sender.setdefault(sender, []).append(message)
    if not by_sender:
        raise Malformed(f"{path}: no UPDATE in it")
    return max(by_sender.values(), key=len)


def parts(message):
    """(withdrawn, attributes, announced) of an UPDATE."""
    at = 21 + struct.unpack_from(">H", message, 19)[0]
    end = at + 2 + struct.unpack_from(">H", message, at)[0]
    return message[21:at], message[at + 2:end], message[end:]


def prefixes(field):
    """Each prefix as it is on the wire."""
    at = 0
    while at < len(field):
        end = at + 1 + (field[at] + 7) // 8
        yield field[at:end]
        at = end


def has_as_0(attributes):
    """AS 0 in AS_PATH, as numbers of 4 octets."""
    at = 0
    while at < len(attributes):
        head = 4 if attributes[at] & EXTENDED_LENGTH else 3
        length = struct.unpack_from(">H", attributes, at + 2)[0] if head == 4 else attributes[at + 2]
        if attributes[at + 1] == AS_PATH:
            path, i = attributes[at + head:at + head + length], 0
            while i < len(path):
                if 0 in struct.unpack_from(f">{path[i + 1]}I", path, i + 2):
                    return True
                i += 2 + 4 * path[i + 1]
        at += head + length
    return False


def is_routable(prefix):
    """0.0.0.0/8 and its parts are nowhere; the default route is."""
    return prefix[0] == 0 or prefix[1] != 0


class Captured:
    """A session's UPDATEs, one behind the other in the file `path`. What a receiver must refuse is left out, since daemons differ
    in whether they do: AS 0 in a path (RFC 7607), and prefixes of 0.0.0.0/8. paths: how many a receiver holds at its end."""

    def __init__(self, capture, path):
        self.path, held = path, set()
        with open(path, "wb") as f:
            for message in updates(capture):
                withdrawn, attributes, announced = parts(message)
                good = [] if has_as_0(attributes) else [p for p in prefixes(announced) if is_routable(p)]
                f.write(self.message(withdrawn, attributes if good else b"", b"".join(good)))
                held.difference_update(prefixes(withdrawn))
                held.update(good)
        self.paths = len(held)

    @staticmethod
    def message(withdrawn, attributes, announced):
        body = struct.pack(">H", len(withdrawn)) + withdrawn + struct.pack(">H", len(attributes)) + attributes + announced
        return MARKER + struct.pack(">HB", 19 + len(body), UPDATE) + body

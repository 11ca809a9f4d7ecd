"""The reader of captured sessions: whole files, and what is not one."""
import gzip
import struct

import pytest

from lab import bgp, mrt

UPDATE = bgp.announcement(["192.0.2.0/24"], "10.0.0.1")


def record(message, sender=b"\x0a\x00\x00\x01", kind=mrt.BGP4MP_ET):
    body = struct.pack(">IIHH", 65021, 65021, 0, mrt.AFI_IPV4) + sender + b"\x0a\x00\x00\x02" + message
    if kind == mrt.BGP4MP_ET:
        body = struct.pack(">I", 0) + body
    return struct.pack(">IHHI", 0, kind, mrt.MESSAGE_AS4, len(body)) + body


def write(path, octets):
    path.write_bytes(gzip.compress(octets) if path.suffix == ".gz" else octets)
    return str(path)


@pytest.mark.parametrize("name", ["session.mrt", "session.mrt.gz"])
def test_the_updates_are_those_of_whoever_sent_most(tmp_path, name):
    octets = record(UPDATE) + record(bgp.message(bgp.KEEPALIVE)) + record(UPDATE, kind=mrt.BGP4MP)
    octets += record(UPDATE, sender=b"\x0a\x00\x00\x02") + record(bgp.end_of_rib())
    assert mrt.updates(write(tmp_path / name, octets)) == [UPDATE, UPDATE]


@pytest.mark.parametrize("length", [5, 20, 30, len(record(UPDATE)) + 7])
def test_a_truncated_file_is_told(tmp_path, length):
    octets = (record(UPDATE) + record(UPDATE))[:length]
    with pytest.raises(mrt.Malformed, match="cut short"):
        mrt.updates(write(tmp_path / "cut.mrt", octets))


def test_a_truncated_gzip_file_is_told(tmp_path):
    path = write(tmp_path / "cut.mrt.gz", record(UPDATE) * 100)
    with open(path, "r+b") as f:
        f.truncate(40)
    with pytest.raises(mrt.Malformed, match="not a whole gzip file"):
        mrt.updates(path)


@pytest.mark.parametrize("octets, word", [
    (record(UPDATE[:-1]), "whole BGP message"),
    (record(b""), "whole BGP message"),
    (record(b"x" + UPDATE[1:]), "whole BGP message"),
    (struct.pack(">IHHI", 0, mrt.BGP4MP, mrt.MESSAGE_AS4, 4) + bytes(4), "no addresses"),
    (b"", "no UPDATE"),
])
def test_what_is_no_message_is_told(tmp_path, octets, word):
    with pytest.raises(mrt.Malformed, match=word):
        mrt.updates(write(tmp_path / "bad.mrt", octets))

"""The judgement of bench/parts/load.c: everything that can go wrong with a connection or a request is told, and nothing else.

    client -- server 10.1.1.1
"""
import socket
import threading

import pytest

from lab.load import Load, Web
from lab.wait import wait_until

ADDRESS = "10.1.1.1"


class Pair:
    def __init__(self, lab):
        self.client, self.server = lab.ns("client"), lab.ns("server")
        lab.link(self.client, "eth0", self.server, "eth0")
        self.client.ip("addr add 10.1.1.2/24 dev eth0")
        self.server.ip(f"addr add {ADDRESS}/24 dev eth0")
        self.load = Load(self.client, ADDRESS)

    def wait_broken(self, count, timeout=15):
        wait_until(lambda: self.load.status()["broken"] == count, timeout, f"{count} broken connections")
        return {c["why"] for c in self.load.report()["connections"]}


@pytest.fixture
def pair(lab):
    return Pair(lab)


class Liar:
    """Answers as a web server, one connection after the other, with the words that it is given for each request."""

    def __init__(self, ns, bodies):
        self.listener = ns.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((ADDRESS, 80))
        self.listener.listen(8)
        threading.Thread(target=self.serve, args=(bodies,), daemon=True).start()
        ns.lab.closing(self)

    def serve(self, bodies):
        connection, _ = self.listener.accept()
        with connection:
            for body in bodies:
                if not connection.recv(4096):
                    return
                connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body) + 1}\r\n\r\n{body}\n".encode())
            connection.recv(4096)

    def close(self):
        self.listener.close()


def test_all_is_well(pair):
    Web(pair.server, "web1")
    pair.load.open(20, 0.2)
    pair.load.requests(0.01)
    pair.load.mark()
    pair.load.wait_answered(2)
    pair.load.finish(1)
    wait_until(lambda: pair.load.status()["ended"] == 20, 10, "all connections to end by themselves")
    pair.load.requests(0)
    wait_until(lambda: pair.load.status()["requests"]["pending"] == 0, 10, "the last requests")
    status = pair.load.status()
    requests = status["requests"]
    assert status["broken"] == 0 and requests["failed"] == 0
    assert requests["answered"] == requests["sent"] > 50
    assert requests["servers"] == {"web1": requests["answered"]}


def test_a_server_that_dies_breaks_its_connections_and_refuses_requests(pair):
    web = Web(pair.server, "web1")
    pair.load.open(5, 0.1)
    web.kill()
    assert pair.wait_broken(5) <= {"closed by the server", "Connection reset by peer", "Broken pipe"}
    pair.load.requests(0.01)
    wait_until(lambda: pair.load.status()["requests"]["reasons"].get("Connection refused", 0) > 5, 5, "refusals")


def test_silence_is_broken_after_ten_seconds(pair):
    web = Web(pair.server, "web1")
    pair.load.open(3, 0.1)
    web.hang()
    assert pair.wait_broken(3, 20) == {"silence"}
    report = pair.load.report()
    assert all(c["answers"] >= 1 and c["server"] == "web1" for c in report["connections"])


WRONG = "an answer from another server or connection"


@pytest.mark.parametrize("bodies, why", [
    (["web1 7 1", "web2 7 2"], WRONG),
    (["web1 7 1", "web1 8 2"], WRONG),
    (["web1 7 1", "web1 7 3"], WRONG),
    (["web1 7 1", "nonsense"], "an answer that is none"),
    (["web1 7 1", "web1 7 2"], "closed by the server"),
], ids=["another server", "another connection", "out of turn", "no answer", "closed"])
def test_an_answer_that_is_not_the_connections_own_breaks_it(pair, bodies, why):
    Liar(pair.server, bodies)
    pair.load.open(1, 0)
    assert pair.wait_broken(1) == {why}


def test_who_is_refused_was_never_open(pair):
    pair.load.open(2, 0)
    assert pair.wait_broken(2) == {"never opened: Connection refused"}

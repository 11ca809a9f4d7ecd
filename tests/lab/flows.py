"""TCP flows as single packets: thousands of them without an end that keeps state, to see where load balancers send them.

A flow is a client's port. start() sends its SYN, go_on() a packet of its middle, as if the connection had been established long
ago. Nobody need answer. IPv4.
"""
import ipaddress
import socket
import struct

SYN, ACK, PUSH = 0x02, 0x10, 0x08
FIRST_PORT = 1024


def _sum(octets):
    return sum(struct.unpack(f"!{len(octets) // 2}H", octets))


class Flows:
    def __init__(self, ns, client, address, port):
        self.client, self.address, self.port = client, address, port
        source, target = ipaddress.ip_address(client).packed, ipaddress.ip_address(address).packed
        self.pseudo = _sum(source + target) + socket.IPPROTO_TCP
        with ns.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_TCP)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        ns.lab.closing(self)

    def _send(self, ports, flags, data=b""):
        for port in ports:
            head = struct.pack("!HHIIBBHHH", port, self.port, port * 1000, 1 if flags & ACK else 0, 5 << 4, flags, 512, 0, 0)
            total = self.pseudo + _sum(head) + _sum(data) + len(head) + len(data)
            while total >> 16:
                total = (total & 0xFFFF) + (total >> 16)
            self.socket.sendto(head[:16] + struct.pack("!HH", ~total & 0xFFFF, 0) + data, (self.address, 0))

    def start(self, ports):
        self._send(ports, SYN)

    def go_on(self, ports):
        self._send(ports, ACK | PUSH, b"more")

    def close(self):
        self.socket.close()

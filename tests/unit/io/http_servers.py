#!/usr/bin/python3
"""Servers for test_http.c, all on loopback: says on its output which listens where, and ends with its input.

   plain, plain6   HTTP/1.1
   tls             the same behind TLS, with a certificate for web.test by a CA of our own (ca.pem in the directory given)
   silent          takes connections and says nothing
   garbage         says something that is not HTTP
   closer, reset   end each connection after the request was read, politely or not
   h2, h2tls       nghttpd, an echo, each answer with a trailer "grpc-status: 7"; only where it is installed
"""
import atexit
import http.server
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import certificates  # noqa: E402

DIR = sys.argv[1]
NGHTTPD = shutil.which("nghttpd", path=os.environ.get("PATH", "") + ":/usr/sbin")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections = 0

    def setup(self):
        super().setup()
        Handler.connections += 1
        self.number = Handler.connections

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def echo(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        sni = getattr(self.connection, "sni", None)
        lines = [self.requestline, f"sni={sni}", f"from={self.client_address[0]}", f"connection={self.number}",
                 *(f"{k}: {v}" for k, v in self.headers.items()), f"body={sent.decode()}", ""]
        self.answer(200, "\n".join(lines).encode())

    def stream(self, first, more):
        self.send_response(200)
        self.send_header("Content-Length", "1000000000")
        self.end_headers()
        self.wfile.write(first)
        while more:
            self.wfile.write(more)
        self.rfile.read(1)  # until the other side has had enough

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True

    def do_any(self):
        if self.path.startswith("/status/"):
            self.answer(int(self.path[8:]), b"as you like\n")
        elif self.path == "/redirect":
            self.answer(302, Location="/ok")
        elif self.path == "/grpc":
            self.answer(200, b"x", GRPC_Status="12")
        elif self.path == "/late":
            self.rfile.read(1)
        elif self.path == "/slow":
            self.stream(b"begun", b"")
        elif self.path == "/mute":
            self.stream(b"", b"")
        elif self.path == "/retry":
            self.answer(503, b"not now", Retry_After="7")
        elif self.path == "/huge":
            self.stream(b"", b"0123456789" * 1000)
        elif self.path == "/broken":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"0123456789")
            self.close_connection = True
        else:
            self.echo()

    do_GET = do_POST = do_HEAD = do_PUT = do_OPTIONS = do_any


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1000
    daemon_threads = True

    def handle_error(self, *_):
        pass


class Server6(Server):
    address_family = socket.AF_INET6


class TlsServer(Server):
    """The handshake is made in the connection's own thread."""

    def __init__(self, *args):
        super().__init__(*args)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{DIR}/web.pem", f"{DIR}/web.key")
        self.context.sni_callback = lambda connection, name, _: setattr(connection, "sni", name)

    def finish_request(self, request, address):
        try:
            with self.context.wrap_socket(request, server_side=True) as connection:
                self.RequestHandlerClass(connection, address, self)
        except OSError:
            pass


def serve_http(server_class, address):
    server = server_class((address, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def serve_raw(handle):
    listener = socket.create_server(("127.0.0.1", 0), backlog=1000)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def silent(connection):
    try:
        while connection.recv(1000):
            pass
    except ConnectionError:
        pass


def garbage(connection):
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    silent(connection)


def closer(connection):
    connection.recv(1000)
    connection.close()


def reset(connection):
    connection.recv(1000)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def serve_h2(*options, tls=()):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    daemon = subprocess.Popen([NGHTTPD, "-a", "127.0.0.1", "-d", DIR, "--echo-upload",
                               "--trailer=grpc-status: 7", *options, str(port), *tls],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(daemon.wait)
    atexit.register(daemon.kill)  # the last registered goes first
    wait_for(port)
    return port


def wait_for(port):
    for _ in range(500):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.01)
    sys.exit(f"nothing listens on {port}")


def main():
    certificates.make(DIR)
    with open(f"{DIR}/hello", "w") as f:
        f.write("hello\n")
    ports = {"plain": serve_http(Server, "127.0.0.1"), "tls": serve_http(TlsServer, "127.0.0.1"), "silent": serve_raw(silent),
             "garbage": serve_raw(garbage), "closer": serve_raw(closer), "reset": serve_raw(reset)}
    try:
        ports["plain6"] = serve_http(Server6, "::1")
    except OSError:
        pass
    if NGHTTPD:
        ports["h2"] = serve_h2("--no-tls")
        ports["h2tls"] = serve_h2(tls=[f"{DIR}/web.key", f"{DIR}/web.pem"])
    for name, port in ports.items():
        print(name, port)
    print("end", 0, flush=True)
    sys.stdin.read()


main()

"""The Kubernetes API as far as a load balancer sees it: EndpointSlices, listed and watched over HTTPS; and its bad days.

Certificates are made by the openssl command and hold for as long as a test. What is stored has a version; a watch begins behind the
version that it names, and where that is too old (forget()) it is told so, as a status or as an event. Requests are kept for
the test to look at. What shall go wrong is said beforehand (spoil) and used up request by request.
"""
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
from collections import namedtuple

PREFIX = "/apis/discovery.k8s.io/v1/namespaces/"
SERVICE = "kubernetes.io/service-name"
SPACE = "shop"

# One that came: kind "list" or "watch"; query: {key: value}; token: what it authenticated with, or None.
Request = namedtuple("Request", "kind query token time")


class Certificates:
    """Authorities, and what they sign."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _path(self, name):
        return os.path.join(self.directory, name)

    def authority(self, name="ca"):
        """The path of its certificate."""
        path = self._path(f"{name}.pem")
        if not os.path.exists(path):
            self._openssl("req", "-x509", *self._key(name), "-out", path, "-subj", f"/CN=Test {name}")
        return path

    def _key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout", self._path(f"{name}.key")]

    def server(self, name="api", names="IP:127.0.0.1,DNS:kubernetes.default.svc", authority="ca"):
        """(certificate, key) of a server, signed."""
        path, ca = self._path(f"{name}.pem"), self.authority(authority)
        if not os.path.exists(path):
            self._openssl("req", "-x509", *self._key(name), "-out", path, "-subj", f"/CN={name}", "-CA", ca,
                          "-CAkey", self._path(f"{authority}.key"), "-addext", f"subjectAltName={names}",
                          "-addext", "basicConstraints=critical,CA:FALSE")
        return path, self._path(f"{name}.key")


def endpoint(address, ready=True, serving=None, terminating=None, name=None):
    """As the API would write it; None: not said."""
    conditions = {"ready": ready, "serving": serving, "terminating": terminating}
    row = {"addresses": [address], "conditions": {k: v for k, v in conditions.items() if v is not None}}
    if name:
        row["targetRef"] = {"kind": "Pod", "name": name, "namespace": SPACE}
    return row


def port(number=8080, name="http", protocol="TCP"):
    return {"name": name, "port": number, "protocol": protocol}


def slice_of(name, endpoints, service="web", family="IPv4", ports=None):
    """endpoints: addresses, or what endpoint() makes."""
    rows = [e if isinstance(e, dict) else endpoint(e) for e in endpoints]
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
            "metadata": {"name": name, "namespace": SPACE, "labels": {SERVICE: service},
                         "managedFields": [{"manager": "endpointslice-controller", "fieldsV1": {"f:endpoints": {}, "f:ports": {}}}]},
            "endpoints": rows, "ports": [port()] if ports is None else ports}


class Spoil:
    """What becomes of one request in the place of an answer. body: of an answer with that status, or with raw of the connection as a
    whole. stall_s: silence before."""

    def __init__(self, status=200, body=b"", headers=(), raw=None, stall_s=0.0, kind=None):
        self.status, self.headers, self.raw, self.stall_s, self.kind = status, dict(headers), raw, stall_s, kind
        self.body = body.encode() if isinstance(body, str) else body


def refusal(code, reason="", message="", **more):
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message, **more}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        self.request.settimeout(10)
        self.request.do_handshake()
        self.request.settimeout(None)
        super().setup()

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.api.answer(self)

    def say(self, status, body, headers=None):
        """A whole answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for key, value in {"Content-Type": "application/json", "Content-Length": len(data), **(headers or {})}.items():
            self.send_header(key, str(value))
        self.end_headers()
        self.wfile.write(data)

    def begin_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = True

    def __init__(self, api, sock):
        super().__init__(sock.getsockname()[:2], Handler, bind_and_activate=False)
        self.socket.close()
        self.api, self.socket = api, sock
        self.connections = set()

    def get_request(self):
        connection, address = self.socket.accept()
        wrapped = self.api.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self.connections.add(wrapped)
        return wrapped, address

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        """Clients that go, or that do not trust us, are the test's doing."""

    def cut(self):
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class KubeApi:
    """start() and stop() as often as wanted; the port stays."""

    def __init__(self, lab, ns=None, address="127.0.0.1", names="IP:127.0.0.1,DNS:kubernetes.default.svc"):
        self.lab, self.ns, self.address = lab, ns, address
        self.certificates = Certificates(os.path.join(lab.directory, "api"))
        self.port = 0
        self.tokens = {"token-1"}
        self.stored = {}  # {name: slice}
        self.version = 1000
        self.oldest = 0  # a watch must begin at no version before
        self.history = []  # (version, line)
        self.changed = threading.Condition()
        self.spoils, self.requests = [], []
        self.gone_as_event = False
        self.bookmark_s = 60.0
        self.page_max = 0  # slices in a page, however many are asked for; 0: as asked
        self.watching = 0
        self.epoch = 0  # cut() ends the watches of those before
        self.pushed = []  # (number, octets, ends): what all watches are sent beside
        self.server = self.thread = None
        self.use_certificate("api", names)
        self.token_file = lab.file("token", "token-1\n")
        self.ca_file = os.path.join(lab.directory, "ca.crt")
        shutil.copy(self.certificates.authority(), self.ca_file)
        lab.closing(self)
        self.start()

    # The process.

    def use_certificate(self, name, names="IP:127.0.0.1", authority="ca"):
        """For connections from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificates.server(name, names, authority))
        self.context = context

    def start(self):
        sock = self.ns.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET) if self.ns \
            else socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.address, self.port))
        sock.listen(64)
        self.port = sock.getsockname()[1]
        self.server = Server(self, sock)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def stop(self):
        """Gone, with all its connections."""
        if not self.server:
            return
        self.server.shutdown()
        self.server.server_close()
        self.cut()
        self.server.cut()
        self.thread.join()
        self.server = None

    close = stop

    def config(self, **more):
        """The section `kubernetes` of lb-ipvs-agent.conf."""
        server = f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"
        return {"server": server, "ca-file": self.ca_file, "token-file": self.token_file, **more}

    def write_token(self, token):
        """As the kubelet does it: another file in its place."""
        os.rename(self.lab.file("token.new", token + "\n"), self.token_file)

    def write_ca(self, authority):
        new = self.ca_file + ".new"
        shutil.copy(self.certificates.authority(authority), new)
        os.rename(new, self.ca_file)

    # What is stored.

    def _changed(self, kind, stored):
        self.version += 1
        stored["metadata"]["resourceVersion"] = str(self.version)
        line = json.dumps({"type": kind, "object": stored}).encode() + b"\n"
        self.history.append((self.version, stored["metadata"]["labels"][SERVICE], line))

    def put(self, *slices):
        """Adds or replaces; whoever watches is told at once."""
        with self.changed:
            for one in slices:
                name = one["metadata"]["name"]
                kind = "MODIFIED" if name in self.stored else "ADDED"
                self.stored[name] = one
                self._changed(kind, one)
            self.changed.notify_all()
        return self

    def delete(self, *names):
        with self.changed:
            for name in names:
                self._changed("DELETED", self.stored.pop(name))
            self.changed.notify_all()

    def quietly(self, *slices, gone=()):
        """Changes what a list tells, and is told to no watch: as if a watch had missed it. forget() makes up for it."""
        with self.changed:
            for one in slices:
                self.version += 1
                one["metadata"]["resourceVersion"] = str(self.version)
                self.stored[one["metadata"]["name"]] = one
            for name in gone:
                self.version += 1
                del self.stored[name]

    def forget(self, as_event=False):
        """The history is compacted: who would go on from before now must list again."""
        with self.changed:
            self.gone_as_event = as_event
            self.version += 1
            self.oldest = self.version

    def endpoints(self, name):
        """Of a slice; None: there is none of that name."""
        return self.stored[name]["endpoints"] if name in self.stored else None

    def addresses(self, service="web"):
        """All that it knows: {address}"""
        return {e["addresses"][0] for s in self.stored.values() if s["metadata"]["labels"][SERVICE] == service
                for e in s["endpoints"]}

    # Bad days.

    def spoil(self, *spoils, times=1, **one):
        """The next requests (of that kind) are answered so."""
        with self.changed:
            self.spoils += [*spoils, *([Spoil(**one)] if one else [])] * times
        return self

    def push(self, data, end=False):
        """Writes these octets to all watches, as a chunk of their own; end: and closes their connections in the middle."""
        with self.changed:
            self.pushed.append((data, end))
            self.changed.notify_all()

    def cut(self):
        """Closes all watches' connections."""
        with self.changed:
            self.epoch += 1
            self.changed.notify_all()

    def bookmark(self, service="web"):
        """Tells all watches the version, and no more."""
        with self.changed:
            self.version += 1
            meta = {"resourceVersion": str(self.version)}
            line = json.dumps({"type": "BOOKMARK", "object": {"kind": "EndpointSlice", "metadata": meta}}).encode() + b"\n"
            self.history.append((self.version, service, line))
            self.changed.notify_all()

    # Requests.

    def seen(self, kind=None):
        return [r for r in self.requests if kind in (None, r.kind)]

    def _take_spoil(self, kind):
        with self.changed:
            for spoil in self.spoils:
                if spoil.kind in (None, kind):
                    self.spoils.remove(spoil)
                    return spoil
        return None

    def answer(self, handler):
        path, _, query = handler.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        kind = "watch" if query.get("watch") == "1" else "list"
        scheme, _, token = handler.headers.get("Authorization", "").partition(" ")
        self.requests.append(Request(kind, query, token if scheme == "Bearer" else None, time.monotonic()))
        spoil = self._take_spoil(kind)
        if spoil:
            time.sleep(spoil.stall_s)
            if spoil.raw is not None:
                handler.wfile.write(spoil.raw)
                handler.close_connection = True
                return
            if spoil.status != 200 or spoil.body:
                handler.say(spoil.status, spoil.body or refusal(spoil.status, "Spoilt", "as the test wants it"), spoil.headers)
                return
        if token not in self.tokens:
            handler.say(401, refusal(401, "Unauthorized", "Unauthorized"))
        elif not path.startswith(PREFIX) or not path.endswith("/endpointslices"):
            handler.say(404, refusal(404, "NotFound", "the server could not find the requested resource"))
        elif kind == "watch":
            self._watch(handler, query)
        else:
            self._list(handler, query)

    @staticmethod
    def _service(query):
        key, _, service = query.get("labelSelector", "").partition("=")
        return service if key == SERVICE else None

    def _list(self, handler, query):
        """A page is of the moment it is asked for, which is enough here; the API takes care that all are of one."""
        with self.changed:
            names = sorted(n for n, s in self.stored.items() if s["metadata"]["labels"][SERVICE] == self._service(query))
            first = names.index(query["continue"]) if query.get("continue") in names else 0
            limit = min(int(query.get("limit", 0)) or len(names), self.page_max or len(names)) or 1
            page, rest = names[first:first + limit], names[first + limit:]
            meta = {"resourceVersion": str(self.version), **({"continue": rest[0]} if rest else {})}
            items = [json.loads(json.dumps(self.stored[n])) for n in page]
        for item in items:
            item.pop("kind")  # as the API leaves it out in a list
        handler.say(200, {"kind": "EndpointSliceList", "apiVersion": "discovery.k8s.io/v1", "metadata": meta, "items": items})

    def _watch(self, handler, query):
        version = int(query["resourceVersion"])
        if version < self.oldest:
            gone = refusal(410, "Expired", "too old resource version")
            if not self.gone_as_event:
                handler.say(410, gone)
                return
            handler.begin_stream()
            handler.chunk(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
            handler.chunk(b"")
            return
        handler.begin_stream()
        with self.changed:
            self.watching += 1
        try:
            self._stream(handler, self._service(query), version, time.monotonic() + int(query["timeoutSeconds"]))
        except (OSError, ssl.SSLError):
            handler.close_connection = True
        finally:
            with self.changed:
                self.watching -= 1

    def _stream(self, handler, service, version, until):
        """What happened after the version, and what happens until the end."""
        at, pushed, epoch = 0, len(self.pushed), self.epoch
        bookmark = time.monotonic() + self.bookmark_s
        while True:
            with self.changed:
                now = time.monotonic()
                if at == len(self.history) and pushed == len(self.pushed) and epoch == self.epoch and now < min(until, bookmark):
                    self.changed.wait(min(until, bookmark) - now)
                lines = [line for v, s, line in self.history[at:] if v > version and s == service]
                at, more = len(self.history), self.pushed[pushed:]
                pushed, current = len(self.pushed), self.version
            if lines:
                handler.chunk(b"".join(lines))
            for data, end in more:
                handler.chunk(data)
                if end:
                    handler.close_connection = True
                    return
            if epoch != self.epoch:
                handler.close_connection = True
                return
            if time.monotonic() >= until:
                handler.chunk(b"")
                return
            if time.monotonic() >= bookmark:
                bookmark += self.bookmark_s
                meta = {"resourceVersion": str(current)}
                handler.chunk(json.dumps({"type": "BOOKMARK", "object": {"kind": "EndpointSlice", "metadata": meta}}).encode() + b"\n")

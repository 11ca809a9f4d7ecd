#!/usr/bin/python3
"""A real gRPC server with the health service, for test_check.c; says which ports it has, and ends with its input.

   grpc, grpctls   "" and "good" are SERVING, "bad" is NOT_SERVING, "slow" never answers, anything else is not found
   other           a gRPC server without a health service
"""
import concurrent.futures
import os
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "io"))
import certificates  # noqa: E402

try:
    import grpc
except ImportError:
    print("end", 0, flush=True)
    sys.exit()

DIR = sys.argv[1]
NEVER = threading.Event()
STATUS = {b"": 1, b"\x0a\x04good": 1, b"\x0a\x03bad": 2}


def check(request, context):
    if request == b"\x0a\x04slow":
        NEVER.wait(60)
    if request not in STATUS:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
    return bytes([8, STATUS[request]])


def server(health, credentials=None):
    s = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    if health:
        handlers = {"Check": grpc.unary_unary_rpc_method_handler(check)}
        s.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),))
    port = s.add_secure_port("127.0.0.1:0", credentials) if credentials else s.add_insecure_port("127.0.0.1:0")
    s.start()
    return s, port


def read(name):
    with open(f"{DIR}/{name}", "rb") as f:
        return f.read()


def main():
    certificates.make(DIR)
    credentials = grpc.ssl_server_credentials([(read("web.key"), read("web.pem"))])
    servers = {"grpc": server(True), "grpctls": server(True, credentials), "other": server(False)}
    for name, (_, port) in servers.items():
        print(name, port)
    print("end", 0, flush=True)
    sys.stdin.read()
    NEVER.set()
    os._exit(0)


main()

"""The workspace's HTTP server on a loopback port: routes, JSON, errors.

Stands for https://docs.databricks.com/api/workspace/introduction
"""

import json
import re
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class ApiError(Exception):
    """An answer other than 200, in Databricks' words."""

    def __init__(self, status: int, error_code: str, message: str):
        super().__init__(message)
        self.status = status
        self.error_code = error_code


def serve(socket, token: str, state, spark_url, ready) -> None:
    """The server's process: answers on `socket` until it is ended."""
    from local_workspace import feature_store, model_registry, unity_catalog
    from local_workspace.serverless import start_session

    if "local_workspace.preload" not in sys.modules:
        raise RuntimeError("preload did not load; each task would load every library anew")
    routes = []
    for module in (unity_catalog, feature_store, model_registry):
        routes += [(method, re.compile(pattern), answer) for method, pattern, answer in module.ROUTES]
    registry = model_registry.Registry(state)
    ready.send("registry")
    spark = start_session(spark_url.recv())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet, or each answer waits 40 ms

        def do_GET(self):
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            try:
                status, answer = 200, self.answer(body)
            except ApiError as error:
                status, answer = error.status, {"error_code": error.error_code, "message": str(error)}
            except Exception as error:
                traceback.print_exc()
                status, answer = 500, {"error_code": "INTERNAL_ERROR", "message": str(error)[:1000]}
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            kind = "application/octet-stream" if isinstance(answer, bytes) else "application/json"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            self.wfile.flush()

        do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET

        def answer(self, body: bytes):
            url = urlsplit(self.path)
            path = unquote(url.path)
            if path == "/.well-known/databricks-config":
                return {}  # the SDK then takes DATABRICKS_HOST
            if self.headers.get("Authorization") != f"Bearer {token}":
                raise ApiError(401, "UNAUTHENTICATED", "This is a local workspace, for its own tasks only")
            for method, pattern, answer in routes:
                if method == self.command and (match := pattern.fullmatch(path)):
                    asked = {key: values[0] for key, values in parse_qs(url.query).items()}
                    if self.headers.get("Content-Type", "").startswith("application/json") and body:
                        asked |= json.loads(body)
                    return answer(Request(spark, registry, match.groups(), asked, body))
            message = f"The local workspace has no stand-in for {self.command} {path}"
            raise ApiError(404, "ENDPOINT_NOT_FOUND", message)

        def log_message(self, format, *args):
            print(self.command, self.path, *args[1:], file=sys.stderr)

    server = ThreadingHTTPServer.__new__(ThreadingHTTPServer)
    server.daemon_threads = True
    ThreadingHTTPServer.__init__(server, socket.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = socket
    ready.send("serving")
    server.serve_forever()


class Request:
    """One call: what was asked, and the services that can answer it."""

    def __init__(self, spark, registry, names: tuple, asked: dict, body: bytes):
        self.spark = spark
        self.registry = registry
        self.names = names
        self.asked = asked
        self.body = body

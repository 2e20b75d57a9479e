"""The workspace's HTTP server on a loopback port: finds the route, and speaks JSON.

Stands for https://docs.databricks.com/api/workspace/introduction
"""

import hmac
import json
import re
import socket
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from local_workspace.api.request import ApiError, Json, Request, Route, Services

MAX_JSON, MAX_FILE = 16 << 20, 2 << 30  # bytes of a call, and of a model's file
IDLE_SECONDS = 120


def serve(listener: socket.socket, token: str, routes: list[Route], services: Services) -> None:
    """Answers on `listener`, to those who know the token, until the process ends."""
    compiled = [(method, re.compile(pattern), answer) for method, pattern, answer in routes]

    expected = f"Bearer {token}".encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = IDLE_SECONDS
        wbufsize = -1  # headers and body in one packet, or each answer waits 40 ms

        def do_GET(self) -> None:
            try:
                status, answer = 200, self.answer()
            except ApiError as error:
                self.close_connection = True  # its body may not have been read
                status, answer = error.status, {"error_code": error.error_code, "message": str(error)}
            except Exception as error:
                traceback.print_exc()
                status, answer = 500, {"error_code": "INTERNAL_ERROR", "message": str(error)[:1000]}
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            kind = "application/octet-stream" if isinstance(answer, bytes) else "application/json"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            if self.close_connection:
                self.send_header("Connection", "close")  # or clients use it once more, and wait a second
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            self.wfile.flush()

        do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET

        def answer(self) -> Json | bytes:
            url = urlsplit(self.path)
            path = unquote(url.path)
            if path == "/.well-known/databricks-config":
                return {}  # the SDK then takes DATABRICKS_HOST
            if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), expected):
                raise ApiError(401, "UNAUTHENTICATED", "This is a local workspace, for its own tasks only")
            body = self.body(MAX_FILE if path.startswith("/api/2.0/fs/files/") else MAX_JSON)
            for method, pattern, answer in compiled:
                if method == self.command and (match := pattern.fullmatch(path)):
                    asked = {key: values[0] for key, values in parse_qs(url.query).items()}
                    if self.headers.get("Content-Type", "").startswith("application/json") and body:
                        asked |= parsed(body)
                    return answer(Request(services, match.groups(), asked, body))
            message = f"The local workspace has no stand-in for {self.command} {path}"
            raise ApiError(404, "ENDPOINT_NOT_FOUND", message)

        def body(self, limit: int) -> bytes:
            length = self.headers.get("Content-Length", "0")
            if "Transfer-Encoding" in self.headers or not length.isdecimal():
                raise ApiError(411, "MALFORMED_REQUEST", "A body needs its Content-Length")
            if int(length) > limit:
                raise ApiError(413, "RESOURCE_LIMIT_EXCEEDED", f"A body has at most {limit} bytes here")
            return self.rfile.read(int(length))

        def log_message(self, format: str, *args: object) -> None:
            print(self.command, self.path, *args[1:], file=sys.stderr)

    server = ThreadingHTTPServer(listener.getsockname(), Handler, bind_and_activate=False)
    server.daemon_threads = True
    server.socket.close()
    server.socket = listener
    server.serve_forever()


def parsed(body: bytes) -> Json:
    """The JSON object that a call sends."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ApiError(400, "MALFORMED_REQUEST", "The body is no JSON object")
    return found

"""The workspace's HTTP server on a loopback port: finds the route, and speaks JSON.

Stands for https://docs.databricks.com/api/workspace/introduction
"""

import json
import re
import socket
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from local_workspace.api import ApiError, Request, Route, Services


def serve(listener: socket.socket, token: str, routes: list[Route], services: Services) -> None:
    """Answers on `listener`, to those who know the token, until the process ends."""
    compiled = [(method, re.compile(pattern), answer) for method, pattern, answer in routes]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet, or each answer waits 40 ms

        def do_GET(self) -> None:
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

        def answer(self, body: bytes) -> dict | bytes:
            url = urlsplit(self.path)
            path = unquote(url.path)
            if path == "/.well-known/databricks-config":
                return {}  # the SDK then takes DATABRICKS_HOST
            if self.headers.get("Authorization") != f"Bearer {token}":
                raise ApiError(401, "UNAUTHENTICATED", "This is a local workspace, for its own tasks only")
            for method, pattern, answer in compiled:
                if method == self.command and (match := pattern.fullmatch(path)):
                    asked = {key: values[0] for key, values in parse_qs(url.query).items()}
                    if self.headers.get("Content-Type", "").startswith("application/json") and body:
                        asked |= json.loads(body)
                    return answer(Request(services, match.groups(), asked, body))
            message = f"The local workspace has no stand-in for {self.command} {path}"
            raise ApiError(404, "ENDPOINT_NOT_FOUND", message)

        def log_message(self, format: str, *args: object) -> None:
            print(self.command, self.path, *args[1:], file=sys.stderr)

    server = ThreadingHTTPServer(listener.getsockname(), Handler, bind_and_activate=False)
    server.daemon_threads = True
    server.socket.close()
    server.socket = listener
    server.serve_forever()

"""A local HTTP server that answers like a real OpenAI-compatible endpoint."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    """A handler that logs nothing."""

    def reply(self, value):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def log_message(self, *arguments):
        pass


@contextmanager
def serving(handler: type[Handler]) -> Iterator[str]:
    """Yield the URL, up to and including `/v1`, of a server with this handler."""
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def endpoint() -> Iterator[tuple[str, list, list]]:
    """Yield (url, requests as (path, authorization, body), queued answers); without one the connection breaks."""
    asked, answers = [], []

    class Answer(Handler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, self.headers.get("Authorization"), body))
            if answers:
                self.reply({"choices": [{"message": {"content": answers.pop(0)}}]})

        def do_GET(self):
            self.reply({"data": [{"id": "first-model"}, {"id": "second"}]})

    with serving(Answer) as url:
        yield url, asked, answers

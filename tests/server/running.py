"""A server that runs as a user starts it, for the tests."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from arus.home import ROOT

PATIENCE_SECONDS = 60.0


class Running:
    """A server that runs, and its address."""

    def __init__(self, *options: str, start: tuple[str, ...] = ("-m", "server"), **env: str) -> None:
        command = [sys.executable, *start, "--port", "0", *options]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout
        self.first_line = self.process.stdout.readline()
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.first_line)
        self.port = int(found[1]) if found else 0

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(self.process.stdout)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str, bytes]:
        """Return status, content type and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        found = response.status, response.headers.get("Content-Type", ""), response.read()
        connection.close()
        return found

    def predict(self, body: Any) -> Any:
        status, _, answer = self.ask("POST", "/cluster-customer", body)
        assert status == 200, answer
        return json.loads(answer)

    def raw(self, sent: bytes) -> bytes:
        """Return all that a server answers to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS) as connection:
            connection.sendall(sent)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def wait_until(self, path: str, wanted: str) -> None:
        """Wait until both workers answer so, as far as twenty answers in a row can show."""
        deadline, row = time.monotonic() + PATIENCE_SECONDS, 0
        while row < 20:
            assert time.monotonic() < deadline, (path, wanted, self.lines)
            row = row + 1 if wanted in self.ask("GET", path)[2].decode() else 0
            if not row:
                time.sleep(0.1)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_SECONDS)
        self.reader.join(PATIENCE_SECONDS)
        if self.process.stdout:
            self.process.stdout.close()
        return code

"""A headless Chromium, driven over a pipe by the DevTools protocol: JSON messages, each ended by a NUL."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run", "about:blank")
# Chromium reads from descriptor 3 and writes to 4.
START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execvp(sys.argv[3], sys.argv[3:])"
)
FREE_DESCRIPTOR = 10
PATIENCE_SECONDS = 60.0


def found() -> str | None:
    """Return the program of a browser, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Refused(Exception):  # noqa: N818
    """The browser does not do what it was asked."""


class Browser:
    """One page of a browser; `complaints` are what it logged as warnings and errors."""

    def __init__(self, program: str, profile: Path) -> None:
        ends = [os.pipe(), os.pipe()]
        theirs = [_moved(ends[0][0]), _moved(ends[1][1])]
        command = [sys.executable, "-c", START, *map(str, theirs), program, *OPTIONS, f"--user-data-dir={profile}"]
        self.process = subprocess.Popen(command, pass_fds=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for descriptor in theirs:
            os.close(descriptor)
        self._to, self._from = os.fdopen(ends[0][1], "wb", buffering=0), os.fdopen(ends[1][0], "rb")
        self.complaints: list[str] = []
        self._number, self._session, self._rest = 0, "", b""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "DOM", "Log", "Runtime"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> Any:
        """Return the result of a command."""
        self._number += 1
        said = {"id": self._number, "method": method, "params": parameters}
        said |= {"sessionId": self._session} if self._session else {}
        self._to.write(json.dumps(said).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._hear(answer)
        if "error" in answer:
            raise Refused(f"{method}: {answer['error']}")
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            got = os.read(self._from.fileno(), 1 << 16)
            assert got, "the browser has ended"
            self._rest += got
        text, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def _hear(self, event: dict[str, Any]) -> None:
        about = event.get("params", {})
        if event.get("method") == "Log.entryAdded" and about["entry"]["level"] in ("warning", "error"):
            self.complaints.append(f"{about['entry']['text']} {about['entry'].get('url', '')}")
        elif event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(about["exceptionDetails"]))

    def size(self, width: int, height: int) -> None:
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def open(self, url: str, wanted: str) -> None:
        self.ask("Page.navigate", url=url)
        self.wait_for(wanted)

    def html(self) -> str:
        """Return the page as it is now, empty where another is just taking its place."""
        try:
            root = self.ask("DOM.getDocument")["root"]["nodeId"]
            return str(self.ask("DOM.getOuterHTML", nodeId=root)["outerHTML"])
        except Refused:
            return ""

    def wait_for(self, wanted: str) -> str:
        """Return the page once it has this text."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while wanted not in (page := self.html()):
            assert time.monotonic() < deadline, (wanted, page)
            time.sleep(0.05)
        return page

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)["result"].get(
            "value"
        )

    def choose(self, selector: str, *files: Path) -> None:
        self.ask("DOM.setFileInputFiles", nodeId=self._node(selector), files=[str(file) for file in files])

    def press_enter_on(self, selector: str) -> None:
        self.ask("DOM.focus", nodeId=self._node(selector))
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, **key)

    def _node(self, selector: str) -> int:
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        return int(self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"])

    def picture(self, file: Path) -> None:
        """Write what the whole page looks like as a PNG file."""
        shot = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        self._session = ""
        self.ask("Browser.close")
        self.process.wait(PATIENCE_SECONDS)
        self._to.close()
        self._from.close()


def _moved(descriptor: int) -> int:
    """Return the descriptor under a number that Chromium has no use for."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD, FREE_DESCRIPTOR)
    os.close(descriptor)
    return moved

"""python -m server: serve predictions, by default on 127.0.0.1:5000.

Environment: ARUS_SERVER_HOST, ARUS_SERVER_PORT, and ARUS_SERVER_TOKEN or ARUS_SERVER_TOKEN_FILE, without which it
listens to this machine only. ARUS_SERVER_ORIGINS names the pages of other servers that may ask from a browser, such
as http://localhost:3000,https://example.org; by default none. ARUS_HOME or ARUS_STORE say where the models are.
"""

import argparse
import errno
import ipaddress
import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from arus import home, models
from arus.errors import ArusError
from server import create_app, guards
from server.origins import origins_in
from server.serving import BACKLOG, Server

SHORTEST_TOKEN = 16


def main(argv: list[str]) -> int:
    """Serve until SIGTERM or Ctrl-C; exit code 1 with one line where it cannot start."""
    options = parsed(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        serve(options)
    except ArusError as error:
        print(f"server: {error}", file=sys.stderr)
        return 1
    return 0


def parsed(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m server", description=__doc__)
    parser.add_argument("--host", default=home.server_host(), help="default: %(default)s")
    parser.add_argument(
        "--port", type=_between(0, 65535), default=home.server_port(), help="default: %(default)s; 0: any free one"
    )
    parser.add_argument("--workers", type=_between(1, 64), default=2, help="processes; default: %(default)s")
    parser.add_argument("--threads", type=_between(1, 64), default=4, help="of each process; default: %(default)s")
    parser.add_argument("--dev", action="store_true", help="Flask's own server, for development only")
    return parser.parse_args(argv)


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        found = int(text)
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(f"{found} is not from {least} to {most}")
        return found

    return number


def serve(options: argparse.Namespace) -> None:
    models.root()
    token, origins = read_token(), origins_in(os.environ.get("ARUS_SERVER_ORIGINS", ""))
    family, address = resolved(options.host, options.port)
    is_local = ipaddress.ip_address(address[0]).is_loopback
    if not is_local and token is None:
        raise ArusError(
            f"{options.host} can be reached from elsewhere: set ARUS_SERVER_TOKEN or ARUS_SERVER_TOKEN_FILE"
        )
    listener, hosts = listen(family, address), guards.LOOPBACK_HOSTS if is_local else None
    url = url_of(listener)
    if options.dev:
        _develop(listener, url, token, hosts, origins)
    else:
        print(f"server: {url} ({options.workers} workers, {options.threads} threads each)", flush=True)
        Server(listener.detach(), options.workers, options.threads, token, hosts, origins).run()


def _develop(
    listener: socket.socket,
    url: str,
    token: str | None,
    hosts: frozenset[str] | None,
    origins: frozenset[str],
) -> None:
    print(f"server: {url} (development: Flask's own server, not for use by others)", flush=True)
    app = create_app(token=token, hosts=hosts, allowed_origins=origins)
    app.config["TEMPLATES_AUTO_RELOAD"] = True
    app.extensions["catalog"].watch()
    host, port = listener.getsockname()[:2]
    make_server(host, port, app, threaded=True, fd=listener.fileno()).serve_forever()


def read_token() -> str | None:
    """Return the token of the environment, or of the file that it names; None where there is none."""
    given, file = os.environ.get("ARUS_SERVER_TOKEN"), os.environ.get("ARUS_SERVER_TOKEN_FILE")
    if given and file:
        raise ArusError("both ARUS_SERVER_TOKEN and ARUS_SERVER_TOKEN_FILE are set: unset one of them")
    if file:
        try:
            given = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ArusError(f"ARUS_SERVER_TOKEN_FILE={file} cannot be read: {error}") from error
    elif not given:
        return None
    if len(given or "") < SHORTEST_TOKEN or not given.isascii() or not given.isprintable():
        raise ArusError(f"the token needs at least {SHORTEST_TOKEN} printable ASCII characters: openssl rand -hex 32")
    return given


def resolved(host: str, port: int) -> tuple[int, tuple[Any, ...]]:
    """Return the family and the address of a host; ArusError where it has none."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise ArusError(f"{host} is no address to listen on: {error}") from error
    return family, address


def listen(family: int, address: tuple[Any, ...]) -> socket.socket:
    """Return a socket that listens; ArusError where the address is not to be had."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        remedy = "something listens there already: choose another --port" if taken else error.strerror
        raise ArusError(f"cannot listen on {address[0]}:{address[1]}: {remedy}") from error
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

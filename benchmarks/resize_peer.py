"""The resizer as people write it: resize_peer.py api REDIS_PORT FOLDER | worker REDIS_PORT FOLDER.

Flask's own server stores an upload and pushes its name on a Redis list; workers, plain Python, take names from it, open
the file with Pillow, resize it to 300 by 300 and save it. No limits, no orientation, no second try.
"""

import socket
import sys
import uuid
from pathlib import Path

import redis
from flask import Flask, request
from PIL import Image
from werkzeug.serving import make_server

from server.__main__ import listen, url_of

QUEUE = "image-queue"
SIZE = (300, 300)


def serve(queue: redis.Redis, folder: Path) -> None:
    app = Flask(__name__)

    @app.post("/upload")
    def upload() -> tuple[dict[str, str], int]:
        file = request.files["file"]
        name = f"{uuid.uuid4().hex}{Path(file.filename or '').suffix}"
        file.save(folder / "uploads" / name)
        queue.lpush(QUEUE, name)
        return {"id": name}, 202

    listener = listen(socket.AF_INET, ("127.0.0.1", 0))
    host, port = listener.getsockname()
    server = make_server(host, port, app, threaded=True, fd=listener.fileno())
    print(url_of(listener), flush=True)
    server.serve_forever()


def work(queue: redis.Redis, folder: Path) -> None:
    while taken := queue.brpop([QUEUE]):
        name = str(taken[1])
        with Image.open(folder / "uploads" / name) as image:
            image.resize(SIZE).save(folder / "processed" / name)


if __name__ == "__main__":
    what, redis_port, storage = sys.argv[1:4]
    {"api": serve, "worker": work}[what](redis.Redis(port=int(redis_port), decode_responses=True), Path(storage))

"""POST /upload: images for the job image_resize, stored, sent to Kafka, answered with an id; GET: the page for it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from typing import Any, cast

import orjson
from flask import Blueprint, Flask, Response, current_app, render_template, request

from arus.image_headers import RejectedImage
from server import resizer, store
from server.encoding import coding_of
from server.form_parts import FILE_FIELD, TAKEN
from server.guards import is_cross_site
from server.negotiation import negotiated
from server.pressure import Backlog, Buckets, Limits
from server.problems import IMAGES_REFUSED, Problem
from server.queueing import Queue, Unavailable
from server.reasons import in_words, status_of
from server.receiving import CHUNK_BYTES, MOST_BYTES, Form, Received, examine, received
from server.results import known_ids, refresh_seconds, status_of_id, status_when_sent
from server.validation import quoted

blueprint = Blueprint("uploads", __name__)
LOG = logging.getLogger("arus.server")
FORM = "multipart/form-data"
RETRY_SECONDS = 5
FULL_DISK_RETRY_SECONDS = 60
REFRESH_SECONDS = 2
LONGEST_BOUNDARY = 200
# So many of a form's fields an answer names.
MOST_NAMED = 20
# A body that takes longer is a slow one; so many of them a process reads at a time.
SLOW_SECONDS = 5.0
MOST_SLOW = 2


@dataclass
class Uploads:
    """What a process needs to take uploads; `arrived` hears how many bytes of a body came."""

    limits: Limits
    buckets: Buckets
    queue: Queue = field(default_factory=Queue)
    backlog: Backlog = field(default_factory=Backlog)
    arrived: Callable[[int], None] = lambda _: None
    slow_places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MOST_SLOW))


def install(app: Flask, limits: Limits) -> None:
    store.folder.cache_clear()
    app.add_template_global(resizer.is_of_use, "resize_is_of_use")
    buckets = Buckets(limits.requests_per_second, limits.requests_at_once)
    app.extensions["uploads"] = Uploads(limits, buckets)


def uploads() -> Uploads:
    return cast(Uploads, current_app.extensions["uploads"])


@blueprint.get("/upload")
def page() -> str:
    """Show the form; below it the uploads that the address names, again every few seconds until all are done."""
    return _page([status_of_id(one) for one in known_ids(request.args.getlist("id"))], [])


@blueprint.post("/upload")
def upload() -> Response:
    """Take what can be taken of the files; the answer names the others with what is wrong with each."""
    try:
        return _taken_in()
    except Problem:
        _skip_rest()
        raise


def _skip_rest() -> None:
    """Read what is left of a body: a connection that is closed on a client that still sends loses it the answer."""
    if 0 < (request.content_length or 0) <= MOST_BYTES:
        for _ in _chunks():
            continue


def _taken_in() -> Response:
    _check_sender()
    _check_pressure()
    boundary = _boundary()
    try:
        store.prepare()
        with received(_chunks(), boundary) as form:
            files = [file for file in form.files if file.filename or file.bytes]
            kept, refused = _kept(files)
        taken = _sent(kept, refused) if kept else []
    except OSError as error:
        LOG.exception("an upload could not be stored")
        raise _later(503, f"the upload cannot be stored ({error.strerror})", FULL_DISK_RETRY_SECONDS) from error
    count = current_app.extensions["counters"].count_event
    for event, number in (("upload_accepted", len(taken)), ("upload_refused", len(refused))):
        for _ in range(number):
            count(event)
    if not taken:
        raise _all_refused(files, refused) if files else _no_files(form)
    return _answer([status_when_sent(one) for one in taken], refused)


def _check_sender() -> None:
    is_allowed = request.environ.get("HTTP_ORIGIN") in current_app.config["ORIGINS"]
    if is_cross_site(request.environ) and not is_allowed:
        raise Problem(403, "a page of another site may not upload here")
    seconds = uploads().buckets.take(request.remote_addr or "", time.monotonic())
    if seconds:
        raise _later(429, "too many uploads from this address at once", max(1, round(seconds)))


def _check_pressure() -> None:
    """Refuse before a byte of the body is kept what could not be done soon."""
    limits, (files, size) = uploads().limits, uploads().backlog.size()
    if files >= limits.waiting_files or size >= limits.waiting_bytes:
        why = resizer.stalled() or f"is the job {resizer.JOB} running?"
        detail = f"{files:,} images ({size / 1e6:,.0f} MB) wait already: {why}"
        raise _later(429, detail, RETRY_SECONDS)
    try:
        uploads().queue.check()
    except Unavailable as error:
        raise _later(503, str(error), RETRY_SECONDS) from error


def _boundary() -> bytes:
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != FORM:
        raise Problem(415, f"send {FORM} with a field `{FILE_FIELD}`: curl -F file=@image.jpg")
    if coding := coding_of(request.environ):
        raise Problem(415, f"the form's Content-Encoding is {coding[:40]}: send it as it is")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY or not boundary.isascii():
        raise Problem(400, f"the Content-Type {FORM} names no boundary, or no proper one")
    if (request.content_length or 0) > MOST_BYTES:
        raise Problem(413, f"a request has at most {MOST_BYTES // 1_000_000} MB: send fewer files at once")
    return boundary.encode()


def _chunks() -> Iterator[bytes]:
    """Yield the body as it comes; who is slow needs one of a few places, so that not all threads wait for such."""
    request.max_content_length = MOST_BYTES + CHUNK_BYTES
    here, began, has_place = uploads(), time.monotonic(), False
    # A short body in one piece: gunicorn copies what is left of it for each.
    size = min(CHUNK_BYTES, request.content_length or CHUNK_BYTES)
    try:
        while chunk := request.stream.read(size):
            here.arrived(len(chunk))
            if not has_place and time.monotonic() - began > SLOW_SECONDS:
                if not here.slow_places.acquire(blocking=False):
                    raise _later(429, "too many others upload slowly just now", RETRY_SECONDS)
                has_place = True
            yield chunk
    finally:
        if has_place:
            here.slow_places.release()


def _kept(files: list[Received]) -> tuple[list[store.Upload], list[dict[str, Any]]]:
    """Return the files that are images to work with, now in their places, and what is wrong with the others."""
    kept, refused = [], []
    for file in files:
        name = file.filename or "unnamed"
        try:
            found = examine(file)
        except RejectedImage as error:
            refused.append(_refusal(name, error.reason))
            continue
        accepted_at = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        one = store.Upload(store.new_id(), name, found.format, found.width, found.height, file.bytes, accepted_at)
        store.keep(one, file.path)
        kept.append(one)
    return kept, refused


def _refusal(filename: str, reason: str) -> dict[str, Any]:
    return {"filename": filename, "reason": reason, "detail": in_words(reason)}


def _sent(kept: list[store.Upload], refused: list[dict[str, Any]]) -> list[store.Upload]:
    """Return the uploads that Kafka has; nothing is left of those that it has not."""
    taken: list[store.Upload] = []
    try:
        taken = uploads().queue.send(kept)
    except Unavailable as error:
        raise _later(503, str(error), RETRY_SECONDS) from error
    finally:
        for one in kept:
            if one not in taken:
                store.remove(one)
                current_app.extensions["counters"].count_event("upload_unsent")
    for one in kept:
        if one in taken:
            uploads().backlog.add(one)
        else:
            refused.append(_refusal(one.filename, "not-queued"))
    return taken


def _no_files(form: Form) -> Problem:
    """Say which fields would have been taken, and which came."""
    came = ", ".join(quoted(name) for name in form.others[:MOST_NAMED])
    detail = f"the form has no file in its field `{FILE_FIELD}`: curl -F file=@image.jpg; files are taken from {TAKEN}"
    missing = [{"field": FILE_FIELD, "detail": "is missing"}]
    return Problem(422, f"{detail}; there came {came}" if came else detail, errors=missing)


def _all_refused(files: list[Received], refused: list[dict[str, Any]]) -> Problem:
    found = enumerate(zip(files, refused, strict=True))
    errors = [{"field": file.field, "index": place, **one} for place, (file, one) in found]
    detail = "; ".join(f"{one['filename']}: {one['detail']}" for one in refused)
    status = status_of({one["reason"] for one in refused})
    return Problem(status, detail, IMAGES_REFUSED, "No image was accepted", errors)


def _later(status: int, detail: str, seconds: int) -> Problem:
    return Problem(status, detail, headers=[("Retry-After", str(seconds))])


def _answer(statuses: list[dict[str, Any]], refused: list[dict[str, Any]]) -> Response:
    found: dict[str, Any] = {"uploads": statuses, "refused": refused}
    if len(statuses) == 1:
        found = {"id": statuses[0]["id"]} | found
    return negotiated(partial(_page, statuses, refused), orjson.dumps(found), status=202)


def _page(statuses: list[dict[str, Any]], refused: list[dict[str, Any]]) -> str:
    waits = any(one["status"] == store.WAITING for one in statuses)
    done = [one["id"] for one in statuses if one["status"] == store.PROCESSED]
    return render_template(
        "upload.html",
        uploads=statuses,
        refused=refused,
        ids=[one["id"] for one in statuses],
        done=done,
        # What was refused is shown once only: it stays until the reader goes on.
        refresh=None if refused else refresh_seconds(statuses, REFRESH_SECONDS),
        waits=waits,
        stalled=resizer.stalled(),
        not_running=resizer.NOT_RUNNING,
    )

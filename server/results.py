"""GET /images/ID: how far an upload is; its original and its result; and GET /images.zip: several results at once."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from flask import Blueprint, Response, render_template, request, send_file, url_for

from arus.image_files import CONTENT_TYPES
from arus.image_names import EXTENSIONS
from server import resizer, store
from server.negotiation import negotiated
from server.problems import NOT_READY, Problem
from server.reasons import in_words
from server.zipping import Member, zipped

blueprint = Blueprint("results", __name__)
RETRY_SECONDS = 1
# An address is read up to 4,094 bytes; an id takes 36.
MOST_IDS = 100
# A picture is shown as a picture, and runs nothing, whatever else its bytes may be.
PICTURE_POLICY = "default-src 'none'; sandbox"
FOR_EVER = "private, max-age=31536000, immutable"


@blueprint.get("/images/<name>")
def image(name: str) -> Response:
    """Answer with the state of an upload; a browser gets a page."""
    found = status_of_id(name)
    refresh = refresh_seconds([found], RETRY_SECONDS)
    page = partial(render_template, "image.html", one=found, refresh=refresh)
    return negotiated(page, orjson.dumps(found))


def refresh_seconds(statuses: Iterable[dict[str, Any]], usual: int) -> int | None:
    """Return how soon a page on these uploads should look again; None where none of them waits."""
    waiting = [one for one in statuses if one["status"] == store.WAITING]
    if not waiting:
        return None
    return resizer.STALLED_REFRESH_SECONDS if waiting[0]["detail"] else usual


@blueprint.get("/images/<name>/result")
def result(name: str) -> Response:
    """Answer with the picture that was made."""
    found = status_of_id(name)
    if found["status"] != store.PROCESSED:
        raise _not_ready(found)
    made = found["after"]["format"]
    return _picture(store.result(name, made), made, found["filename"])


@blueprint.get("/images/<name>/original")
def original(name: str) -> Response:
    """Answer with what was uploaded, byte for byte."""
    upload = store.read_upload(name) if store.ID.fullmatch(name) else None
    if upload is None:
        raise _unknown(name)
    return _picture(store.original(upload), upload.format, upload.filename)


@blueprint.get("/images.zip")
def images_zip() -> Response:
    """Answer with the results of those uploads that are processed."""
    ids = known_ids(request.args.getlist("id"))
    if not ids:
        raise Problem(
            422, "name the images: /images.zip?id=...&id=...", errors=[{"field": "id", "detail": "is missing"}]
        )
    statuses = [status_of_id(one) for one in ids]
    done = [one for one in statuses if one["status"] == store.PROCESSED]
    if not done:
        raise _not_ready(min(statuses, key=lambda one: one["status"] != store.WAITING))
    members = [_member(one) for one in done]
    headers = {"Content-Disposition": "attachment; filename=images.zip", "Cache-Control": "private, no-cache"}
    return Response(zipped(members), headers=headers, content_type="application/zip")


def known_ids(given: Iterable[str]) -> list[str]:
    """Return the ids of a query, each once; Problem where there are too many."""
    ids = list(dict.fromkeys(given))
    if len(ids) > MOST_IDS:
        detail = f"{len(ids):,} are named, but {MOST_IDS} are the most"
        raise Problem(422, detail, errors=[{"field": "id", "detail": detail}])
    return ids


def status_of_id(name: str) -> dict[str, Any]:
    """Return what is known of an upload; Problem 404 where nothing is."""
    if not store.ID.fullmatch(name):
        raise _unknown(name)
    upload = store.read_upload(name)
    try:
        answer = store.read_answer(name)
        if upload is None and answer is None:
            raise _unknown(name)
        return _status(name, upload, answer or {"status": store.WAITING})
    except (ValueError, LookupError, TypeError) as error:
        detail = f"what the job wrote on {name} cannot be read: {error!r}"
        raise Problem(503, detail, headers=[("Retry-After", str(RETRY_SECONDS))]) from error


def status_when_sent(upload: store.Upload) -> dict[str, Any]:
    """Return what is known of an upload that Kafka has just taken."""
    return _status(upload.id, upload, {"status": store.WAITING})


def _status(name: str, upload: store.Upload | None, answer: dict[str, Any]) -> dict[str, Any]:
    reason, is_done = answer.get("reason"), answer["status"] == store.PROCESSED
    detail = resizer.stalled() if answer["status"] == store.WAITING else None
    return {
        "id": name,
        "filename": upload.filename if upload else name,
        "status": answer["status"],
        "reason": reason,
        "detail": in_words(reason) if reason else detail,
        "before": _before(upload, answer),
        "after": {key: answer[key] for key in ("format", "width", "height", "bytes")} if is_done else None,
        "accepted_at": upload.accepted_at if upload else answer["accepted_at"],
        "finished_at": answer.get("finished_at"),
        "links": _links(name, is_done, upload is not None),
    }


def _before(upload: store.Upload | None, answer: dict[str, Any]) -> dict[str, Any]:
    if upload:
        return {"format": upload.format, "width": upload.width, "height": upload.height, "bytes": upload.bytes}
    found = {key: answer.get(f"source_{key}") for key in ("format", "width", "height")}
    return {**found, "bytes": None}


def _links(name: str, is_done: bool, has_original: bool) -> dict[str, str]:
    links = {"self": url_for("results.image", name=name)}
    if has_original:
        links["original"] = url_for("results.original", name=name)
    if is_done:
        links["result"] = url_for("results.result", name=name)
    return links


def _picture(file: Path, image_format: str, filename: str) -> Response:
    """Answer with a file that never changes; where `download` is asked, to be saved under the name it came with."""
    is_download = "download" in request.args
    try:
        response = send_file(
            file,
            CONTENT_TYPES[image_format],
            as_attachment=is_download,
            download_name=f"{Path(filename).stem}.{EXTENSIONS[image_format]}" if is_download else None,
        )
    except OSError as error:
        raise Problem(404, "the file of this image is gone") from error
    response.headers["Cache-Control"] = FOR_EVER
    response.headers["Content-Security-Policy"] = PICTURE_POLICY
    return response


def _member(found: dict[str, Any]) -> Member:
    made = found["after"]["format"]
    return Member(found["filename"], EXTENSIONS[made], store.result(found["id"], made))


def _not_ready(found: dict[str, Any]) -> Problem:
    if found["status"] == store.WAITING:
        headers = [("Retry-After", str(RETRY_SECONDS))]
        detail = f"it is not ready yet: {found['detail'] or 'ask again'}"
        return Problem(409, detail, NOT_READY, headers=headers)
    return Problem(409, f"it was refused: {found['detail']}", NOT_READY)


def _unknown(name: str) -> Problem:
    return Problem(404, f"there is no image {name[: store.ID_CHARACTERS]!r} here")

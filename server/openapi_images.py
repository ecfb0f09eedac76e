"""The routes of images, as OpenAPI describes them."""

from arus.image_files import CONTENT_TYPES
from arus.image_names import EXTENSIONS
from server.answers import COUNT, STRING, Schema, array, nullable, record, ref
from server.form_parts import FILE_FIELD, TAKEN
from server.openapi_parts import PAGE, all_responses, described, link, of_type
from server.receiving import MOST_FILES
from server.results import MOST_IDS
from server.store import ID, PROCESSED, REJECTED, WAITING
from server.uploads import FORM

_ID: Schema = {"type": "string", "pattern": f"^{ID.pattern}$"}
_EXAMPLE_ID = "0123456789abcdef0123456789abcdef"
_TIME: Schema = {"type": "string", "format": "date-time"}
_FORMAT: Schema = {"enum": [*EXTENSIONS]}
_SIZE: Schema = {"format": nullable(STRING), **dict.fromkeys(("width", "height", "bytes"), nullable(COUNT))}
_LINK: Schema = {"type": "string", "format": "uri-reference"}
_NAME: Schema = {"name": "name", "in": "path", "required": True, "schema": _ID, "example": _EXAMPLE_ID}
_DOWNLOAD: Schema = {
    "name": "download",
    "in": "query",
    "required": False,
    "allowEmptyValue": True,
    "description": "to be saved, not shown",
    "schema": STRING,
}

SCHEMAS: dict[str, Schema] = {
    "Image": record(
        {
            "id": _ID,
            "filename": STRING,
            "status": {"enum": [WAITING, PROCESSED, REJECTED]},
            "reason": {**nullable(STRING), "description": "why it was rejected, as a code"},
            "detail": {**nullable(STRING), "description": "in words; or why it waits"},
            "before": record(_SIZE),
            "after": nullable(record({"format": _FORMAT, **dict.fromkeys(("width", "height", "bytes"), COUNT)})),
            "accepted_at": nullable(_TIME),
            "finished_at": nullable(_TIME),
            "links": record({"self": _LINK}, {"original": _LINK, "result": _LINK}),
        }
    ),
    "Uploaded": record(
        {
            "uploads": array(ref("Image")),
            "refused": array(record({"filename": STRING, "reason": STRING, "detail": STRING})),
        },
        {"id": {**_ID, "description": "where a single image was accepted: its id"}},
    ),
}


def _ids(required: bool) -> Schema:
    ids = {"type": "array", "items": _ID, "minItems": int(required), "maxItems": MOST_IDS}
    return {"name": "id", "in": "query", "required": required, "explode": True, "schema": ids}


def _upload() -> Schema:
    files = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1, "maxItems": MOST_FILES}
    form = record(
        {FILE_FIELD: {**files, "description": "JPEG, PNG or WebP, by content; each up to 20 MB"}}, may_grow=True
    )
    taken = of_type(ref("Uploaded")) | PAGE
    done = described("Accepted; what was refused is listed with the reason.", taken)
    links = {
        "state": link("image", "name", "$response.body#/id"),
        "result": link("result", "name", "$response.body#/id"),
    }
    return {
        "operationId": "upload",
        "tags": ["images"],
        "summary": "Upload images, to be resized to 300x300",
        "description": (
            "Several files at once: those that are no such images are named, the others accepted. "
            f"Files are taken from the fields {TAKEN}."
        ),
        "requestBody": {"required": True, "content": of_type(form, FORM)},
        "responses": all_responses(done | {"links": links}, *("403", "413", "415", "422", "429", "503"), status="202"),
    }


def _get(name: str, summary: str, kinds: Schema, parameters: list[Schema], *errors: str) -> Schema:
    good = described("The answer.", kinds)
    return {
        "operationId": name,
        "tags": ["images"],
        "summary": summary,
        "parameters": parameters,
        "responses": all_responses(good, *errors),
    }


def _pictures() -> Schema:
    found: Schema = {}
    for name in EXTENSIONS:
        found |= of_type({"type": "string", "format": "binary"}, CONTENT_TYPES[name])
    return found


_STATE = of_type(ref("Image")) | PAGE
_LOOK = "The page to upload by, and how far these uploads are"
_SHOWN = _get("upload_page", _LOOK, PAGE, [_ids(False)], "404", "422", "503")
_ZIP = of_type({"type": "string", "format": "binary"}, "application/zip")

PATHS: dict[str, Schema] = {
    "/upload": {"post": _upload(), "get": _SHOWN},
    "/images/{name}": {"get": _get("image", "How far an upload is", _STATE, [_NAME], "404", "503")},
    "/images/{name}/result": {
        "get": _get("result", "The resized picture", _pictures(), [_NAME, _DOWNLOAD], "404", "409", "503")
    },
    "/images/{name}/original": {
        "get": _get("original", "The picture as it was uploaded", _pictures(), [_NAME, _DOWNLOAD], "404")
    },
    "/images.zip": {
        "get": _get("images_zip", "Several results as one archive", _ZIP, [_ids(True)], "404", "409", "422", "503")
    },
}

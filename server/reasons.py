"""Why an image was refused, in words: what the codes of arus/images.py, image_worker.py and image_messages.py say."""

WORDS = {
    "empty": "it is empty",
    "too-many-bytes": "it is larger than 20 MB",
    "not-an-image": "it is no image: by its content it is none of JPEG, PNG and WebP",
    "truncated": "it ends too early: send the whole file",
    "corrupt": "it is damaged",
    "too-many-pixels": "it has more than 50 million pixels: make it smaller first",
    "animated": "it is animated, but must be a single picture",
    "too-many-parts": "it is made of too many parts: save it anew with an image editor",
    "too-many-scans": "it is made of too many scans: save it anew with an image editor",
    "oversize-profile": "its colour profile is too large: save it anew with an image editor",
    "too-much-memory": "decoding it takes too much memory: make it smaller first",
    "decoder-crashed": "the decoder broke on it",
    "decoder-timeout": "decoding it took too long",
    "decoder-failed": "the decoder failed on it",
    "lost-reference": "its original is gone: upload it again",
    "not-queued": "it could not be queued: upload it again",
}
UNSUPPORTED = "unsupported-format:"
# Of what is not said here a request is in order, but its content is not: 422.
STATUSES = {"too-many-bytes": 413, "too-many-pixels": 413, "not-an-image": 415, "not-queued": 503}


def in_words(code: str) -> str:
    """Return a reason as the end of a sentence that began with the file's name."""
    if code.startswith(UNSUPPORTED):
        return f"it is {code.removeprefix(UNSUPPORTED)}, but must be JPEG, PNG or WebP"
    return WORDS.get(code.partition(":")[0], f"it cannot be used ({code})")


def status_of(codes: set[str]) -> int:
    """Return the status of a request of which every file was refused."""
    found = {415 if code.startswith(UNSUPPORTED) else STATUSES.get(code, 422) for code in codes}
    return found.pop() if len(found) == 1 else 422

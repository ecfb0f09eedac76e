"""Sends rejected records to their topic again: as they were, or with the values that a file gives them.

Each keeps its key, headers and Kafka's time, and gets a header `arus-replay-of` with its id. A record whose value is
unchanged is rejected again, unless the job was mended in between. What Kafka confirmed is noted in
run/replayed/<job>.jsonl and not sent a second time; only what was on its way when this was killed (-9) may be.
"""

import base64
import binascii
import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from arus import home
from arus.connecting import connect, said
from arus.errors import ArusError
from arus.progress import Counting

if TYPE_CHECKING:
    from kafka import KafkaProducer

HEADER = "arus-replay-of"
BROKER_TIMEOUT = 30.0
DELIVERY_TIMEOUT = 60.0
CLOSE_TIMEOUT = 5.0
# Messages sent before their confirmations are awaited and noted: what a kill -9 can make twice.
CHUNK = 50
Chosen = tuple[str, dict[str, Any]]


def read_edits(path: Path) -> dict[str, dict[str, Any]]:
    """Return the lines of a file, as `rejects show --json` prints them, by id; ArusError names a wrong line."""
    edits: dict[str, dict[str, Any]] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ArusError(f"cannot read {path}: {error}") from error
    for number, text in enumerate(lines, start=1):
        if text.strip():
            edit = _edit(text, f"{path}, line {number}")
            if edit["id"] in edits:
                raise ArusError(f"{path}, line {number}: {edit['id']} is there twice; keep one of them")
            edits[edit["id"]] = edit
    return edits


def _edit(text: str, where: str) -> dict[str, Any]:
    try:
        edit = json.loads(text)
    except ValueError as error:
        raise ArusError(f"{where}: not JSON ({error})") from error
    if not isinstance(edit, dict) or not isinstance(edit.get("id"), str):
        raise ArusError(f'{where}: needs an object with an "id", as `rejects show --json` prints it')
    for name in ("value", "value_base64"):
        if not isinstance(edit.get(name), str | None):
            raise ArusError(f'{where}: "{name}" must be text (a JSON message: as text, with its quotes escaped)')
    return edit


def edited(record: dict[str, Any], edit: dict[str, Any]) -> dict[str, Any]:
    """Return the record with the value of the edit: of value and value_base64 that which differs from the record's."""
    new = {value for value in _values(edit) if value != record["value"]}
    if len(new) > 1:
        raise ArusError(f"{edit['id']}: value and value_base64 were both edited, and differ; keep one of them")
    return record | {"value": new.pop()} if new else record


def _values(edit: dict[str, Any]) -> Iterator[bytes]:
    if edit.get("value") is not None:
        try:
            yield edit["value"].encode()
        except UnicodeEncodeError as error:
            raise ArusError(f"{edit['id']}: its value is no text that UTF-8 can hold ({error})") from error
    if edit.get("value_base64") is not None:
        try:
            yield base64.b64decode(edit["value_base64"], validate=True)
        except (binascii.Error, ValueError) as error:
            raise ArusError(f"{edit['id']}: value_base64 is not base64 ({error})") from error


def replay(job: str, chosen: Iterable[Chosen], again: bool, dry_run: bool) -> str:
    """Send the chosen records not sent before; return a line on what was done, ArusError if one was not confirmed."""
    with _journal(job) as journal:
        noted = _noted(journal)
        done = set() if again else noted
        before = 0

        def fresh() -> Iterator[Chosen]:
            nonlocal before
            for name, record in chosen:
                if name in done:
                    before += 1
                else:
                    yield name, record

        count = sum(1 for _ in fresh()) if dry_run else _send_all(job, fresh(), journal)
    skipped = f", {before:,} already replayed (--again sends them once more)" if before else ""
    return f"{job}: {count:,} {'would be ' if dry_run else ''}replayed{skipped}"


@contextmanager
def _journal(job: str) -> Iterator[TextIO]:
    """Open the note of what was replayed, for one replay at a time."""
    path = home.run() / "replayed" / f"{job}.jsonl"
    path.parent.mkdir(exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ArusError(f"another replay of {job} is at work: wait for it") from None
        yield file


def _noted(journal: TextIO) -> set[str]:
    """Return the ids in the journal; a last line that a crash cut short counts for nothing, and is ended."""
    journal.seek(0)
    names = set()
    text = journal.read()
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            names.add(json.loads(line)["id"])
    if text and not text.endswith("\n"):
        journal.write("\n")
    return names


def _send_all(job: str, fresh: Iterator[Chosen], journal: TextIO) -> int:
    from kafka.errors import KafkaError

    count = 0
    producers: dict[str, KafkaProducer] = {}
    counting = Counting("record")
    try:
        while chunk := list(islice(fresh, CHUNK)):
            for topic in sorted({record["topic"] for _, record in chunk} - producers.keys()):
                producers[topic] = connect([topic], BROKER_TIMEOUT, DELIVERY_TIMEOUT, 0)
            if failures := _send(chunk, producers, journal):
                raise ArusError(
                    f"{job}: {count + len(chunk) - len(failures):,} replayed, then {failures[0]}: see "
                    "`python -m arus broker status` and run this again, or leave the record out (--reason, --file); "
                    "what was replayed is not sent twice"
                )
            count += len(chunk)
            counting.add(len(chunk))
    finally:
        counting.clear()
        for producer in producers.values():
            with contextlib.suppress(KafkaError):
                producer.close(timeout=CLOSE_TIMEOUT)
    return count


def _send(chunk: list[Chosen], producers: "dict[str, KafkaProducer]", journal: TextIO) -> list[str]:
    """Send a chunk, wait for every answer and note what was confirmed; return what failed."""
    from kafka.errors import KafkaError

    waiting: list[tuple[str, Any]] = []
    failures: list[str] = []
    try:
        for name, record in chunk:
            try:
                waiting.append((name, _queued(producers[record["topic"]], name, record)))
            except (KafkaError, ValueError) as error:
                failures.append(f"{name} could not be sent ({said(error)})")
        return failures + [failure for name, future in waiting if (failure := _failure(name, future))]
    finally:
        # After Ctrl-C too: what was confirmed by then must be noted.
        for name, future in waiting:
            if future.is_done and future.succeeded():
                journal.write(json.dumps({"id": name}) + "\n")
        journal.flush()
        os.fsync(journal.fileno())


def _failure(name: str, future: Any) -> str:
    from kafka.errors import KafkaError

    try:
        future.get(DELIVERY_TIMEOUT)
    except KafkaError as error:
        return f"{name} was not confirmed ({said(error)})"
    return ""


def _queued(producer: "KafkaProducer", name: str, record: dict[str, Any]) -> Any:
    """Queue a record with its own key, headers and time; a header of an earlier replay gives way to this one's."""
    # kafka-python sends no header without a value: such a one becomes empty.
    headers = [(header["key"], header["value"] or b"") for header in record["headers"] or [] if header["key"] != HEADER]
    return producer.send(
        record["topic"],
        record["value"],
        record["key"],
        [*headers, (HEADER, name.encode())],
        timestamp_ms=round(record["timestamp"].timestamp() * 1000),
    )

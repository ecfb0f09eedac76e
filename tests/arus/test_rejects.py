"""`python -m arus rejects list` and `show`, on real Delta tables."""

import base64
import json
from pathlib import Path

import pytest

from arus import rejects
from arus.errors import ArusError
from tests.arus.delta_tables import IMAGE, JOB, append, rejected, three_rejects


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "arus home"
    monkeypatch.setenv("ARUS_HOME", str(folder))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    return folder


def test_reasons_are_counted_for_each_job(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three_rejects(store)
    append(store, "rejects/retail_ingest", [])
    assert rejects.main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"retail_ingest": {}, JOB: {"not-json": 2, "wrong-type:suhu": 1}}
    assert rejects.main(["list"]) == 0
    assert capsys.readouterr().out == (
        f"        2  {JOB}  not-json\n        1  {JOB}  wrong-type:suhu\n"
        "see them with `python -m arus rejects show JOB`\n"
    )


def test_no_rejects_is_good_news(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rejects.main(["list"]) == 0
    append(store, f"rejects/{JOB}", [])
    assert rejects.main(["list"]) == 0
    assert capsys.readouterr().out == (
        f"nothing was rejected: no job has run in {store}\nnothing was rejected: {JOB}\n"
    )


def test_records_are_shown_in_the_order_of_their_time(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three_rejects(store)
    assert rejects.main(["show", JOB]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "sensor-suhu-0-1  2026-01-02T03:04:01Z  not-json  S1  {",
        "sensor-suhu-0-2  2026-01-02T03:04:02Z  not-json  null  <3 bytes: ff d8 00>",
        'sensor-suhu-0-3  2026-01-02T03:04:03Z  wrong-type:suhu  S1  {"suhu": "x"}  [trace=7 none=null]',
    ]


def test_a_limit_keeps_the_latest_and_0_keeps_all(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    append(store, f"rejects/{JOB}", [rejected(offset, b"{") for offset in range(25)])
    rejects.main(["show", JOB, "--limit", "2"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "sensor-suhu-0-23",
        "sensor-suhu-0-24",
    ]
    for options, count in (([], 20), (["--limit", "0"], 25)):
        rejects.main(["show", JOB, *options])
        assert len(capsys.readouterr().out.splitlines()) == count


def test_a_value_cannot_command_the_terminal(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = [{"key": "\x1b[2J", "value": b"\x1b[2J"}]
    append(store, f"rejects/{JOB}", [rejected(1, b"\x1b[2J\n", key=b"\x07", headers=header)])
    rejects.main(["show", JOB])
    line = capsys.readouterr().out.removesuffix("\n")
    assert line.isprintable()
    assert line.endswith(r"\x07  \x1b[2J\n  [\x1b[2J=\x1b[2J]")


def test_json_has_everything_and_only_the_asked_reason(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three_rejects(store)
    rejects.main(["show", JOB, "--json", "--reason", "wrong-type:suhu"])
    assert json.loads(capsys.readouterr().out) == {
        "id": "sensor-suhu-0-3",
        "topic": "sensor-suhu",
        "partition": 0,
        "offset": 3,
        "timestamp": "2026-01-02T03:04:03+00:00",
        "reason": "wrong-type:suhu",
        "key": "S1",
        "value": '{"suhu": "x"}',
        "value_base64": base64.b64encode(b'{"suhu": "x"}').decode(),
        "headers": [
            {"key": "trace", "value": "7", "value_base64": "Nw=="},
            {"key": "none", "value": None, "value_base64": None},
        ],
    }
    rejects.main(["show", JOB, "--json", "--reason", "not-json"])
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["key"], last["value"], last["value_base64"]) == (None, None, base64.b64encode(IMAGE).decode())


def test_unknown_jobs_and_reasons_are_refused_by_name(store: Path) -> None:
    three_rejects(store)
    with pytest.raises(ArusError, match=rf"^no rejects of a job 'x'; there are those of: {JOB}$"):
        rejects.main(["show", "x"])
    with pytest.raises(ArusError, match=r"nothing for 'oversize'; its reasons: not-json, wrong-type:suhu$"):
        rejects.main(["show", JOB, "--reason", "oversize"])

from pathlib import Path

import pytest

from arus import failures

TRACE = """py4j.Py4JException: An exception was raised by the Python Proxy. Return Message: Traceback:
  File "arus/streaming/table_writer.py", line 65, in commit
_internal.CommitFailedError: Failed to commit transaction: Concurrent transaction failed.
"""


@pytest.mark.parametrize(
    ("trace", "remedy"),
    [
        (TRACE, "another driver writes the same micro-batches"),
        ("java.io.IOException: No space left on device", "the disk is full"),
        ("java.lang.IllegalStateException: something else", "the query failed"),
    ],
)
def test_why_a_query_failed_is_one_line(
    trace: str, remedy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ARUS_HOME", str(tmp_path))
    told = failures.explain(trace, "retail_ingest")
    assert told.startswith(remedy)
    assert "\n" not in told
    assert str(tmp_path / "logs" / "retail_ingest.log") in told

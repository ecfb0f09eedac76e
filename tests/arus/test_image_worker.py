import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arus import image_worker
from arus.errors import ArusError
from arus.home import ROOT
from arus.image_headers import RejectedImage
from arus.image_measures import analyse
from arus.image_worker import ImageWorker
from arus.resizing import Target, resize
from tests.arus import image_faults as faults
from tests.arus.image_faults import Told
from tests.arus.image_samples import jpeg


@pytest.fixture(scope="module")
def worker() -> Iterator[ImageWorker]:
    with ImageWorker(seconds=20.0, memory_bytes=400_000_000) as shared:
        yield shared


def reason(worker: ImageWorker, function: Callable[[bytes], Told], data: bytes = b"x") -> str:
    with pytest.raises(RejectedImage) as rejected:
        worker.call(function, data)
    return rejected.value.reason


def test_the_child_returns_what_the_function_returns(worker: ImageWorker) -> None:
    data = jpeg(200)
    assert worker.call(analyse, data, "leaf.png") == analyse(data, "leaf.png")
    assert worker.call(resize, data, Target(50, 40, "pad", "WEBP")) == resize(data, Target(50, 40, "pad", "WEBP"))


def test_many_images_go_through_one_child(worker: ImageWorker) -> None:
    told = [worker.call(faults.tell, bytes(size), text=str(size)) for size in (0, 1, 100_000, 20_000_000)]
    assert {each.pid for each in told} == {worker.pid}
    assert worker.pid != os.getpid()
    assert [(len(each.blob), each.text) for each in told] == [(int(each.text), each.text) for each in told]


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (faults.reject, "truncated"),
        (faults.fail, "decoder-failed:KeyError"),
        (faults.crash, "decoder-crashed"),
        (faults.leave, "decoder-crashed"),
        (faults.lie, "decoder-crashed"),
    ],
)
def test_a_fault_is_a_reason_and_the_next_image_is_decoded(
    worker: ImageWorker, function: Callable[[bytes], Told], code: str
) -> None:
    assert reason(worker, function) == code
    assert worker.call(faults.tell, b"next").blob == b"next"


def test_an_image_whose_decoder_dies_gets_another_one_once(worker: ImageWorker, tmp_path: Path) -> None:
    begun = str(tmp_path / "begun").encode()
    assert worker.call(faults.crash_once, begun).blob == begun


def test_too_much_memory_is_a_reason(worker: ImageWorker) -> None:
    assert reason(worker, faults.hog, b"x" * 1_000) == "too-much-memory"
    assert worker.call(faults.tell, b"next").blob == b"next"


def test_a_decoder_that_hangs_is_killed() -> None:
    with ImageWorker(seconds=0.5) as worker:
        first = worker.call(faults.tell, b"")
        assert reason(worker, faults.hang) == "decoder-timeout"
        second = worker.call(faults.tell, b"")
        assert first.pid != second.pid
        assert not is_alive(first.pid)


def test_a_child_killed_between_two_images_is_replaced(worker: ImageWorker) -> None:
    pid = worker.call(faults.tell, b"").pid
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert worker.call(faults.tell, b"").pid != pid


def test_a_child_is_replaced_after_so_many_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_worker, "IMAGES_A_CHILD", 3)
    with ImageWorker() as worker:
        pids = [worker.call(faults.tell, b"").pid for _ in range(7)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]


def test_a_decoder_that_does_not_start_is_no_fault_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    for command in ("/nowhere/python", "/bin/true"):
        monkeypatch.setattr(sys, "executable", command)
        with ImageWorker() as worker, pytest.raises(ArusError, match="does not start"):
            worker.call(faults.tell, b"")


def test_closing_ends_the_child() -> None:
    with ImageWorker() as worker:
        pid = worker.call(faults.tell, b"").pid
    assert (worker.pid, is_alive(pid)) == (None, False)


def test_the_child_is_told_no_secret_and_writes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", "canary")
    with ImageWorker() as worker:
        assert worker.call(faults.secret, b"").text == "unknown"
        with pytest.raises(RejectedImage, match="decoder-failed:OSError"):
            worker.call(faults.write, b"", str(tmp_path / "file"))


@pytest.mark.parametrize("function", ["tell", "hang"])
def test_a_child_does_not_outlive_its_caller(function: str, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    program = (
        "from pathlib import Path; from tests.arus import image_faults as faults;"
        "from arus.image_worker import ImageWorker;"
        "worker = ImageWorker(seconds=1.0); print(worker.call(faults.tell, b'').pid, flush=True);"
        f"worker._seconds = 60; worker.call(faults.{function}, {str(begun)!r}.encode());"
        f"Path({str(begun)!r}).touch(); input()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as caller:
        assert caller.stdout is not None
        pid = int(caller.stdout.readline())
        wait_until(begun.exists)
        caller.kill()
    wait_until(lambda: not is_alive(pid))


def test_an_interrupted_call_spoils_no_later_answer(worker: ImageWorker) -> None:
    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            worker.call(faults.linger, b"first")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert worker.call(faults.tell, b"next").blob == b"next"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")

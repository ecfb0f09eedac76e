"""After an orderly stop no alert comes again; after a kill, the next start says which do."""

import json
import re
import signal

import pytest

from tests.conftest import Broker
from tests.e2e.support import drain, messages, send, submit, until, words

pytestmark = pytest.mark.e2e

HOT = {
    "temperature_filter": ("sensor-suhu", b'{"sensor_id": "S1", "suhu": 91.5}', "peringatan-suhu"),
    "warehouse_monitor": ("sensor-suhu-gudang", b'{"gudang_id": "G1", "suhu": 91.5}', "peringatan-gudang"),
}


def alert_ids(cluster: Broker, topic: str) -> list[object]:
    return [alert["alert_id"] for alert in messages(cluster, topic)]


def run_until(cluster: Broker, job: str, count: int, number: int) -> str:
    """Send two hot readings to a running job, wait for `count` alerts in all, and end it by a signal."""
    topic, reading, alerts = HOT[job]
    process = submit(cluster, job)
    try:
        for key in (b"one", b"another"):
            send(cluster, topic, [reading], key=key)
        until(lambda: len(alert_ids(cluster, alerts)) >= count, f"{count} alerts")
        process.send_signal(number)
        return words(process)
    finally:
        process.kill()


@pytest.mark.parametrize("job", HOT)
def test_an_orderly_stop_repeats_no_alert(cluster: Broker, job: str) -> None:
    topic, reading, alerts = HOT[job]
    run_until(cluster, job, 2, signal.SIGTERM)
    run_until(cluster, job, 4, signal.SIGINT)
    send(cluster, topic, [reading])
    drain(cluster, job)
    found = alert_ids(cluster, alerts)
    assert len(found) == len(set(found)) == 5


def test_after_a_kill_the_next_start_says_which_alerts_come_again(cluster: Broker) -> None:
    job = "temperature_filter"
    run_until(cluster, job, 2, signal.SIGKILL)
    said = drain(cluster, job)
    assert re.search(r"the last run was cut off: alerts of sensor-suhu partition \d offsets 0 to \d.* come again", said)
    found = alert_ids(cluster, HOT[job][2])
    assert (len(found), len(set(found))) == (4, 2)
    drain(cluster, job)
    assert len(alert_ids(cluster, HOT[job][2])) == 4
    note = json.loads((cluster.home / "checkpoints" / job / "alerts.sent.json").read_text())
    assert note["is_orderly"]

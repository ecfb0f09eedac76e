"""All services in containers: healthy, closed, and going on whatever is restarted. In this order, on one stack."""

import json
import re
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from arus.local import containers
from arus.schemas import JOBS
from tests.containers.stack import (
    TOKEN,
    are_all_good,
    ask,
    ask_master,
    check,
    docker,
    goes_on,
    inspected,
    make_containers,
    master,
    of,
    picture,
    rows,
    until,
)

pytestmark = [pytest.mark.containers, pytest.mark.usefixtures("brought_up")]

JOB_SERVICES = sorted(name for name, job in JOBS.items() if job.has_service)
PRODUCERS = ["producer-temperature", "producer-warehouse", "producer-retail", "producer-images"]
GROWING = ("sensor_suhu", "sensor_gudang", "retail", "images")
ARUS_USER, KAFKA_USER = "10001:10001", "appuser"
# A restarted service, a job that starts anew, and its first micro-batch.
BACK_SECONDS = 180.0


def test_one_command_brings_all_up_and_says_what_it_found(brought_up: str) -> None:
    assert re.search(r"^engine \S+, Compose \S+: \d+ GB of memory", brought_up, re.MULTILINE)
    for table in GROWING:
        assert re.search(rf"^  {table} +first rows after \d+ s$", brought_up, re.MULTILINE)
    assert "each message is a row or a reject, and once" in brought_up
    assert f"http://127.0.0.1:{containers.port('server')} " in brought_up
    assert TOKEN not in brought_up


def test_another_set_of_services_recreates_none() -> None:
    before = {one.name: docker("inspect", "--format", "{{.Id}}", one.name) for one in containers.containers()}
    containers.compose("up", "--detach", *JOB_SERVICES)
    assert {one.name: docker("inspect", "--format", "{{.Id}}", one.name) for one in containers.containers()} == before
    images = {facts["Image"] for service, facts in inspected().items() if service != "kafka"}
    assert len(images) == 1


def test_a_container_may_do_only_what_it_needs() -> None:
    for service, facts in inspected().items():
        host, config = facts["HostConfig"], facts["Config"]
        assert host["ReadonlyRootfs"], service
        assert host["CapDrop"] == ["ALL"], service
        assert not host["CapAdd"], service
        assert not host["Privileged"], service
        assert "no-new-privileges:true" in host["SecurityOpt"], service
        assert config["User"] == (KAFKA_USER if service == "kafka" else ARUS_USER), service
        assert host["Memory"] > 0, service
        assert host["NanoCpus"] > 0, service
        assert host["PidsLimit"] > 0, service
        addresses = [binding["HostIp"] for bound in (host["PortBindings"] or {}).values() for binding in bound]
        assert set(addresses) <= {"127.0.0.1"}, service


@pytest.mark.parametrize("service", ["temperature_filter", "kafka", "server"])
def test_inside_nothing_can_be_written_and_nobody_is_root(service: str) -> None:
    status = containers.compose("exec", "--no-TTY", service, "cat", "/proc/1/status")
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert int(re.findall(r"^Uid:\s+(\d+)", status, re.MULTILINE)[0]) in {10001, 1000}
    touch = "touch /opt/x /usr/x 2>/dev/null; ls /opt/x /usr/x 2>/dev/null | wc -l"
    assert containers.compose("exec", "--no-TTY", service, "sh", "-c", touch).strip() == "0"


def test_the_token_is_only_in_the_environment_of_the_web_server() -> None:
    knowing = {service for service, facts in inspected().items() if TOKEN in json.dumps(facts)}
    assert knowing == {"server"}
    image = inspected()["server"]["Image"]
    assert TOKEN not in docker("image", "history", "--no-trunc", image) + docker("image", "inspect", image)


def test_no_container_leaves_an_unnamed_volume_but_a_worker() -> None:
    unnamed = {
        service
        for service, facts in inspected().items()
        for mount in facts["Mounts"]
        if mount["Type"] == "volume" and re.fullmatch("[0-9a-f]{64}", mount["Name"])
    }
    assert unnamed == {"spark-worker"}


def test_status_is_told_by_the_line_of_the_docs() -> None:
    said = containers.compose("run", "--rm", "topics", "python", "-m", "arus", "status")
    assert "broker: kafka:19092 answers" in said
    assert all(f"\n{job}: " in said for job in JOB_SERVICES)


def test_an_upload_comes_back_as_300_by_300_to_who_has_the_token(tmp_path: Path) -> None:
    assert ask("/upload", b"", token="").status == 401
    assert resized(upload(tmp_path)).size == (300, 300)


def upload(folder: Path) -> str:
    """Upload a picture of 640 by 480, and return its id."""
    edge, kind = b"--edge\r\n", "multipart/form-data; boundary=edge"
    head = b'Content-Disposition: form-data; name="file"; filename="plant.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = edge + head + picture(folder / "plant.jpg", 640, 480) + b"\r\n--edge--\r\n"
    sent = ask("/upload", body, Content_Type=kind)
    assert sent.status == 202, sent.body
    return str(sent.json["id"])


def resized(name: str) -> Image.Image:
    """Wait for the result of an upload, and return it."""
    until(lambda: ask(f"/images/{name}").json["status"] == "processed", "the picture")
    return Image.open(BytesIO(ask(ask(f"/images/{name}").json["links"]["result"]).body))


def test_three_workers_share_a_job_and_one_may_be_killed(tmp_path: Path) -> None:
    containers.compose("up", "--detach", "--scale", "spark-worker=3")
    until(lambda: master()["aliveworkers"] == 3, "three workers")
    containers.compose("restart", "temperature_filter", "image_resize")
    spread = ("temperature_filter", "image_resize")
    until(lambda: all(len(hosts_of(job)) == 3 for job in spread), "their executors on three workers")
    # Killed, and gone for good.
    docker("rm", "--force", max(container.name for container in of("spark-worker")))
    until(lambda: master()["aliveworkers"] == 2, "the loss of one")
    goes_on(GROWING)
    assert resized(upload(tmp_path)).size == (300, 300)
    assert len(hosts_of("image_resize")) == 2


def hosts_of(job: str) -> set[str]:
    """Return the addresses of the workers that run a job's executors, as the master's page of it tells."""
    (app,) = [app["id"] for app in master()["activeapps"] if app["name"] == job]
    page = ask_master(f"/app/?appId={app}").split("Removed Executors")[0]
    return set(re.findall(r"worker-\d+-([\d.]+)-\d+", page))


def test_a_prediction_by_the_first_model_and_the_champion() -> None:
    until(lambda: ask("/models").json["champion"] is not None, "the first model", 2 * BACK_SECONDS)
    sale = {"CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}
    for chosen in ({}, {"model_number": "1"}):
        asked = json.dumps(sale | chosen).encode()
        assert ask("/cluster-customer", asked, token="", Content_Type="application/json").status == 401
        answer = ask("/cluster-customer", asked, Content_Type="application/json")
        assert answer.status == 200
        assert isinstance(answer.json["cluster"], int)


def test_jobs_go_on_when_the_master_is_restarted() -> None:
    before = {app["id"] for app in master()["activeapps"]}
    containers.compose("restart", "spark-master")
    until(lambda: master()["status"] == "ALIVE", "the master")
    until(lambda: {app["id"] for app in master()["activeapps"]} == before, "the same applications")
    goes_on(GROWING)


def test_jobs_go_on_when_kafka_is_restarted() -> None:
    containers.compose("restart", "kafka")
    goes_on(GROWING, BACK_SECONDS)


def test_a_second_model_comes_and_the_first_one_still_answers() -> None:
    until(lambda: len(ask("/models").json["models"]) >= 2, "model 2", 2 * BACK_SECONDS)
    sale = json.dumps({"CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0, "model_number": 1}).encode()
    assert ask("/cluster-customer", sale, Content_Type="application/json").status == 200


# The last test restarts each of them too, by `down` and `up`.
@pytest.mark.long
def test_jobs_go_on_when_every_driver_is_restarted() -> None:
    containers.compose("restart", *JOB_SERVICES)
    goes_on(GROWING, BACK_SECONDS)
    said = containers.compose("logs", "--no-log-prefix", *JOB_SERVICES)
    assert said.count("stopped; the next start goes on from here") >= len(JOB_SERVICES) - 1
    assert [line for line in said.splitlines() if line.startswith("\tat ") or "Exception" in line] == []


def test_nothing_is_lost_and_nothing_there_twice_after_all_this_and_a_down_and_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    until(are_all_good, "all services to be healthy")
    report_memory(capsys)
    containers.compose("stop", *PRODUCERS)
    down = make_containers("--down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert containers.containers() == []
    containers.compose("up", "--detach", *JOB_SERVICES, "server")
    until(rows, "the web server")
    found = check("--wait", str(BACK_SECONDS))
    assert len(found) == 6
    for account in found:
        assert account["messages"] == account["rows"] + account["rejects"], account
        assert (account["unread"], account["missing"], account["repeated"]) == (0, 0, 0), account
    assert all(account["messages"] > 0 for account in found)


def report_memory(capsys: pytest.CaptureFixture[str]) -> None:
    """Print the peak of each container, of which docs/docker.md has the sum."""
    with capsys.disabled():
        print()
        for container in containers.containers():
            if container.state == "running":
                print(f"  {container.service:<22} {peak_megabytes(container.name):>6,} MB at most")


def peak_megabytes(name: str) -> int:
    files = "/sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes"
    return int(docker("exec", name, "sh", "-c", f"cat {files} 2>/dev/null || true").split()[0]) // 10**6

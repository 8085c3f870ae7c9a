"""CALL-4 with Debian's real Alertmanager: it groups, truncates and resolves, and the right alerts are here."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.ownership.alerts.inbound import integrations
from apps.ownership.models import Alert, AlertMember, Integration
from portal.tenancy.context import tenant_transaction
from tests.clients.server import served
from tests.world import World

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Alertmanager isn't here: Debian's prometheus-alertmanager")

CONFIGURATION = """
route:
  receiver: causeway
  group_by: [alertname]
  group_wait: 200ms
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: causeway
    webhook_configs:
      - url: {portal}/v1/alerts/alertmanager
        send_resolved: true
        max_alerts: 2
        http_config:
          authorization:
            credentials: {key}
"""


@contextmanager
def alertmanager(folder: Path, portal: str, key: str) -> Iterator[str]:
    """The program, sending to the portal; yields its own address."""
    (folder / "alertmanager.yml").write_text(CONFIGURATION.format(portal=portal, key=key))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert PROGRAM is not None, "skipped without"
    with (folder / "alertmanager.log").open("ab") as log:
        process = subprocess.Popen(
            [
                PROGRAM,
                f"--config.file={folder}/alertmanager.yml",
                f"--storage.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: is_ready(address))
        yield address
    finally:
        process.terminate()
        process.wait(10)


def is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def eventually(is_so: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def tell(address: str, name: str, *instances: str, over: bool = False) -> None:
    """As Prometheus does: these alerts fire, or are over."""
    now = datetime.now(UTC)
    alerts: list[dict[str, Any]] = [
        {
            "labels": {"alertname": name, "instance": instance, "severity": "warning", "workload": "W-01"},
            "annotations": {"summary": f"{name} is wrong"},
            "startsAt": (now - timedelta(minutes=1)).isoformat(),
            "endsAt": (now - timedelta(seconds=1) if over else now + timedelta(hours=1)).isoformat(),
        }
        for instance in instances
    ]
    request = urllib.request.Request(
        f"{address}/api/v2/alerts", json.dumps(alerts).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200


def states(world: World) -> dict[str, tuple[str, int, int]]:
    """By summary: the state, how many members are known, and how many of them are firing."""
    with tenant_transaction(world.tenant.id):
        found = {}
        for alert in Alert.objects.order_by("created_at"):
            rows = AlertMember.objects.filter(alert=alert.id)
            found[alert.summary] = (alert.state, rows.count(), rows.filter(ended_at=None).count())
        return found


def way_in(world: World) -> Integration:
    with tenant_transaction(world.tenant.id):
        return integrations.create(
            team=world.team, kind="alertmanager", name="Shop", actor=world.actor(world.adam), now=datetime.now(UTC)
        )


def test_it_fires_groups_truncates_and_resolves_into_the_right_alerts(live_world: World, tmp_path: Path) -> None:
    key = integrations.credential(way_in(live_world))
    with served() as portal, alertmanager(tmp_path, portal, key) as address:
        tell(address, "DiskFull", "a", "b")
        tell(address, "HighLatency", "a")
        wanted = {"DiskFull is wrong": ("triggered", 2, 2), "HighLatency is wrong": ("triggered", 1, 1)}
        eventually(lambda: states(live_world) == wanted)

        # Three, of which two are sent: of the third nothing is known, so the group goes on.
        tell(address, "DiskFull", "c")
        with tenant_transaction(live_world.tenant.id):
            before = Alert.objects.get(summary="DiskFull is wrong").occurrences
        eventually(lambda: said(live_world, "DiskFull is wrong") > before)
        assert states(live_world)["DiskFull is wrong"][0] == "triggered"

        tell(address, "HighLatency", "a", over=True)
        eventually(lambda: states(live_world)["HighLatency is wrong"][0] == "resolved")
        assert states(live_world)["DiskFull is wrong"][0] == "triggered"

        # All are over, but one is cut off: of it nothing is known. A message that is whole ends the group.
        tell(address, "DiskFull", "c", over=True)
        eventually(lambda: said(live_world, "DiskFull is wrong") > before + 1)
        time.sleep(2)
        tell(address, "DiskFull", "a", "b", over=True)
        eventually(lambda: states(live_world)["DiskFull is wrong"][0] == "resolved")
        with tenant_transaction(live_world.tenant.id):
            rows = list(Alert.objects.select_related("workload", "team"))
            assert {(row.workload_id, row.severity) for row in rows} == {(live_world.workload.id, "warning")}


def said(world: World, summary: str) -> int:
    with tenant_transaction(world.tenant.id):
        return Alert.objects.get(summary=summary).occurrences


def test_what_the_portal_can_not_take_now_it_sends_again(live_world: World, tmp_path: Path) -> None:
    """A wrong key is refused for good; the right one, given later, gets what is still firing."""
    found = way_in(live_world)
    with served() as portal:
        with alertmanager(tmp_path, portal, "x" * 32) as address:
            tell(address, "DiskFull", "a")
            eventually(lambda: "401" in (tmp_path / "alertmanager.log").read_text())
        assert states(live_world) == {}
        with alertmanager(tmp_path, portal, integrations.credential(found)) as address:
            tell(address, "DiskFull", "a")
            eventually(lambda: states(live_world) == {"DiskFull is wrong": ("triggered", 1, 1)})

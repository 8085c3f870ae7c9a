"""The receiver in docs/integrations/events.md, run as it stands there against what we really send."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from apps.events import actions, rules
from apps.events.catalogue import TYPES
from portal.local import paths
from portal.tenancy.context import tenant_transaction
from tests.events.cast import carry, happen, now, subscribed
from tests.ownership.alerts.receiver import Received, Receiver
from tests.world import World

TEXT = (paths.PROJECT_ROOT / "docs/integrations/events.md").read_text()
Verified = Callable[..., str]


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


@pytest.fixture
def verified() -> Verified:
    space: dict[str, Any] = {}
    exec(compile(block("python"), "docs/integrations/events.md", "exec"), space)
    found: Verified = space["verified"]
    return found


@pytest.fixture
def sent(world: World, hook: Receiver) -> tuple[str, Received]:
    """The secret as a person is shown it, and an event as it arrives."""
    row = subscribed(world, hook.address)
    with tenant_transaction(world.tenant.id):
        secret = actions.show_secret(subscription=row, actor=world.actor(world.adam), now=now())
    happen(world, "workload.edited")
    carry(row)
    return secret, hook.received[0]


def test_it_takes_what_we_send(verified: Verified, sent: tuple[str, Received]) -> None:
    secret, got = sent
    assert verified(secret, got.headers, got.body) == got.headers["webhook-id"]


@pytest.mark.parametrize("tampered", ["body", "id", "time", "secret", "old"])
def test_it_takes_nothing_else(verified: Verified, sent: tuple[str, Received], tampered: str) -> None:
    secret, got = sent
    headers, body, at = dict(got.headers), got.body, None
    stamp = int(headers["webhook-timestamp"])
    if tampered == "body":
        body = body.replace(b"edited", b"stolen")
    elif tampered == "id":
        headers["webhook-id"] = "another"
    elif tampered == "time":
        headers["webhook-timestamp"] = str(stamp + 1)
    elif tampered == "secret":
        secret = "whsec_" + "A" * 43 + "="
    else:
        at = stamp + 301
    with pytest.raises(ValueError, match="old" if tampered == "old" else "not signed"):
        verified(secret, headers, body, at)


def test_either_secret_will_do_for_a_day_after_it_was_changed(verified: Verified, world: World, hook: Receiver) -> None:
    row, adam = subscribed(world, hook.address), world.actor(world.adam)
    with tenant_transaction(world.tenant.id):
        former = actions.secret_of(row, now())
        row = actions.rotate(subscription=row, keep_former=True, actor=adam, now=now())
        new = actions.secret_of(row, now())
    happen(world, "workload.edited")
    carry(row)
    (got,) = hook.received
    assert former != new
    assert verified(former, got.headers, got.body) == verified(new, got.headers, got.body)


def test_the_example_has_the_fields_that_are_sent_and_no_other(sent: tuple[str, Received]) -> None:
    import json

    example, real = json.loads(block("json")), sent[1].json
    assert example.keys() == real.keys()
    assert example["data"].keys() == real["data"].keys()
    assert len(example["sequence"]) == len(real["sequence"])
    assert example["type"].removeprefix("causeway.") in TYPES


def test_the_delays_that_are_promised_are_those_that_are_kept() -> None:
    said = "5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h, 4 h, 8 h and then each 12 h"
    assert said in re.sub(r"\s+", " ", TEXT)
    hours = [5 / 3600, 30 / 3600, 2 / 60, 10 / 60, 0.5, 1, 2, 4, 8, 12, 12]
    assert [rules.again_after(n).total_seconds() for n in range(1, 12)] == [round(hour * 3600) for hour in hours]

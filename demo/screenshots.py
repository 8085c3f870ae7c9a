"""``python -m demo.screenshots``: the demo's main pages, light and dark, wide and narrow, for people to look at.

Runs a demo of its own beside whatever else runs, on data that goes away afterwards. The README's four pictures are
among them.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
DESK, PHONE = (1440, 900), (390, 844)
ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "screenshots"
# As `demo_data` prints them; its module needs Django set up, and this one doesn't.
PASSWORD, DOMAIN = "causeway-demo-2026", "meridian.example"
README = ROOT / "docs" / "images"
TALLEST = 3200  # px; of a longer page this much is kept.
PATIENCE = 420  # s until the demo's rollouts have met their fate.


@dataclass(frozen=True)
class Shot:
    """One page: a path below the tenant, or the links to follow from there (the text of each, a regular expression)."""

    name: str
    path: str
    person: str = "sarah"
    follow: tuple[str, ...] = ()
    readme: str = ""


SHOTS = (
    Shot("home-owner", ""),
    Shot("home-frontline", "", "fred"),
    Shot("workloads", "workloads/"),
    Shot("workload", "workloads/W-01/", readme="workload"),
    Shot("gate", "workloads/W-01/gates/pilot/"),
    Shot("rollouts", "rollouts/"),
    Shot("rollout-climbing", "workloads/W-01/", follow=(r"^1\.\d",), readme="rollout"),
    Shot("rollout-rolled-back", "workloads/W-02/", "marcus", (r"^1\.\d",)),
    Shot("rollout-held-by-trust", "workloads/W-03/", "priya", (r"^1\.\d",), readme="held"),
    Shot("approvals", "approvals/", "erin"),
    Shot("alerts", "alerts/", "marcus"),
    Shot("alert", "alerts/", "marcus", ("^Rolled back",)),
    Shot("rota", "rotas/", "marcus", ("Agent operations",)),
    Shot("my-shifts", "rotas/mine/", "marcus"),
    Shot("feedback-board", "workloads/W-01/feedback/", readme="feedback"),
    Shot("feedback-trust", "workloads/W-03/feedback/trust/", "priya"),
    Shot("feedback-desk", "workloads/W-01/desk/"),
    Shot("report-form", "feedback/new/?workload=W-01", "fred"),
    Shot("my-report", "feedback/", "fred", (r"W-01",)),
    Shot("training", "training/", "fred"),
    Shot("search", "search/?q=price", "sarah"),
    Shot("notices", "alerts/told/", "marcus"),
    Shot("members", "people/", "adam"),
    Shot("events", "events/", "adam"),
)


def main() -> int:
    """Take them all. Returns the exit code."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium isn't installed: apt-get install chromium", file=sys.stderr)
        return 1
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    with _demo() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        _until_settled(browser, address)
        for scheme in SCHEMES:
            for size in (DESK, PHONE):
                _take(browser, address, scheme, size)
        browser.close()
    print(f"{len(list(TARGET.iterdir()))} pictures in {TARGET}.")
    return 0


@contextlib.contextmanager
def _demo() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    state = tempfile.mkdtemp(prefix="causeway-")
    environment = {**os.environ, "CAUSEWAY_STATE_DIR": state, "PORT": str(port)}
    command = [sys.executable, "-m", "portal.local", "run"]
    with (Path(state) / "run.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        shutil.rmtree(state, ignore_errors=True)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("The demo doesn't start: make run says why.")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/readyz", timeout=2):
            return
        time.sleep(0.5)
    raise RuntimeError("The demo doesn't answer: make run says why.")


def _until_settled(browser: Browser, address: str) -> None:
    """One rollout climbs, one has been rolled back, one is held."""
    page = browser.new_page()
    _sign_in(page, address, "audrey")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        page.goto(f"{address}/t/meridian/rollouts/")
        seen = page.locator("main tbody").inner_text().casefold()
        if all(word in seen for word in ("running", "rolled back", "held")):
            page.close()
            return
        page.wait_for_timeout(2_000)
    raise RuntimeError(f"After {PATIENCE} s the demo's rollouts still weren't there.")


def _sign_in(page: Page, address: str, name: str) -> None:
    page.context.clear_cookies()
    page.goto(f"{address}/accounts/login/?next=/t/meridian/")
    page.get_by_label("Email").fill(f"{name}@{DOMAIN}")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/t/meridian/")


def _take(browser: Browser, address: str, scheme: Scheme, size: tuple[int, int]) -> None:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, timezone_id="Europe/Berlin"
    )
    page = context.new_page()
    page.goto(f"{address}/accounts/login/")
    _keep(page, "sign-in", scheme, size)
    signed_in = ""
    for shot in sorted(SHOTS, key=lambda shot: shot.person):
        if shot.person != signed_in:
            _sign_in(page, address, shot.person)
            signed_in = shot.person
        page.goto(f"{address}/t/meridian/{shot.path}")
        for text in shot.follow:
            link = page.locator("main").get_by_role("link", name=re.compile(text)).first
            try:
                link.click(timeout=5_000)
            except TimeoutError as error:
                raise RuntimeError(f"{shot.name}: {page.url} has no link like {text}") from error
            page.wait_for_load_state("load")
        _keep(page, shot.name, scheme, size)
        if shot.readme and scheme == "light" and size == DESK:
            _write(page.screenshot(), README / f"{shot.readme}.png")
    context.close()


def _keep(page: Page, name: str, scheme: Scheme, size: tuple[int, int]) -> None:
    """The whole page, as far as it goes."""
    page.wait_for_timeout(300)
    tall = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
    whole = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": size[0], "height": tall})
    _write(whole, TARGET / f"{name}-{scheme}-{size[0]}.png")


def _write(picture: bytes, target: Path) -> None:
    """In 256 colours: a third of the bytes, and nobody sees it."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    sys.exit(main())

"""A real browser for tests: what it loads, complains of, and keeps people out by."""

import json
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

WIDTHS = (1280, 390)

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@contextmanager
def open_browser() -> Iterator["Chrome"]:
    """Yield a browser with a camera that is played, which notes what it loads and complains of."""
    webdriver = pytest.importorskip("selenium.webdriver")
    service = pytest.importorskip("selenium.webdriver.chrome.service")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("there is no chromium with chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=service.Service(driver))
    found.set_script_timeout(120)
    try:
        yield found
    finally:
        found.quit()


def load_axe(folder: Path) -> str:
    """Return the script that looks for what keeps people out (Deque's axe-core), by npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm")
    packed = subprocess.run(
        [npm, "pack", "axe-core@4"], cwd=folder, capture_output=True, text=True, check=False
    )
    if packed.returncode:
        pytest.skip(f"axe-core cannot be had: {packed.stderr[-200:]}")
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as opened:
        script = opened.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def log_of(browser: "Chrome", kind: str) -> list[dict[str, Any]]:
    """Return what a log ("browser" or "performance") has had added since it was asked for."""
    untyped: Any = browser
    entries: list[dict[str, Any]] = untyped.get_log(kind)
    return entries


def open_page(browser: "Chrome", address: str, *, width: int = 1280, scheme: str = "light") -> None:
    """Open a page; what is logged from here on is of this page."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for kind in ("browser", "performance"):
        log_of(browser, kind)
    browser.get(address)


def requested(browser: "Chrome") -> set[str]:
    """Return the addresses that were asked for, but for what is in the page itself."""
    messages = [json.loads(entry["message"])["message"] for entry in log_of(browser, "performance")]
    addresses = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    return {address for address in addresses if not address.startswith("data:")}


def wait_for(browser: "Chrome", condition: str, *, seconds: float = 60) -> None:
    """Wait until an expression in the page is true."""
    end = time.monotonic() + seconds
    while not browser.execute_script(f"return Boolean({condition})"):
        assert time.monotonic() < end, f"it did not come to {condition}"
        time.sleep(0.02)


def violations(browser: "Chrome", axe: str) -> list[tuple[str, str]]:
    """Return what keeps people out of the page as it is shown: rule and element."""
    browser.execute_script(axe)
    report: dict[str, Any] = browser.execute_async_script("axe.run().then(arguments[0])")
    assert len(report["passes"]) > 15
    return [(each["id"], each["nodes"][0]["html"]) for each in report["violations"]]

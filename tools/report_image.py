"""Photograph the top of a report in chromium, for the README.

    python -m tools.report_image runs/training_dataset/report.html docs/report.png

It needs `pip install ".[browser]"`, chromium and chromedriver.
"""

import base64
import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

WIDTH, HEIGHT = 1180, 1290
"""Pixels: down to the confusion matrix."""

COLOURS = 256


def photograph(
    address: str, width: int, height: int, prepare: Callable[[webdriver.Chrome], None]
) -> Image.Image:
    """Return the top of a page as it is shown in the light.

    Args:
        address: of the page.
        width: of what is seen of it, in pixels.
        height: of that.
        prepare: does what has to be done on the page before.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(address)
        prepare(browser)
        taken = browser.execute_cdp_cmd("Page.captureScreenshot", {})
    finally:
        browser.quit()
    return Image.open(io.BytesIO(base64.b64decode(taken["data"])))


def save(image: Image.Image, path: Path) -> None:
    """Write an image as a small PNG."""
    image.convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    page = Path(sys.argv[1]).resolve().as_uri()
    save(photograph(page, WIDTH, HEIGHT, lambda browser: None), Path(sys.argv[2]))

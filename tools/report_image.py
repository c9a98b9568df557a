"""Photograph the top of a report in chromium, for the README.

    python -m tools.report_image runs/training_dataset/report.html docs/report.png

It needs `pip install ".[browser]"`, chromium and chromedriver.
"""

import base64
import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

WIDTH, HEIGHT = 1180, 1290
"""Pixels: down to the confusion matrix."""

COLOURS = 256


def photograph(page: Path) -> Image.Image:
    """Return the top of a page as it is shown in the light."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(page.resolve().as_uri())
        taken = browser.execute_cdp_cmd("Page.captureScreenshot", {})
    finally:
        browser.quit()
    return Image.open(io.BytesIO(base64.b64decode(taken["data"])))


if __name__ == "__main__":
    image = photograph(Path(sys.argv[1])).convert("RGB")
    image.quantize(COLOURS).save(sys.argv[2], optimize=True)

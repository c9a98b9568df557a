"""Photograph the page with answers in chromium, for the README.

    python -m tools.page_image ADDRESS docs/page.png IMAGE ...

ADDRESS is that of `torch-inception serve`. The last image is shown first. It needs `pip install
".[browser]"`, chromium and chromedriver.
"""

import sys
from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.support.wait import WebDriverWait

from tools.report_image import photograph, save

WIDTH, HEIGHT = 1180, 870

PATIENCE_SECONDS = 60


def name_images(browser: Chrome, images: list[str]) -> None:
    """Have the page name images, and show what speaks for the names."""
    paths = [str(Path(image).resolve()) for image in images]
    browser.find_element("id", "files").send_keys("\n".join(paths))
    all_named = f"return document.querySelectorAll('.card .bars').length === {len(images)}"
    WebDriverWait(browser, PATIENCE_SECONDS).until(lambda page: page.execute_script(all_named))
    browser.find_element("id", "show-why").click()


if __name__ == "__main__":
    address, output, *images = sys.argv[1:]
    taken = photograph(address, WIDTH, HEIGHT, lambda browser: name_images(browser, images))
    save(taken, Path(output))

"""The page of an audit in a real browser, wide and narrow."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import WIDTHS, log_of, open_page, requested, violations

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_loads_nothing_and_keeps_nobody_out(
    browser: "Chrome",
    axe: str,
    faults: Path,
    audit: Callable[..., int],
    tmp_path: Path,
    scheme: str,
) -> None:
    (faults / "green" / "01.png").rename(faults / "green" / f"{'x' * 200}.png")
    assert audit("photos") == 0
    page = tmp_path / "audits" / "photos" / "audit.html"
    for width in WIDTHS:
        open_page(browser, page.as_uri(), width=width, scheme=scheme)
        assert requested(browser) == {page.as_uri()}
        assert log_of(browser, "browser") == []
        # Nothing is cut off at the side.
        assert browser.execute_script("return document.documentElement.scrollWidth") == width
        assert violations(browser, axe) == []

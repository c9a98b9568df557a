"""The page in a real browser: it loads nothing, runs nothing, and is read in any way."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import WIDTHS, log_of, open_page, requested, violations
from tests.fakes import MappingEngine
from tests.report.runs import draw_images, make_run
from torch_inception.report.write_report import write_report
from torch_inception.system.escape import printable
from torch_inception.training.train_classifier import train_classifier

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

HOSTILE = (
    "</style></bdi><script>document.title = 'taken'</script>",
    "\"'><img src=https://example.org/x.png onerror=alert(1)>",
    "\u05e9\u05dc\u05d5\u05dd \u202egnp.exe \x1b[31m\n{{ 7 * 7 }}",
)
"""Markup and scripts, right-to-left letters, control characters, and what templates compute."""

LOADED = """
const done = arguments[0];
const rules = [...document.styleSheets].flatMap(sheet => [...sheet.cssRules]);
const thumbnails = rules.map(rule => rule.style?.backgroundImage ?? "")
  .filter(value => value.startsWith("url")).map(value => value.slice(5, -2));
const images = [...document.images].map(image => image.src);
Promise.all([...thumbnails, ...images].map(address => {
  const image = new Image();
  image.src = address;
  return image.decode().then(() => true, () => false);
})).then(found => done([thumbnails.length, images.length, found.every(Boolean)]));
"""
"""Gives how many thumbnails and other images there are, and whether all can be decoded."""


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the report of a run whose labels are hostile."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("hostile")
        patch.setenv("TORCH_INCEPTION_CACHE", str(folder / "cache"))
        result = make_run(folder, HOSTILE)
        return write_report(result.output, result.classifier)


@pytest.fixture(scope="module")
def page_of_several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the report of a run whose images have one hostile label, two or none."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("several")
        patch.setenv("TORCH_INCEPTION_CACHE", str(folder / "cache"))
        images = [
            (path, ([], [label, HOSTILE[0]], [label], [label])[number % 4])
            for number, (path, label) in enumerate(draw_images(folder / "images", HOSTILE))
        ]
        result = train_classifier(images, output=folder / "run", engine=MappingEngine())
        return write_report(result.output, result.classifier)


def show(browser: "Chrome", page: Path, *, width: int = 1280, scheme: str = "light") -> None:
    """Open a page, with all that can be unfolded."""
    open_page(browser, page.as_uri(), width=width, scheme=scheme)
    browser.execute_script("for (const each of document.querySelectorAll('details')) each.open = 1")


def check_shown_whole(browser: "Chrome", page: Path, width: int, scheme: str) -> None:
    """Show a page; see that it has its images, loads and complains of nothing, and fits."""
    show(browser, page, width=width, scheme=scheme)
    thumbnails, images, are_loaded = browser.execute_async_script(LOADED)
    assert thumbnails > 20
    assert images > 0  # the maps
    assert are_loaded
    assert requested(browser) == {page.as_uri()}
    assert log_of(browser, "browser") == []
    # Nothing is cut off at the side.
    assert browser.execute_script("return document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_loads_nothing_and_complains_of_nothing(
    browser: "Chrome", hostile_page: Path, width: int, scheme: str
) -> None:
    check_shown_whole(browser, hostile_page, width, scheme)


def test_hostile_labels_are_text(browser: "Chrome", hostile_page: Path) -> None:
    show(browser, hostile_page)
    assert browser.title == "run: report"
    assert browser.execute_script("return document.scripts.length") == 0
    assert browser.execute_script("return document.querySelector('[onerror]')") is None
    query = "return [...document.querySelectorAll('.samples bdi')].map(each => each.textContent)"
    shown = browser.execute_script(query)
    assert set(HOSTILE) - {HOSTILE[2]} <= set(shown)
    assert printable(HOSTILE[2]) in shown
    text = browser.execute_script("return document.documentElement.textContent")
    assert not {"\u202e", "\x1b"} & set(text)


def test_a_cell_opens_and_closes_by_keyboard(browser: "Chrome", hostile_page: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    show(browser, hostile_page)
    cell = browser.find_element(By.CSS_SELECTOR, ".matrix [class^=wrong] button")
    shown = browser.find_element(By.ID, cell.get_attribute("popovertarget") or "")
    assert not shown.is_displayed()
    cell.send_keys(Keys.ENTER)
    assert shown.is_displayed()
    images = shown.find_elements(By.CSS_SELECTOR, "figure .tile")
    assert len(images) == int(cell.text) > 0
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not shown.is_displayed()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("with_cell", [False, True])
def test_nobody_is_kept_out(
    browser: "Chrome", hostile_page: Path, axe: str, width: int, scheme: str, with_cell: bool
) -> None:
    show(browser, hostile_page, width=width, scheme=scheme)
    if with_cell:
        browser.execute_script("document.querySelector('[popover]').showPopover()")
    assert violations(browser, axe) == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_of_several_labels_fits_loads_nothing_and_keeps_nobody_out(
    browser: "Chrome", page_of_several: Path, axe: str, width: int, scheme: str
) -> None:
    check_shown_whole(browser, page_of_several, width, scheme)
    assert browser.execute_script("return document.querySelector('[onerror]')") is None
    assert violations(browser, axe) == []


def test_many_classes_are_a_list_that_fits_a_phone(browser: "Chrome", tmp_path: Path) -> None:
    result = make_run(tmp_path, [f"class {number:02d}" for number in range(45)], count=6)
    page = write_report(result.output, result.classifier)
    show(browser, page, width=390)
    assert browser.execute_script("return document.querySelector('.matrix')") is None
    assert browser.execute_script("return document.querySelectorAll('[popover]').length") > 10
    assert browser.execute_script("return document.documentElement.scrollWidth") == 390


def test_without_thumbnails_no_image_is_in_it(browser: "Chrome", tmp_path: Path) -> None:
    result = make_run(tmp_path)
    page = write_report(result.output, result.classifier, thumbnails=False)
    show(browser, page)
    assert browser.execute_async_script(LOADED)[:2] == [0, 0]
    assert "data:image" not in page.read_text(encoding="utf-8")
    assert page.stat().st_size < 300_000
    near = browser.execute_script("return document.querySelector('.neighbours').innerText")
    assert near.count(".png") == 3

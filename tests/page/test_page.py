"""The page of the service in a real browser: images in by every way, answers to read."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.browser import WIDTHS, log_of, open_page, requested, violations, wait_for
from tests.drawings import landscape
from tests.page.service import PAGE, PlayedService, answer, data_uri, play, played_model

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

HOSTILE = "</h2><img src=https://example.org/x.png onerror=document.title='taken'>"

GIVE = """
const [bytes, name, kind] = arguments;
const content = Uint8Array.from(atob(bytes), each => each.charCodeAt(0));
const data = new DataTransfer();
data.items.add(new File([content], name, {type: "image/png"}));
const event = kind === "paste"
  ? new ClipboardEvent(kind, {clipboardData: data, bubbles: true})
  : new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true});
document.body.dispatchEvent(event);
"""


@pytest.fixture
def service() -> PlayedService:
    return PlayedService()


@pytest.fixture
def address(service: PlayedService) -> Iterator[str]:
    with play(service) as found:
        yield found


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "house.png"
    Image.fromarray(landscape(60)).resize((90, 60)).save(path)
    return path


def choose(browser: "Chrome", *files: Path) -> None:
    browser.find_element("id", "files").send_keys("\n".join(map(str, files)))


def text_of(browser: "Chrome", selector: str) -> str:
    wait_for(browser, f"document.querySelector('{selector}')?.innerText")
    text: str = browser.execute_script(f"return document.querySelector('{selector}').innerText")
    return text


def full_answer() -> dict[str, Any]:
    """Return an answer with all that there can be, for an image that is unlike the others."""
    grey = Image.new("L", (299, 299), 128)
    grey.paste(255, (0, 0, 150, 299))
    shown = data_uri(Image.new("RGB", (40, 30), "green"))
    near = [{"path": "a.png", "label": "circle", "similarity": 0.9, "thumbnail": shown}]
    near += [{"path": "b.png", "label": "plus", "similarity": 0.8, "thumbnail": None}]
    return answer(
        ["circle", "plus"], known=False, map=data_uri(grey), map_box=[0.25, 0, 0.75, 1],
        neighbours=near,
    )  # fmt: skip


def test_an_answer_is_shown_with_all_that_is_told(
    browser: "Chrome", service: PlayedService, address: str, image: Path
) -> None:
    service.answers = [full_answer()]
    open_page(browser, address)
    about = text_of(browser, "#about")
    assert "“shapes” tells apart: circle, plus" in about
    assert "It was right for 95.5 % of its 67 test images." in about
    choose(browser, image)
    assert text_of(browser, ".bars li") == "circle\n75.0 %"
    assert text_of(browser, "#status") == (
        "house.png: circle, 75.0 %. It is unlike the training images."
    )
    assert "Unlike the training images" in text_of(browser, ".card .unlike")
    assert text_of(browser, ".neighbours").split("\n") == [
        "Nearest training images", "circle", "plus",
    ]  # fmt: skip
    query = {"model": "shapes", "top": "5", "map": "true", "neighbours": "3"}
    assert service.asked == [(query, image.stat().st_size)]
    # The map lies over its part of the image, when it is wanted.
    place = """
        const [map, image] = [".map", ".image"].map(
          each => document.querySelector(".card " + each).getBoundingClientRect());
        return [map.left - image.left, map.right - image.left, map.height].map(
          (each, place) => each / (place === 2 ? image.height : image.width));"""
    assert browser.execute_script(place)[1] <= 0  # it is not shown
    browser.find_element("id", "show-why").click()
    assert browser.execute_script(place) == pytest.approx([0.25, 0.75, 1], abs=0.01)
    assert log_of(browser, "browser") == []
    assert all(each.startswith((address, "blob:")) for each in requested(browser))


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_images_are_taken_from_the_clipboard_and_dropped(
    browser: "Chrome", address: str, image: Path, kind: str
) -> None:
    open_page(browser, address)
    wait_for(browser, "document.querySelector('#about').innerText")
    content = base64.b64encode(image.read_bytes()).decode()
    browser.execute_script(GIVE, content, "given.png", kind)
    assert text_of(browser, ".card h2") == "given.png"


def test_the_camera_by_keyboard(browser: "Chrome", service: PlayedService, address: str) -> None:
    from selenium.webdriver.common.keys import Keys

    open_page(browser, address, width=390)
    wait_for(browser, "document.querySelector('#about').innerText")

    def press(key: str) -> str:
        browser.switch_to.active_element.send_keys(key)
        focus: str = browser.execute_script("return document.activeElement.id")
        return focus

    assert [press(Keys.TAB) for _ in range(3)] == ["choose", "use-camera", "show-why"]
    assert press(Keys.SHIFT + Keys.TAB) == "use-camera"
    press(Keys.ENTER)
    assert text_of(browser, "#live .bars li") == "circle\n75.0 %"
    wait_for(browser, "document.activeElement.id === 'keep'")
    assert all("neighbours" not in query for query, _ in service.asked)
    press(Keys.ENTER)
    assert text_of(browser, ".card h2").startswith("Camera, ")
    assert press(Keys.TAB) == "stop-camera"
    assert press(Keys.ENTER) == "use-camera"
    assert browser.execute_script("return document.getElementById('video').srcObject") is None
    assert log_of(browser, "browser") == []


def test_a_camera_that_is_refused_is_told(browser: "Chrome", address: str) -> None:
    open_page(browser, address)
    browser.execute_script(
        "navigator.mediaDevices.getUserMedia = () => "
        "Promise.reject(new DOMException('', 'NotAllowedError'))"
    )
    browser.find_element("id", "use-camera").click()
    assert "may not use the camera" in text_of(browser, "#status")
    browser.execute_script("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
    browser.find_element("id", "use-camera").click()
    wait_for(browser, "document.querySelector('#status').innerText.includes('https')")
    assert not browser.find_element("id", "camera").is_displayed()


def test_hostile_names_are_text(
    browser: "Chrome", service: PlayedService, address: str, image: Path
) -> None:
    service.models = [played_model(HOSTILE, [HOSTILE]), played_model("other", ["x"])]
    bad = answer([HOSTILE])
    bad["neighbours"] = [{"path": HOSTILE, "label": HOSTILE, "similarity": 1, "thumbnail": None}]
    service.answers = [bad, {**answer([HOSTILE]), "error": HOSTILE}]
    named = image.rename(image.with_name("<img src=x onerror=alert(1)>.png"))
    open_page(browser, address)
    choose(browser, named, named)
    wait_for(browser, "document.querySelectorAll('.card:not(.waiting)').length === 2")
    assert text_of(browser, ".failure") == f"This image cannot be used: {HOSTILE}."
    assert text_of(browser, ".bars bdi") == HOSTILE
    assert text_of(browser, ".card h2") == named.name
    assert browser.execute_script("return document.querySelector('[onerror]')") is None
    assert browser.title == "Name images"
    assert {query["model"] for query, _ in service.asked} == {HOSTILE}
    # A status that is no success is told by browsers themselves.
    assert all("422" in each["message"] for each in log_of(browser, "browser"))


def test_another_model_answers_when_it_is_chosen(
    browser: "Chrome", service: PlayedService, address: str, image: Path
) -> None:
    service.models.append({**played_model("dots", ["one"]), "has_maps": False})
    open_page(browser, address)
    wait_for(browser, "document.querySelectorAll('#model option').length === 2")
    browser.find_element("css selector", "#model option:last-child").click()
    assert "“dots” tells apart: one" in text_of(browser, "#about")
    assert not browser.find_element("id", "show-why").is_displayed()
    choose(browser, image)
    text_of(browser, ".card .bars")
    assert service.asked[-1][0] == {"model": "dots", "top": "5", "neighbours": "3"}


def test_many_images_wait_for_each_other_and_can_be_stopped(
    browser: "Chrome", service: PlayedService, address: str, image: Path
) -> None:
    service.seconds = 0.2
    open_page(browser, address)
    choose(browser, *[image] * 20)
    wait_for(browser, "document.querySelectorAll('.card').length >= 2")
    assert "of 20 images" in text_of(browser, "#progress-text")
    browser.find_element("id", "stop").click()
    wait_for(browser, "document.querySelector('#status').innerText.includes('Stopped after')")
    assert len(service.asked) < 20
    choose(browser, image)
    wait_for(browser, "document.querySelector('#status').innerText.includes('house.png')")


def test_a_busy_service_is_asked_again_and_one_with_a_token_is_given_it(
    browser: "Chrome", service: PlayedService, address: str, image: Path
) -> None:
    service.busy, service.token = 1, "secret"
    open_page(browser, address)
    choose(browser, image)
    assert "#token=" in text_of(browser, ".card .failure")
    open_page(browser, "about:blank")
    open_page(browser, f"{address}#token=secret")
    choose(browser, image)
    text_of(browser, ".card .bars")
    assert (service.busy, len(service.asked)) == (0, 1)


def test_what_no_browser_reads_is_still_asked_for(
    browser: "Chrome", address: str, tmp_path: Path
) -> None:
    path = tmp_path / "cells.tif"
    Image.fromarray(landscape(40)).save(path)
    open_page(browser, address)
    choose(browser, path)
    assert text_of(browser, ".bars li") == "circle\n75.0 %"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out(
    browser: "Chrome", service: PlayedService, address: str, image: Path, axe: str, width: int,
    scheme: str,
) -> None:  # fmt: skip
    service.models.append(played_model("dots", ["one"]))
    failed = {**answer(["circle"]), "error": "this is no image."}
    service.answers = [answer(["circle", "plus"]), full_answer(), failed, full_answer()]
    open_page(browser, address, width=width, scheme=scheme)
    choose(browser, *[image] * 3)
    wait_for(browser, "document.querySelectorAll('.card:not(.waiting)').length === 3")
    browser.find_element("id", "show-why").click()
    browser.find_element("id", "use-camera").click()
    text_of(browser, "#live .bars")
    # axe adds styles of its own to pages, which this one does not take.
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    try:
        assert violations(browser, axe) == []
    finally:
        browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": False})
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_no_module_makes_markup_of_text() -> None:
    modules = [file.read_text(encoding="utf-8") for file in PAGE.glob("*.js")]
    assert len(modules) > 8
    for text in modules:
        for each in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert each not in text


def test_all_labels_of_an_image_are_named_or_none_are(
    browser: "Chrome", service: PlayedService, address: str, image: Path
) -> None:
    labels = ["circle", "plus", "square"]
    service.models = [{**played_model("shapes", labels), "several_labels": True}]
    both = answer(labels, over_threshold=["circle", "plus"])
    service.answers = [both, answer(labels, over_threshold=[])]
    open_page(browser, address)
    assert "“shapes” finds: circle, plus, square" in text_of(browser, "#about")
    assert "with all their labels" in text_of(browser, "#about")
    choose(browser, image)
    wait_for(browser, "document.querySelector('#status').innerText.includes('circle, plus')")
    named = "return [...document.querySelectorAll('.bars .named bdi')].map(each => each.innerText)"
    assert browser.execute_script(named) == ["circle", "plus"]
    assert service.asked[0][0]["top"] == "3"
    choose(browser, image)
    wait_for(browser, "document.querySelector('#status').innerText.includes('none of the classes')")
    assert text_of(browser, ".card .none p") == "None of these."


def test_a_label_that_is_named_is_shown_wherever_it_stands(
    browser: "Chrome", service: PlayedService, address: str, image: Path
) -> None:
    """Thresholds differ: the lowest score may be the one that reaches its own."""
    labels = [f"class {number}" for number in range(9)]
    service.models = [{**played_model("shapes", labels), "several_labels": True}]
    service.answers = [answer(labels, over_threshold=labels[7:8])]
    open_page(browser, address)
    choose(browser, image)
    wait_for(browser, "document.querySelector('.card .bars')")
    shown = "return [...document.querySelectorAll('.bars bdi')].map(each => each.innerText)"
    assert browser.execute_script(shown) == [*labels[:5], "class 7"]
    assert text_of(browser, ".bars .named bdi") == "class 7"

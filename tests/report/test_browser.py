"""The page in a browser: Debian's chromium, driven by Playwright, with axe-core."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rrn_tf.report.explore import explore_data
from rrn_tf.report.page import Heading, page_of
from tests.explored import TITLES, event_subject, made_up_next_items, rating_subject

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSER, reason="no chromium on this machine: apt-get install chromium"),
]
HOSTILE = '</script><img src="https://example.com/x.png" onerror="alert(1)"> & <b>bold</b>'
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light", "is_mobile": True, "has_touch": True},
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]  # which the superuser cannot have
        found = playwright.chromium.launch(executable_path=BROWSER, args=sandbox)
        yield found
        found.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:
    """Opens a file; at the end it has asked for nothing else, and nothing has failed in it."""
    contexts, heard = [], []

    def open_file(path: Path, look: str = "light") -> Any:
        context = browser.new_context(**LOOKS[look])
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(300_000)  # however busy the machine is
        page.on("console", lambda message: heard.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: heard.append(f"error: {error}"))
        page.on("request", lambda request: request.url == path.as_uri() or heard.append(f"request: {request.url}"))
        page.goto(path.as_uri())
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert not heard


def written(explored: Mapping[str, Any], path: Path) -> Path:
    facts = {"data": "made up"}
    path.write_text(page_of(Heading("Report", facts, {}, {}, {}, {}), [], explored), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def ratings_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    items = TITLES.assign(title=TITLES["title"].where(TITLES["item_id"] != "i5", HOSTILE))
    subject = rating_subject(items=items, users=("secret-7", "secret-3"))
    return written(explore_data(subject), tmp_path_factory.mktemp("browser") / "ratings.html")


@pytest.fixture(scope="module")
def events_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    items = pd.DataFrame({"item_id": ["i3"], "title": [HOSTILE]})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("rrn_tf.report.explore_events.next_items_through", made_up_next_items)
        explored = explore_data(event_subject(users=("u4", "u2"), items=items))
    return written(explored, tmp_path_factory.mktemp("browser") / "events.html")


def texts(page: Any, selector: str) -> list[str]:
    found: list[str] = page.locator(selector).all_inner_texts()
    return found


def items_of(page: Any, lists: str, side: int) -> list[str]:
    return texts(page, f"#{lists} > div:nth-child({side}) .explore-link")


def check_two_lists(page: Any, lists: str) -> None:
    """What stands in one list alone, and nothing else, is marked by a word."""
    first, second = (items_of(page, lists, side) for side in (1, 2))
    for side, (mine, other, word) in enumerate([(first, second, "left"), (second, first, "entered")], start=1):
        marks = texts(page, f"#{lists} > div:nth-child({side}) td:last-child")
        assert [word in mark for mark in marks] == [name not in other for name in mine]


def pick(page: Any, text: str) -> None:
    page.fill("#explore-search", text)
    page.keyboard.press("Enter")


def test_search_and_pick_an_item_and_change_dates(opened: Any, ratings_file: Path) -> None:
    page = opened(ratings_file)
    page.fill("#explore-search", "AMELIE")
    assert texts(page, "#explore-options [role=option]")[0].startswith("Amélie (i23)")
    page.click("#explore-options [role=option]")
    assert page.inner_text("#explore-title") == "Amélie (i23)"
    assert "Amélie: predicted for the average user from" in page.get_attribute("#explore-chart", "aria-label")
    assert page.locator("#explore-chart canvas").count() == 1
    assert len(texts(page, "#explore-table tbody tr")) == 40

    pick(page, "i24")
    assert page.inner_text("#explore-title") == "i24"  # which has no title
    for lists in ("explore-near-lists", "explore-best-lists"):
        before = page.inner_text(f"#{lists}")
        page.select_option("#explore-from", index=0)
        page.select_option("#explore-to", index=9)
        dates = [page.locator(f"#{name} option:checked").inner_text() for name in ("explore-from", "explore-to")]
        assert texts(page, f"#{lists} caption") == dates
        assert page.inner_text(f"#{lists}") != before
        check_two_lists(page, lists)
        page.select_option("#explore-from", index=5)
    page.select_option("#explore-to", index=5)
    assert "The same items are in both lists" in page.inner_text("#explore-best-text")


def test_the_chosen_user_has_a_line_and_lists_of_their_own(opened: Any, ratings_file: Path) -> None:
    page = opened(ratings_file)
    pick(page, "secret-3")
    assert page.locator("#explore-user option:checked").inner_text() == "user secret-3"
    assert "predicted for user secret-3" in page.inner_text("#explore-legend")
    of_user = page.inner_text("#explore-best-lists")
    page.select_option("#explore-user", label="the average user")
    assert "secret" not in page.inner_text("#explore-legend")
    assert page.inner_text("#explore-best-lists") != of_user


def test_the_keyboard_alone_is_enough(opened: Any, ratings_file: Path) -> None:
    page = opened(ratings_file)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "explore-search":
            break
    page.keyboard.type("title 1")
    option = "#explore-options [role=option]"
    active = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant') || '')?.innerText"
    assert page.evaluate(active) is None
    names = texts(page, option)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(active) == names[1]
    assert texts(page, f"{option}[aria-selected=true]") == [names[1]]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert page.evaluate(active) == names[-1]
    page.keyboard.press("Enter")
    assert page.inner_text("#explore-title") in names[-1]
    assert page.get_attribute("#explore-search", "aria-expanded") == "false"
    page.keyboard.press("Alt+ArrowDown")
    assert page.get_attribute("#explore-search", "aria-expanded") == "true"
    page.keyboard.press("Escape")
    assert page.get_attribute("#explore-search", "aria-expanded") == "false"

    order = []
    for _ in range(8):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    wanted = ["explore-user", "explore-date", "SUMMARY", "explore-from", "explore-to", "BUTTON"]
    assert order[: len(wanted)] == wanted
    page.focus("#explore-date")
    page.keyboard.press("Home")
    first = page.inner_text("#explore-values")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#explore-values") != first
    assert page.get_attribute("#explore-date", "aria-valuetext") == page.inner_text("#explore-values")
    page.focus("#explore-near-lists .explore-link")
    name = page.inner_text("#explore-near-lists .explore-link")
    page.keyboard.press("Enter")
    assert page.inner_text("#explore-title").startswith(name)
    assert page.evaluate("document.activeElement.id") == "explore-title"


def test_titles_and_ids_are_text(opened: Any, ratings_file: Path, events_file: Path) -> None:
    for file, name in ((ratings_file, "i5"), (events_file, "i3")):
        page = opened(file)
        pick(page, name)
        assert page.inner_text("#explore-title") == f"{HOSTILE} ({name})"
        assert page.locator("main img, main b").count() == 0


def test_next_items_of_a_user_event_by_event(opened: Any, events_file: Path) -> None:
    page = opened(events_file)
    assert page.inner_text("#explore-user-title") == "Next items of user u4"
    assert texts(page, "#explore-expected caption")[1].startswith("Expected before event 40")
    assert page.is_disabled("#explore-on")
    check_two_lists(page, "explore-expected")
    assert "1 item left, 1 entered" in page.inner_text("#explore-event-text")
    page.click("#explore-back")
    assert texts(page, "#explore-expected caption")[1].startswith("Expected before event 39")
    page.focus("#explore-event")
    page.keyboard.press("Home")
    assert page.is_disabled("#explore-back")
    assert len(texts(page, "#explore-history tbody tr")) == 40
    pick(page, "u2")
    assert page.inner_text("#explore-user-title") == "Next items of user u2"


def test_without_users_the_page_names_the_option(opened: Any, tmp_path: Path) -> None:
    for subject in (rating_subject(), event_subject()):
        page = opened(written(explore_data(subject), tmp_path / "page.html"))
        assert "rrn report --users ID" in page.inner_text("#explore-hint")
        assert not page.is_visible("#explore-user")


@pytest.mark.parametrize("look", LOOKS)
def test_no_serious_finding_of_axe_and_nothing_wider_than_the_window(
    look: str, opened: Any, ratings_file: Path, events_file: Path
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for file in (ratings_file, events_file):
        page = opened(file, look)
        pick(page, "i3")
        for summary in page.locator("summary:visible").all():
            summary.click()
        page.fill("#explore-search", "i")
        assert page.is_visible("#explore-options")
        found = Axe().run(page).response["violations"]
        assert not [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
        assert page.evaluate("document.documentElement.scrollWidth") <= LOOKS[look]["viewport"]["width"]


def drawn_anew(page: Any, before: str) -> str:
    """The chart's image once it is no longer `before`.

    It is asked for from here: Playwright's `wait_for_function` looks once and then evaluates a string
    within the page, which the page's Content-Security-Policy forbids.
    """
    for _ in range(6_000):
        image: str = page.evaluate("document.querySelector('#explore-chart canvas').toDataURL()")
        if image != before:
            return image
        page.wait_for_timeout(50)
    pytest.fail("The chart was not drawn again.")


def test_another_theme_draws_the_chart_in_its_colours(opened: Any, ratings_file: Path) -> None:
    page = opened(ratings_file)
    light = drawn_anew(page, "")
    page.emulate_media(color_scheme="dark")
    dark = drawn_anew(page, light)
    page.click("#theme")
    drawn_anew(page, dark)

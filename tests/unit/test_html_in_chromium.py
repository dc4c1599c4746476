"""Does the page for browsers work in one? In Chromium, by its own driver.

Skipped without selenium, Chromium and its driver; ``tox -e browser`` brings selenium.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="selenium drives the browser")
pytest.importorskip("jinja2")
pytest.importorskip("leather")

from sample import ROOT
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from test_html import CLEAN, FINDING, HOSTILE, LEAK, session

from pytest_leakguard.reports.html import render_html

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    _CHROMIUM is None or _DRIVER is None, reason="there is no Chromium, or no driver of it"
)
_OTHER = replace(
    LEAK, findings=(replace(FINDING, fingerprint="00c0ffee", holder="shop.cache", bytes_per_run=9),)
)


@pytest.fixture(scope="module")
def driver():
    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--window-size=1280,900"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))
    yield driver
    driver.quit()


class Browser:
    """A page in a browser, and what a reader does with it."""

    def __init__(self, driver, path: Path) -> None:
        self.driver = driver
        self.address = path.as_uri()

    def open(self, fragment: str = "") -> None:
        self.driver.get("about:blank")
        self.driver.get(f"{self.address}{fragment}")

    def all(self, selector: str) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def shown(self) -> list[str]:
        return [name.text for name in self.all("#list .name") if name.is_displayed()]

    def fragment(self) -> str:
        return self.driver.execute_script("return location.hash")


@pytest.fixture
def browser(driver, tmp_path):
    path = tmp_path / "leaks.html"
    facts = session(LEAK, CLEAN, _OTHER, replace(LEAK, seconds=9.0))
    path.write_text(render_html(facts, ROOT), encoding="utf-8")
    browser = Browser(driver, path)
    browser.open()
    yield browser
    assert driver.get_log("browser") == []


def test_a_search_shows_what_fits_and_says_how_many(browser):
    browser.one("#search").send_keys("SHOP.cache")

    assert browser.shown() == ["test_bus.py::test_2"]
    assert browser.one("#shown").text == "1 of 4 tests"
    assert browser.fragment() == "#q=SHOP.cache"


def test_verdicts_are_switched_off_and_on_by_the_keyboard(browser):
    button = browser.one("button.verdict.leak")
    button.send_keys(Keys.ENTER)

    assert button.get_attribute("aria-pressed") == "false"
    assert browser.shown() == ["test_bus.py::test_1"]
    button.send_keys(Keys.SPACE)
    assert len(browser.shown()) == 4


@pytest.mark.parametrize(
    ("order", "numbers"), [("seconds", "3021"), ("bytes", "0321"), ("collected", "0123")]
)
def test_tests_are_put_into_an_order(browser, order, numbers):
    browser.one(f"#order option[value={order}]").click()

    assert [name[-1] for name in browser.shown()] == [*numbers]


def test_what_is_shown_is_in_the_address(browser):
    browser.one("#order option[value=seconds]").click()
    browser.one("button.verdict.clean").click()
    shown = browser.shown()
    fragment = browser.fragment()

    browser.open(fragment)

    assert browser.shown() == shown
    assert len(shown) == 3


def test_a_link_opens_its_test_although_it_was_hidden(browser):
    key = browser.all(".test")[2].get_attribute("id")
    browser.one("#search").send_keys("nothing like it")
    browser.driver.execute_script("location.hash = arguments[0]", key)

    assert browser.one(f"#{key} .finding").is_displayed()
    browser.open(f"#{key}")
    assert browser.one(f"#{key} .finding").is_displayed()
    assert not browser.all(".test")[0].find_element(By.CSS_SELECTOR, ".finding").is_displayed()


def test_a_cause_leads_to_its_tests_and_back(browser):
    link = browser.all("a.show-tests")[0]
    query = link.get_attribute("data-query")
    link.click()

    shown = browser.all("#list .test:not([hidden]) .finding a.fingerprint")
    assert {entry.text for entry in shown if entry.is_displayed()} == {query}
    shown[0].click()
    assert browser.fragment() == f"#cause-{query}"
    assert browser.one(f"#cause-{query}").is_displayed()


def test_the_table_is_sorted_by_its_headings(browser):
    heading = browser.all("th")[4]
    for direction, first in (("ascending", "bus.default"), ("descending", "shop.cache")):
        heading.find_element(By.TAG_NAME, "button").click()

        assert heading.get_attribute("aria-sort") == direction
        assert browser.all("tbody tr")[0].text.count(first) == 1


def test_all_tests_are_unfolded_and_folded_at_once(browser):
    browser.one("#unfold").click()
    assert len([one for one in browser.all(".finding") if one.is_displayed()]) == 3
    browser.one("#unfold").click()
    assert not [one for one in browser.all(".finding") if one.is_displayed()]


def test_a_print_has_what_is_shown_unfolded(browser):
    opened = "return document.querySelectorAll('.test > details[open]').length"
    browser.driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert browser.driver.execute_script(opened) == 3
    browser.driver.execute_script("dispatchEvent(new Event('afterprint'))")
    assert browser.driver.execute_script(opened) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_page(browser, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.one("#unfold").click()
    contrasts = browser.driver.execute_script(_CONTRASTS)

    assert len(contrasts) > 20
    assert [text for text, contrast in contrasts if contrast < 4.5] == []


#: Of each text, and by WCAG's formula, the contrast to the first background below it.
_CONTRASTS = """
const parts = (color) => color.match(/[\\d.]+/g).map(Number);
const light = (color) => {
  const [r, g, b] = parts(color).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const below = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const color = getComputedStyle(one).backgroundColor;
    if (parts(color)[3] !== 0) return color;
  }
  return "rgb(255, 255, 255)";
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
  if (element.closest("svg, script, style, select")) continue;
  const [one, other] = [light(getComputedStyle(element).color), light(below(element))];
  const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  found.push([texts.currentNode.data.trim(), contrast]);
}
return found;
"""


def test_a_name_runs_nothing(driver, tmp_path):
    path = tmp_path / "leaks.html"
    finding = replace(FINDING, type=HOSTILE, holder=HOSTILE, advice=HOSTILE, pattern=HOSTILE)
    facts = session(replace(LEAK, findings=(finding,), reason=HOSTILE), nodeid=HOSTILE)
    path.write_text(render_html(facts, ROOT), encoding="utf-8")
    browser = Browser(driver, path)
    browser.open()
    browser.one("#unfold").click()

    assert browser.shown() == [HOSTILE]
    assert driver.execute_script("return [document.images.length, document.scripts.length]") == [
        0,
        1,
    ]
    assert driver.get_log("browser") == []


def test_even_markup_that_got_in_runs_nothing(driver, tmp_path):
    path = tmp_path / "leaks.html"
    text = render_html(session(CLEAN), ROOT)
    intruder = (
        "<script>document.title = 'taken'</script><i onclick=\"document.title='taken'\">x</i>"
    )
    path.write_text(text.replace("<main>", f"{intruder}<main>"), encoding="utf-8")
    browser = Browser(driver, path)
    browser.open()
    browser.one("i").click()

    assert driver.title.startswith("Leak check:")
    refused = [entry["message"] for entry in driver.get_log("browser")]
    assert any("Content Security Policy" in message for message in refused)

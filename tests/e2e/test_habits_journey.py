"""Habits of the app, in a real browser: two people at once, the keyboard alone, light and dark."""

import re

import pytest

from tests.e2e.server import browsing, holds, serving, settled
from tests.e2e.test_journey import CHANGED, browser_is_here, workspace  # noqa: F401

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("browser_is_here")]


NAMED = "name => document.querySelector('[aria-label=\"Your name\"]')?.value === name"


def opened_inspect(page, address: str, author: str) -> None:
    page.goto(f"{address}/inspect")
    page.get_by_text("Helpful", exact=True).wait_for()
    settled(page)
    name = page.get_by_label("Your name", exact=True)
    name.fill(author)
    name.press("Enter")
    name.blur()
    settled(page)


def test_two_people_decide_at_once(workspace, tmp_path):  # noqa: F811
    with serving(workspace.path, tmp_path / "server.log") as address, browsing() as ada:
        ben = ada.context.browser.new_context().new_page()
        ben.set_default_timeout(90_000)
        opened_inspect(ada, address, "Ada")
        opened_inspect(ben, address, "Ben")
        first, second = (f".st-key-bar-helpful-{place}" for place in (1, 2))
        ada.locator(first).get_by_role("button", name="Remove").click()
        ben.locator(second).get_by_role("button", name="Flag").click()
        ada.get_by_text(re.compile("removed. Press U")).wait_for()
        ben.get_by_text(re.compile("flagged. Press U")).wait_for()
        entries = {each.author: each for each in workspace.review.ledger.entries()}
        assert {name: each.action for name, each in entries.items()} == {"Ada": "remove", "Ben": "flag"}

        # Ben's page still shows Ada's row as undecided: he overrides her only once he has been told.
        row = entries["Ada"].row_id
        ben.reload()
        ben.get_by_text("Helpful", exact=True).wait_for()
        settled(ben)
        ben.wait_for_function(NAMED, arg="Ben")  # the browser kept it
        ada.locator(first).get_by_role("button", name="Flag").click()
        ada.get_by_text(re.compile("flagged. Press U")).wait_for()
        ben.locator(first).get_by_role("button", name="Keep").click()
        ben.get_by_text(re.compile("'Ada' has decided flag meanwhile; nothing was stored")).wait_for()
        settled(ben)
        assert workspace.review.ledger.state(row).action == "flag"
        ben.locator(first).get_by_role("button", name="Keep").click()
        ben.get_by_text(re.compile("kept. Press U")).wait_for()
        assert [each.author for each in workspace.review.ledger.entries(row)] == ["Ben", "Ada", "Ada"]

        # Ada's undo is about what she did herself, though Ben's decision is newer.
        ada.get_by_role("button", name=re.compile("Undo: flag")).click()
        ada.get_by_text(f"Undone: flag {row}").wait_for()
        settled(ada)
        assert workspace.review.ledger.state(row).action == "keep"
        assert ada.locator(first).get_by_role("button", name="Keep").is_disabled()


def reach(page, goal: str, key: str = "Tab", most: int = 120) -> None:
    """Press Tab until the focus is on what ``goal`` selects."""
    for _ in range(most):
        if page.evaluate("goal => document.activeElement.matches(goal)", goal):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{goal} can't be reached with {most} times {key}")


VISIBLE = """() => {
    const style = getComputedStyle(document.activeElement);
    const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return ring || style.boxShadow !== "none";
}"""


def test_everything_with_the_keyboard(workspace, tmp_path):  # noqa: F811
    with serving(workspace.path, tmp_path / "server.log") as address, browsing() as page:
        opened_inspect(page, address, "Ada")

        # The next row by its key, and the address names it.
        before = page.locator(".fw-query").inner_text()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(CHANGED, arg=before)
        settled(page)
        page.get_by_text("Helpful", exact=True).wait_for()

        # A decision by Tab and Enter, taken back and brought back by keys.
        reach(page, ".st-key-bar-helpful-1 .stButton button")
        page.wait_for_function(VISIBLE)  # it fades in
        page.keyboard.press("Enter")
        page.get_by_text(re.compile("kept. Press U")).wait_for()
        settled(page)
        (row,) = workspace.review.states()
        page.keyboard.press("u")
        page.get_by_text(f"Undone: keep {row}").wait_for()
        settled(page)
        assert workspace.review.states() == {}
        page.keyboard.press("y")
        page.get_by_text(f"Redone: keep {row}").wait_for()
        settled(page)
        assert workspace.review.states()[row].action == "keep"

        # A letter in a text field is a letter.
        reach(page, "[aria-label='Reason for your decisions']", "Shift+Tab")
        page.keyboard.type("uxy")
        page.keyboard.press("Tab")
        settled(page)
        assert workspace.review.states()[row].action == "keep"
        holds(page.get_by_label("Reason for your decisions"), "uxy")

        # To another page by Tab and Enter.
        reach(page, "a[href$='/changes']", "Shift+Tab")
        page.wait_for_function(VISIBLE)  # it fades in
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Changes").wait_for()
        settled(page)
        assert page.get_by_text(row, exact=True).count() >= 1


# Texts with too little contrast to what is behind them (WCAG 2, level AA: 4.5, large ones 3).
PALE = """() => {
    const numbers = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
    const light = ([r, g, b]) => {
        const part = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    const over = (top, under) => {
        const alpha = top.length > 3 ? top[3] : 1;
        return [0, 1, 2].map((i) => alpha * top[i] + (1 - alpha) * under[i]);
    };
    const behind = (each) => {
        const layers = [];
        for (; each; each = each.parentElement) {
            const style = getComputedStyle(each);
            if (style.backgroundImage !== "none") return null;
            layers.push(numbers(style.backgroundColor));
        }
        return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
    };
    const found = [];
    for (const each of document.querySelectorAll(".stMain *, [data-testid=stSidebar] *")) {
        const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        const exempt = "svg, [disabled], [aria-disabled=true], [data-testid=stIconMaterial]";
        if (!own || each.closest(exempt)) continue;
        const style = getComputedStyle(each), box = each.getBoundingClientRect(), back = behind(each);
        if (!box.width || style.visibility === "hidden" || style.opacity === "0" || !back) continue;
        const [a, b] = [light(over(numbers(style.color), back)), light(back)].sort((x, y) => y - x);
        const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
        const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < least) found.push(`${ratio.toFixed(2)} ${each.className} ${each.innerText.slice(0, 40)}`);
    }
    return found;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(workspace, tmp_path, theme):  # noqa: F811
    workspace.scores.compute(["dynamics", "association"])
    workspace.review.flag(workspace.train_split.ids[0], reason="look")
    workspace.review.remove(workspace.train_split.ids[1])
    with (
        serving(workspace.path, tmp_path / "server.log") as address,
        browsing(color_scheme=theme, viewport={"width": 1280, "height": 1500}) as page,
    ):
        for name in ("", "inspect", "review", "words", "changes", "retrain", "export", "jobs", "help"):
            page.goto(f"{address}/{name}")
            page.get_by_role("heading", level=1).wait_for()
            settled(page)
            back = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
            bright = sum(int(each) for each in re.findall(r"\d+", back)[:3]) > 3 * 128
            assert bright == (theme == "light"), name
            assert page.evaluate(PALE) == [], name

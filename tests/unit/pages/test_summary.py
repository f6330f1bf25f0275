"""One summary, on a terminal and as a page."""

from __future__ import annotations

import pytest
from rich.console import Console

from backend.pages.page import content_policy, document, summary_page
from backend.pages.summary import Figure, Link, Summary, Table, Toned
from backend.pages.terminal import ROWS_SHOWN, summary_parts, table_parts

NASTY = "<b>\x1b[2J</b>"
SUMMARY = Summary(
    "Measured: here",
    ("tiny-1", "today"),
    [Figure("images", "12", "all done")],
    ["one label is missing"],
    [
        Table(
            "Failed",
            ("reason", "images#", "for example"),
            [(Toned("ImageNotFound", "bad"), "5", tuple(f"{number}.png" for number in range(5)))],
            ("All of them: /ledger",),
            "Look at the first",
        )
    ],
)


def printed(*parts: object, width: int = 100) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(*parts)
    return captured.get()


def test_terminal_and_page_tell_the_same() -> None:
    shown, page = printed(*summary_parts(SUMMARY)), summary_page(SUMMARY)

    for told in (
        "Measured: here", "tiny-1 · today", "images", "12", "all done", "one label is missing", "Failed",
        "reason", "ImageNotFound", "0.png", "All of them: /ledger", "Look at the first",
    ):  # fmt: skip
        assert told in shown
        assert told in page


def test_a_terminal_shows_the_first_lines_of_a_cell_and_the_page_all() -> None:
    shown, page = printed(*summary_parts(SUMMARY)), summary_page(SUMMARY)

    assert "2.png" in shown
    assert "3.png" not in shown
    assert "and 2 more" in shown
    assert "3.png<br>4.png" in page


def test_a_terminal_shows_the_first_rows_of_a_report_and_says_where_the_others_are() -> None:
    table = Table("Labels", ("label", "there#"), [(f"label {n}", str(n)) for n in range(50)])
    few = printed(*summary_parts(Summary("x", (), tables=[table])))

    assert f"label {ROWS_SHOWN - 1}" in few
    assert f"label {ROWS_SHOWN} " not in few
    assert "and 10 more: --report FILE.html" in few
    assert "label 49" in printed(*table_parts(table))


def test_nothing_that_is_shown_is_obeyed() -> None:
    nasty = Summary(
        NASTY,
        (NASTY,),
        [Figure(NASTY, NASTY, NASTY)],
        [NASTY],
        [Table(NASTY, (NASTY,), [(NASTY,), ((NASTY,),), (Toned(NASTY, "good"),)], (NASTY,), NASTY)],
    )

    assert "\x1b[2J" not in printed(*summary_parts(nasty))
    page = summary_page(nasty)
    assert "<b>" not in page
    assert "\x1b" not in page


def test_a_page_allows_its_own_style_and_what_it_was_given() -> None:
    """Another style has another digest; a report may hold pictures, the status page may not."""
    plain, more = content_policy(), content_policy("img-src data:", style="p { color: red; }")

    assert plain.startswith("default-src 'none'; style-src 'sha256-")
    assert more.split(";")[1] != plain.split(";")[1]
    assert more.endswith("; img-src data:")
    assert "script" not in document("x", policy=plain)
    with_script = content_policy(script="go()")
    assert "; script-src 'sha256-" in with_script
    assert "<script>go()</script>" in document("x", policy=with_script, script="go()")


@pytest.mark.parametrize(
    ("address", "leads"),
    [
        ("http://ls/data?task=3", True),
        ("https://ls", True),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_a_link_leads_to_the_web_or_nowhere(address: str, leads: bool) -> None:
    """A browser runs an address that is a script."""
    rows = [(Link("task 3", address),)]

    page = summary_page(Summary("Failed", (), tables=[Table("Failed", ("where",), rows)]))

    assert "task 3" in page
    assert (f'href="{address}"' in page) is leads

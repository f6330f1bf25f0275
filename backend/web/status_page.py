"""The status page: one HTML document without outside assets, from an overview. Pure.

Its one script, named by its hash in the policy, asks for the page again and puts what changed in its place, so
that whoever reads stays where they are. Without it there is a link.
"""

from __future__ import annotations

from collections.abc import Iterable

from backend.pages.markup import Markup, element, with_code
from backend.pages.page import content_policy, document, table_section, tiles
from backend.status.overview import Overview
from backend.status.summary import failure_rows, overview_summary
from backend.status.verdict import headline, notes, problems
from backend.status.wording import redis_line

__all__ = ["CONTENT_SECURITY_POLICY", "RENEWAL", "status_page"]

RENEW_S = 5

RENEWAL = (
    """
(() => {
  const every = RENEW_S * 1000;
  const say = (words) => { const at = document.querySelector("#renewal"); if (at) at.textContent = words; };
  const places = () => [...document.querySelectorAll("main a, main [tabindex]")];
  const put = (page) => {
    const now = document.querySelector("main"), next = page.querySelector("main");
    if (!next) throw new Error("no page of ours");
    const scrolled = [...now.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
    const held = places().indexOf(document.activeElement), at = [scrollX, scrollY];
    const before = [...now.children], after = [...next.children];
    if (before.length === after.length && after.every((each, n) => each.className === before[n].className)) {
      after.forEach((each, n) => { if (each.outerHTML !== before[n].outerHTML) before[n].replaceWith(each); });
    } else now.replaceChildren(...after);
    [...now.querySelectorAll(".scroll")].forEach((each, n) => {
      if (scrolled[n]) [each.scrollLeft, each.scrollTop] = scrolled[n];
    });
    const hold = held < 0 ? null : places()[held];
    if (hold && hold !== document.activeElement) hold.focus({ preventScroll: true });
    scrollTo(...at);
    document.title = page.title;
  };
  const renew = async () => {
    if (!document.hidden && getSelection().isCollapsed) {
      try {
        const reply = await fetch(location.origin + location.pathname, { headers: { Accept: "text/html" }, cache: "no-store" });
        if (!reply.ok) throw new Error(`answer ${reply.status}`);
        put(new DOMParser().parseFromString(await reply.text(), "text/html"));
        say("renewed every RENEW_S s");
      } catch (error) {
        say("! not renewed: Firstpass does not answer");
      }
    }
    setTimeout(renew, every);
  };
  say("renewed every RENEW_S s");
  setTimeout(renew, every);
})();
"""
).replace("RENEW_S", str(RENEW_S))

_MORE = "connect-src 'self'"
#: As a header it also keeps the page out of frames.
CONTENT_SECURITY_POLICY = content_policy(_MORE, "frame-ancestors 'none'", script=RENEWAL)


def status_page(overview: Overview) -> str:
    """The whole document."""
    summary, verdict = overview_summary(overview), headline(overview)
    parts: list[Markup] = []
    if overview.redis.up:
        parts = [tiles(summary.figures), *map(table_section, summary.tables)]
        parts += [table_section(failure_rows(overview))] if overview.failures else []
        parts.append(_footer(overview))
    return document(
        f"{'✓' if verdict.tone == 'good' else '!'} Firstpass",
        element("header", element("h1", summary.title), _about(summary.about)),
        _verdict(overview),
        *parts,
        policy=content_policy(_MORE, script=RENEWAL),
        script=RENEWAL,
    )


def _about(words: Iterable[str]) -> Markup:
    """With a link for who has no script; the script says beside it that none is needed."""
    again = element("a", "reload", href="status")
    renewal = element("span", "", id="renewal")
    return element("p", " · ".join(words), " · ", again, " ", renewal)


def _verdict(overview: Overview) -> Markup:
    wrong, verdict = problems(overview), headline(overview)
    items = [element("li", *with_code(problem)) for problem in wrong]
    known = [element("p", *with_code(note)) for note in notes(overview)]
    role = {"role": "alert"} if verdict.tone == "bad" else {}
    return element(
        "section",
        element("h2", f"{'✓' if verdict.tone == 'good' else '!'} {verdict.text}"),
        element("ul", *items) if items else None,
        *known,
        class_=f"verdict {verdict.tone}",
        **role,
    )


def _footer(overview: Overview) -> Markup:
    line = redis_line(overview.redis)
    links = (element("a", name, href=name) for name in ("status.json", "metrics", "health"))
    return element("footer", line and element("p", line), element("p", *links, class_="links"))

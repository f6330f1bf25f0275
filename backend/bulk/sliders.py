"""A slider for each label's threshold, which shows and hides what is drawn, and copies what to write.

The script is one constant, named by its hash in the page's policy: no name or label is ever part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.bulk.cuts import Cut
from backend.bulk.drawing import LabelColours
from backend.pages.colours import as_hex
from backend.pages.markup import Markup, element
from backend.pages.page import section
from models.queries import LEAST_BOX_SCORE

__all__ = ["SCRIPT", "STYLE", "sliders"]

#: Labels without a box that are named; of more there is the number.
MOST_NAMED = 30

STYLE = """
.below { display: none; }
.cuts { display: grid; gap: 8px; }
.cut { display: grid; grid-template-columns: minmax(0, 1fr) minmax(120px, 260px) 6.5em 17.5em 4.5em; gap: 4px 12px; align-items: center; }
.cut label { overflow-wrap: anywhere; }
.cut svg { width: 12px; height: 12px; margin-right: 6px; stroke: var(--soft); }
.cut input { width: 100%; accent-color: var(--link); }
.cut output { font-variant-numeric: tabular-nums; }
.cut code { overflow-wrap: anywhere; }
button { font: inherit; color: var(--ink); background: var(--ground); border: 1px solid var(--soft); border-radius: 6px; padding: 1px 10px; }
@media (max-width: 760px) { .cut { grid-template-columns: 1fr auto; border-top: 1px solid var(--line); padding-top: 8px; }
  .cut input, .cut code { grid-column: 1 / -1; } }
"""

SCRIPT = """
(() => {
  const written = (least) => String(Math.round(least * 100) / 100);
  const copy = (element, button) => {
    const said = () => { button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
    const byHand = () => {
      getSelection().selectAllChildren(element);
      if (document.execCommand("copy")) said();
    };
    if (navigator.clipboard) navigator.clipboard.writeText(element.textContent).then(said, byHand);
    else byHand();
  };
  for (const row of document.querySelectorAll(".cut")) {
    const slider = row.querySelector("input"), attribute = row.querySelector("code"), button = row.querySelector("button");
    const boxes = [...document.querySelectorAll(`g[data-cut="${row.dataset.row}"]`)];
    slider.value = slider.defaultValue;
    slider.addEventListener("input", () => {
      const least = Number(written(slider.value));
      let shown = 0;
      for (const box of boxes) {
        const reaches = Number(box.dataset.score) >= least;
        box.classList.toggle("below", !reaches);
        if (reaches) shown += 1;
      }
      row.querySelector("output").textContent = `${shown} of ${boxes.length}`;
      attribute.textContent = `model_score_threshold="${written(least)}"`;
    });
    button.hidden = false;
    button.addEventListener("click", () => copy(attribute, button));
  }
})();
"""


def sliders(
    cuts: Sequence[Cut], scores: Mapping[int, Sequence[float]], colours: LabelColours
) -> Markup:
    """The part of a page with a row for each label that anything was found of; `scores` are by place in `cuts`."""
    met = [number for number in range(len(cuts)) if scores[number]]
    unmet = [cuts[number].label for number in range(len(cuts)) if not scores[number]]
    rows = (_row(number, cuts[number], scores[number], colours) for number in met)
    return section(
        "Thresholds",
        element(
            "p",
            "What is drawn below goes by these; move them, and write the ones you like into the label config: as an "
            "attribute of the label, or of its control tag for all labels that have none. Nothing scores below "
            f"{LEAST_BOX_SCORE:g}, for the models give no such boxes. Choices and texts stay as they are.",
        ),
        element("div", *rows, class_="cuts") if met else None,
        element("p", _unmet(unmet), class_="note") if unmet else None,
    )


def _row(number: int, cut: Cut, scores: Sequence[float], colours: LabelColours) -> Markup:
    name, colour = f"cut-{number}", as_hex(colours.colour(cut.control, cut.label))
    sample = element(
        "svg",
        element("rect", width="12", height="12", rx="3", fill=colour),
        viewBox="0 0 12 12",
        aria_hidden="true",
    )
    reach = sum(score >= cut.least for score in scores)
    return element(
        "div",
        element("label", sample, element("bdi", cut.label), f" ({cut.control})", for_=name),
        element(
            "input", id=name, type="range", min="0", max="1", step="any", value=f"{cut.least:g}"
        ),
        element("output", f"{reach} of {len(scores)}", for_=name),
        element("code", f'model_score_threshold="{cut.least:g}"'),
        element("button", "Copy", type="button", hidden=""),
        class_="cut",
        data_row=str(number),
    )


def _unmet(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - MOST_NAMED} more" if len(labels) > MOST_NAMED else ""
    return f"Nothing was found of: {', '.join(labels[:MOST_NAMED])}{more}."

"""The style sheet of every page: follows the reader's light or dark setting, and small screens."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { --ground: #f6f7f9; --card: #fff; --ink: #1c2330; --soft: #5b6577; --line: #dfe3ea;
  --good: #13703a; --good-ground: #e3f5e9; --bad: #a3201b; --bad-ground: #fdeaea; --busy: #1b4fa8;
  --busy-ground: #e6effd; --link: #1b4fa8; }
@media (prefers-color-scheme: dark) { :root { --ground: #12151b; --card: #1b2029; --ink: #e6eaf2;
  --soft: #98a3b8; --line: #2d3441; --good: #6fd596; --good-ground: #14301f; --bad: #ff9b94;
  --bad-ground: #3a1716; --busy: #93bbff; --busy-ground: #162a4d; --link: #93bbff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 20px 20px 40px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 4px 16px; }
h1 { font-size: 22px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 15px; margin: 0 0 10px; }
header p, footer, .more, .title, th { color: var(--soft); }
header p, footer p { margin: 0; font-size: 13px; overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 14px 16px; margin: 14px 0 0; }
.verdict h2 { margin: 0; font-size: 17px; }
.verdict p { margin: 4px 0 0; color: var(--ink); }
.verdict ul { margin: 6px 0 0; padding-left: 20px; }
.good { background: var(--good-ground); color: var(--good); border-color: currentColor; }
.bad { background: var(--bad-ground); color: var(--bad); border-color: currentColor; }
.busy { background: var(--busy-ground); color: var(--busy); border-color: currentColor; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  background: none; border: 0; padding: 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px;
  display: flex; flex-direction: column; overflow-wrap: anywhere; }
.tile strong { font-size: 27px; line-height: 1.25; font-variant-numeric: tabular-nums; }
.title, .more { font-size: 13px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { font-weight: 500; font-size: 13px; white-space: nowrap; }
th, td { padding: 5px 14px 5px 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { border-top: 0; }
th:last-child, td:last-child { padding-right: 0; }
td { white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.lines { white-space: normal; overflow-wrap: anywhere; min-width: 200px; }
section > p.note { margin: 10px 0 0; font-size: 13px; color: var(--soft); }
section > p.advice { margin: 10px 0 0; }
section > ul { margin: 0; padding-left: 20px; }
section > p, li { overflow-wrap: anywhere; }
a { color: var(--link); }
svg.bars { width: 124px; height: 22px; display: block; border-bottom: 1px solid var(--soft); stroke: var(--soft); stroke-width: .5; }
.state { border-radius: 99px; padding: 1px 9px; font-size: 13px; border: 0; }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; }
footer { margin-top: 16px; display: grid; gap: 4px; }
footer a { color: inherit; margin-right: 14px; }
"""

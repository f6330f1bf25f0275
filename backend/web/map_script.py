"""The script of the map on `/explore/PROJECT`: it draws the points, and makes a choice of them a list and a tab.

One constant, named by its hash in the page's policy: no name or label is ever part of it. What it draws comes from
`map_points`, and what it says of an image from `/explore/PROJECT/thumbnails`; both are the page's own addresses.
"""

from __future__ import annotations

__all__ = ["MAP_SCRIPT", "MAP_STYLE", "MOST_IN_TAB", "MOST_SHOWN"]

#: Images of a choice that are shown; of more there is the number.
MOST_SHOWN = 60
#: Tasks of a choice that a tab can name one by one, as `our_tabs.MOST_IDS` has it.
MOST_IN_TAB = 200

MAP_STYLE = """
.map { position: relative; }
#map { width: 100%; height: min(70vh, 620px); display: block; border-radius: 6px; background: var(--ground);
  touch-action: none; cursor: crosshair; }
#map:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.tools { display: flex; flex-wrap: wrap; gap: 6px 10px; margin: 10px 0 0; align-items: center; }
.tools p { margin: 0; color: var(--soft); font-size: 13px; flex: 1 1 16em; min-width: 0; }
#chosen { margin-top: 12px; }
"""

MAP_SCRIPT = (
    (
        """
(() => {
  const canvas = document.querySelector("#map");
  if (!canvas) return;
  const pen = canvas.getContext("2d"), said = document.querySelector("#said"), list = document.querySelector("#chosen");
  const tab = document.querySelector("#tab"), none = document.querySelector("#none"), whole = document.querySelector("#whole");
  const base = canvas.dataset.base, say = (words) => { said.textContent = words; };
  let n = 0, xs, ys, kinds, rows, tasks, chosen = new Uint8Array(0), cursor = -1, order = [], listed = 0;
  const view = { scale: 1, left: 0, top: 0 };
  const ink = () => getComputedStyle(canvas).getPropertyValue("--ink").trim() || "#000";
  const colour = (kind) => `hsl(${(kind * 137.5) % 360} 62% ${matchMedia("(prefers-color-scheme: dark)").matches ? 64 : 42}%)`;
  // Where points fall, worked out once for each picture: asking the page for its sizes is slow.
  const place = { wide: 0, high: 0, left: 0, top: 0, across: 0, down: 0, by: 0 };
  const measure = () => {
    place.wide = canvas.clientWidth;
    place.high = canvas.clientHeight;
    const side = Math.min(place.wide, place.high) - 24;
    place.left = (place.wide - side) / 2;
    place.top = (place.high - side) / 2;
    place.by = side / 65535 * view.scale;
    place.across = place.left - view.left * view.scale;
    place.down = place.top - view.top * view.scale;
  };
  const atX = (i) => place.across + xs[i] * place.by;
  const atY = (i) => place.down + ys[i] * place.by;
  const dot = () => Math.max(2, Math.min(7, (n > 20000 ? 2 : n > 2000 ? 3 : 5) * Math.sqrt(view.scale)));
  const draw = (path) => {
    const ratio = devicePixelRatio || 1, began = performance.now();
    measure();
    canvas.width = Math.round(place.wide * ratio);
    canvas.height = Math.round(place.high * ratio);
    pen.scale(ratio, ratio);
    const d = dot(), half = d / 2;
    let kind = -1;
    for (let at = 0; at < n; at += 1) {
      const i = order[at], x = atX(i), y = atY(i);
      if (kinds[i] !== kind) pen.fillStyle = colour(kind = kinds[i]);
      if (x > -d && y > -d && x < place.wide + d && y < place.high + d) pen.fillRect(x - half, y - half, d, d);
    }
    pen.strokeStyle = pen.fillStyle = ink();
    if (listed) for (let i = 0; i < n; i += 1) if (chosen[i]) pen.strokeRect(atX(i) - half - 1, atY(i) - half - 1, d + 2, d + 2);
    if (cursor >= 0) { pen.lineWidth = 2; pen.beginPath(); pen.arc(atX(cursor), atY(cursor), d + 5, 0, 7); pen.stroke(); }
    if (path && path.length > 1) { pen.lineWidth = 1.5; pen.beginPath(); path.forEach(([x, y], at) => at ? pen.lineTo(x, y) : pen.moveTo(x, y)); pen.closePath(); pen.stroke(); }
    canvas.dataset.drawnMs = (performance.now() - began).toFixed(1);
  };
  const inside = (x, y, path) => {
    let is = false;
    for (let i = 0, j = path.length - 1; i < path.length; j = i, i += 1) {
      const [ax, ay] = path[i], [bx, by] = path[j];
      if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) is = !is;
    }
    return is;
  };
  const nearest = (x, y, most) => {
    let best = -1, least = most * most;
    for (let i = 0; i < n; i += 1) {
      const dx = atX(i) - x, dy = atY(i) - y, far = dx * dx + dy * dy;
      if (far < least) { least = far; best = i; }
    }
    return best;
  };
  const towards = (dx, dy) => {
    const x = atX(cursor), y = atY(cursor);
    let best = -1, least = Infinity;
    for (let i = 0; i < n; i += 1) {
      const ahead = (atX(i) - x) * dx + (atY(i) - y) * dy, aside = Math.abs((atX(i) - x) * dy - (atY(i) - y) * dx);
      if (i !== cursor && ahead > 0.01 && aside <= ahead && ahead + 2 * aside < least) { least = ahead + 2 * aside; best = i; }
    }
    return best;
  };
  const pictures = async (ids) => {
    const reply = await fetch(`${base}/thumbnails?rows=${ids.join(",")}`, { cache: "no-store" });
    if (!reply.ok) throw new Error(`answer ${reply.status}`);
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    return [...page.querySelectorAll("figure")];
  };
  const all = () => { const found = []; for (let i = 0; i < n; i += 1) if (chosen[i]) found.push(i); return found; };
  let asked = 0;
  const choose = async () => {
    const found = all(), mine = asked += 1;
    listed = found.length;
    draw();
    const words = listed === 1 ? "1 image chosen" : `${listed.toLocaleString("en")} images chosen`;
    say(listed ? `${words}${listed > MOST_SHOWN ? "; the first MOST_SHOWN are shown" : ""}` : "nothing chosen");
    none.hidden = !listed;
    if (tab) { tab.hidden = !listed; tab.textContent = listed > MOST_IN_TAB ? "Make a tab of the first MOST_IN_TAB" : "Make a tab of these"; }
    try {
      const made = listed ? await pictures(found.slice(0, MOST_SHOWN).map((i) => rows[i])) : [];
      if (mine === asked) list.replaceChildren(...made.map((each) => document.adoptNode(each)));
    } catch (error) { say(`${words}; their pictures do not come: ${error.message}`); }
  };
  const clear = () => { chosen.fill(0); };
  let path = null, from = null;
  const where = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (event.shiftKey || event.button === 1) from = where(event); else path = [where(event)];
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = where(event);
    if (path) { path.push([x, y]); draw(path); }
    else if (from) { view.left -= (x - from[0]) / view.scale; view.top -= (y - from[1]) / view.scale; from = [x, y]; draw(); }
  });
  canvas.addEventListener("pointerup", (event) => {
    const drawn = path, [x, y] = where(event);
    path = from = null;
    if (!drawn) return;
    if (!event.ctrlKey && !event.metaKey) clear();
    if (drawn.length > 3) for (let i = 0; i < n; i += 1) { if (inside(atX(i), atY(i), drawn)) chosen[i] = 1; }
    else { const near = nearest(x, y, 14); if (near >= 0) { chosen[near] = 1; cursor = near; } }
    choose();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), ...where(event));
  }, { passive: false });
  const zoom = (by, x, y) => {
    const scale = Math.max(1, Math.min(60, view.scale * by)), ax = x - place.left, ay = y - place.top;
    view.left += ax / view.scale - ax / scale;
    view.top += ay / view.scale - ay / scale;
    view.scale = scale;
    if (scale === 1) view.left = view.top = 0;
    draw();
  };
  const named = (i) => { const kind = document.querySelector(`[data-cluster="${kinds[i]}"]`); return `${tasks[i] ? `task ${tasks[i]}` : `image ${rows[i]}`}${kind ? `, ${kind.dataset.name}` : ""}${chosen[i] ? ", chosen" : ""}`; };
  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!n) return;
    if (way) {
      event.preventDefault();
      const next = cursor < 0 ? 0 : towards(...way);
      if (next >= 0) cursor = next;
      draw();
      say(named(cursor));
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (cursor >= 0) { chosen[cursor] = chosen[cursor] ? 0 : 1; choose(); }
    } else if (event.key === "Escape") { clear(); choose(); }
    else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 1.5 : 1 / 1.5, cursor < 0 ? place.wide / 2 : atX(cursor), cursor < 0 ? place.high / 2 : atY(cursor));
  });
  document.querySelectorAll("button[data-cluster]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => { clear(); for (let i = 0; i < n; i += 1) if (kinds[i] === Number(button.dataset.cluster)) chosen[i] = 1; choose(); canvas.scrollIntoView({ block: "nearest" }); });
  });
  none.addEventListener("click", () => { clear(); choose(); });
  whole.addEventListener("click", () => { view.scale = 1; view.left = view.top = 0; draw(); });
  if (tab) tab.addEventListener("click", async () => {
    const ids = [...new Set(all().map((i) => tasks[i]))].slice(0, MOST_IN_TAB);
    tab.disabled = true;
    try {
      const reply = await fetch(`${base}/tab`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ tasks: ids }) });
      const told = await reply.json();
      if (!reply.ok) throw new Error(told.error ? told.error.message : `answer ${reply.status}`);
      const link = document.createElement("a");
      link.href = told.url;
      link.textContent = told.title;
      said.replaceChildren("made: ", link);
    } catch (error) { say(`no tab was made: ${error.message}`); }
    tab.disabled = false;
  });
  addEventListener("resize", () => draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
  (async () => {
    try {
      const reply = await fetch(`${base}/map`, { cache: "no-store" });
      if (!reply.ok) throw new Error(`answer ${reply.status}`);
      const told = await reply.arrayBuffer();
      n = told.byteLength / 14;
      rows = new Uint32Array(told, 0, n);
      tasks = new Uint32Array(told, 4 * n, n);
      xs = new Uint16Array(told, 8 * n, n);
      ys = new Uint16Array(told, 10 * n, n);
      kinds = new Uint16Array(told, 12 * n, n);
      chosen = new Uint8Array(n);
      order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => kinds[a] - kinds[b]);
      draw();
      whole.hidden = false;
      say("drag around points to choose them, shift and drag to move, wheel to zoom; by keys: arrows, Enter, + and -, Escape");
      canvas.dataset.points = n;
    } catch (error) { say(`the map does not come: ${error.message}`); }
  })();
})();
"""
    )
    .replace("MOST_SHOWN", str(MOST_SHOWN))
    .replace("MOST_IN_TAB", str(MOST_IN_TAB))
)

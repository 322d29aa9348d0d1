// The browser's half of scatter.py: points on one canvas, rings and lasso on a second one above it.
// Python says what to show; the view (zoom, pan) belongs to this side alone.

const TYPES = { points: Float32Array, colors: Uint8Array, samples: Int32Array, category: Uint16Array, lassoed: Int32Array };
const LATE_TYPES = { ends: Uint32Array }; // fetched when a card is first shown
const REACH = 8; // px: how near to a point counts as on it
const DRAG = 4; // px: a press that moves less is a click
const MAX_LABELS = 40; // names of categories on the map
const N_COLORS = 10; // after which colours repeat, with the next of MARKS
const MARKS = ["disk", "ring", "square", "diamond"];
const LABEL_HEIGHT = 16; // px
const AWAY = [0, -1, 1, -2, 2, -3, 3]; // of a label from its place, in heights, or in half widths to the side
const DOUBLE_CLICK = 300; // ms in which a click into the void may still turn out a double click
const HINT = "Drag to pan, Ctrl or ⌘ + wheel to zoom, Shift + drag for a lasso, Escape to clear it. Keyboard: arrows pan, " +
  "plus, minus and 0 zoom, Shift + arrow moves to the next point, Enter selects it.";

// What outlives a map's element, by the map's key: Streamlit builds a new element when the page above it
// grows or the user comes back to the page. One entry a key; maps with different keys share nothing.
const kept = new Map();
// Categories that the legend picked out, by their names: maps with the same names share them.
const picked = new Map();

// Streamlit calls this again whenever data or theme change, with the same element, and runs a cleanup
// at the end, or late for a call that was overtaken: only the newest call may take the map down.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".map");
  const map = (root.map ??= new ScatterMap(root));
  const call = ++map.calls;
  map.update(data, setTriggerValue, call);
  return () => {
    if (call === map.calls) map.destroy();
  };
}

class ScatterMap {
  constructor(root) {
    const find = (selector) => root.querySelector(selector);
    this.root = root;
    this.stage = find(".stage");
    this.base = find(".points");
    this.overlay = find(".overlay");
    this.card = find(".card");
    this.legend = find(".legend");
    this.lassoButton = find(".lasso");
    this.calls = 0;
    this.python = {}; // what Python last asked for, to notice when it asks for something new
    this.lassoed = new Int32Array();
    this.hovered = -1;
    this.listeners = new AbortController();
    this.listen(find(".reset"));
    this.resizes = new ResizeObserver(() => this.draw());
    this.resizes.observe(this.stage);
    root.pointPosition = (sample) => this.clientPosition(sample);
  }

  destroy() {
    this.listeners.abort();
    this.resizes.disconnect();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.clearing);
    clearTimeout(this.resting);
    this.picks?.maps.delete(this);
    delete this.root.map;
  }

  listen(reset) {
    const on = (target, type, action) =>
      target.addEventListener(type, action.bind(this), { signal: this.listeners.signal, passive: false });
    on(this.overlay, "pointerdown", this.press);
    on(this.overlay, "pointermove", this.move);
    on(this.overlay, "pointerup", this.release);
    on(this.overlay, "pointercancel", this.cancel);
    on(this.overlay, "pointerleave", () => this.hover(-1));
    on(this.overlay, "click", this.click);
    on(this.overlay, "dblclick", this.resetView);
    on(this.overlay, "wheel", this.wheel);
    on(this.root, "keydown", this.keydown);
    on(reset, "click", this.resetView);
    on(this.lassoButton, "click", this.toggleLasso);
  }

  // ---- what Python says -------------------------------------------------------------------------

  async update(data, send, call) {
    this.send = send;
    delete this.root.dataset.ready;
    if (!kept.has(data.key)) kept.set(data.key, { view: {}, loads: {} });
    Object.assign(this, kept.get(data.key));
    try {
      const names = Object.keys(TYPES);
      const arrays = await Promise.all(names.map((name) => this.load(name, data.files[name])));
      if (call === this.calls) this.show(data, Object.fromEntries(names.map((name, i) => [name, arrays[i]])));
    } catch (error) {
      if (call === this.calls) this.root.querySelector(".hint").textContent = `The map could not be loaded: ${error.message}`;
    }
  }

  // An address names its content, so what was fetched under it once is good for ever.
  load(name, url = null) {
    if (this.loads[name]?.url !== url) {
      const array = url ? fetchBytes(url).then((bytes) => new (TYPES[name] ?? LATE_TYPES[name])(bytes)) : Promise.resolve(null);
      array.catch(() => delete this.loads[name]);
      this.loads[name] = { url, array };
    }
    return this.loads[name].array;
  }

  show(data, arrays) {
    const news = (name, value) => this.python[name] !== value && ((this.python[name] = value), true);
    Object.assign(this, { data, points: arrays.points, colors: arrays.colors, samples: arrays.samples, category: arrays.category });
    this.n = this.samples.length;
    if (news("points", data.files.points)) this.newPoints(data.files.points);
    if (news("samples", data.files.samples)) this.rows = new Map(Array.from(this.samples, (sample, i) => [sample, i]));
    if (news("selected", data.selected)) this.selected = data.selected;
    if (news("lassoed", data.files.lassoed)) this.lassoed = arrays.lassoed ?? new Int32Array();
    this.findCategories();
    this.lit = this.mask();
    this.fillLegend();
    this.stage.style.height = `${data.height}px`;
    this.overlay.ariaLabel = `Map of ${this.n} images. ${HINT}`;
    this.root.querySelector(".hint").textContent = data.legend ? HINT : ""; // once for two maps
    this.draw();
  }

  newPoints(url) {
    this.hover(-1);
    this.box = bounds(this.points);
    this.grid = buildGrid(this.points, this.box);
    if (this.view.url !== url) this.home();
    this.view.url = url;
  }

  // The categories that have points, each with its name, its colour and its median point; none where colours are numbers.
  findCategories() {
    this.picks?.maps.delete(this);
    this.categories = this.data.labelled && this.category ? this.summarised() : [];
    const names = this.data.names.join("\n");
    if (!picked.has(names)) picked.set(names, { numbers: new Set(), maps: new Set() });
    this.picks = picked.get(names);
    this.picks.maps.add(this);
  }

  summarised() {
    const rows = this.data.names.map(() => []);
    this.category.forEach((category, row) => rows[category].push(row));
    const median = (members, axis) => {
      const values = Float32Array.from(members, (row) => this.points[2 * row + axis]).sort();
      return values[values.length >> 1];
    };
    return this.data.names
      .map((text, number) => ({ text, number, members: rows[number] }))
      .filter(({ members }) => members.length)
      .map(({ text, number, members }) => ({
        text,
        number,
        n: members.length,
        x: median(members, 0),
        y: median(members, 1),
        color: `rgb(${this.colors.slice(3 * members[0], 3 * members[0] + 3).join()})`,
      }));
  }

  // Which rows are lassoed and picked in the legend; null if none is, and then none fades.
  mask() {
    const chosen = this.categories.length ? this.picks.numbers : new Set();
    const lit = new Uint8Array(this.n);
    for (const sample of this.lassoed) if (this.rows.has(sample)) lit[this.rows.get(sample)] = 1;
    if (!lit.includes(1)) lit.fill(1);
    if (chosen.size) this.category.forEach((category, row) => (lit[row] &= chosen.has(category)));
    return lit.includes(0) ? lit : null;
  }

  // ---- legend -----------------------------------------------------------------------------------

  fillLegend() {
    const entries = this.data.legend ? this.categories : [];
    this.legend.hidden = !entries.length;
    this.legend.replaceChildren(
      ...entries.map(({ text, number, color }) => {
        const entry = document.createElement("button");
        entry.type = "button";
        entry.ariaPressed = String(this.picks.numbers.has(number));
        entry.title = `Only ${text}; again: all`;
        const mark = document.createElement("span");
        mark.className = `mark ${markOf(number)}`;
        mark.style.color = color;
        entry.append(mark, text);
        entry.onclick = () => this.pick(number);
        return entry;
      })
    );
  }

  // Show a category alone, or with those picked before; again: no longer.
  pick(number) {
    const { numbers, maps } = this.picks;
    if (!numbers.delete(number)) numbers.add(number);
    for (const map of maps) {
      map.lit = map.mask();
      map.legend.querySelectorAll("button").forEach((entry, i) => {
        entry.ariaPressed = String(numbers.has(map.categories[i].number));
      });
      map.draw();
    }
  }

  // ---- view: data <-> pixels --------------------------------------------------------------------

  home() {
    const { left, right, bottom, top } = this.box;
    Object.assign(this.view, { zoom: 1, x: (left + right) / 2, y: (bottom + top) / 2 });
  }

  resetView() {
    clearTimeout(this.clearing);
    this.home();
    this.draw();
  }

  // Pixels a data unit; the same along x and y.
  get scale() {
    const { left, right, bottom, top } = this.box;
    const fit = Math.min(Math.max(1, this.width - 32) / (right - left), Math.max(1, this.height - 32) / (top - bottom));
    return fit * this.view.zoom;
  }

  toPixels(row) {
    return this.placeOf(this.points[2 * row], this.points[2 * row + 1]);
  }

  placeOf(x, y) {
    return [(x - this.view.x) * this.scale + this.width / 2, this.height / 2 - (y - this.view.y) * this.scale];
  }

  toData([x, y]) {
    return [this.view.x + (x - this.width / 2) / this.scale, this.view.y - (y - this.height / 2) / this.scale];
  }

  pan(dx, dy) {
    this.view.x -= dx / this.scale;
    this.view.y += dy / this.scale;
    this.draw();
  }

  zoom(factor, pixel = [this.width / 2, this.height / 2]) {
    const before = this.toData(pixel);
    this.view.zoom = Math.min(500, Math.max(0.5, this.view.zoom * factor));
    const after = this.toData(pixel);
    this.view.x += before[0] - after[0];
    this.view.y += before[1] - after[1];
    this.draw();
  }

  clientPosition(sample) {
    if (!this.rows?.has(sample)) return null;
    const corner = this.overlay.getBoundingClientRect();
    const [x, y] = this.toPixels(this.rows.get(sample));
    return { x: corner.left + x, y: corner.top + y };
  }

  // ---- drawing ----------------------------------------------------------------------------------

  // Once a frame, however many events ask.
  draw() {
    cancelAnimationFrame(this.frame);
    this.labels = null; // placed anew for this view
    this.frame = requestAnimationFrame(() => {
      this.width = this.stage.clientWidth;
      this.height = this.stage.clientHeight;
      if (!this.points || !this.width) return;
      this.drawPoints();
      this.drawOverlay();
      this.root.dataset.ready = "1";
    });
  }

  context(canvas, options) {
    const ratio = devicePixelRatio;
    const [width, height] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d", options);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    return context;
  }

  color(name) {
    return getComputedStyle(this.root).getPropertyValue(`--st-${name}-color`);
  }

  // Straight into pixels: as quick for 70,000 colours as for one, and no GPU is needed.
  drawPoints() {
    const context = this.context(this.base, { willReadFrequently: true });
    context.fillStyle = this.color("background");
    context.fillRect(0, 0, this.width, this.height);
    const image = context.getImageData(0, 0, this.base.width, this.base.height);
    const ratio = devicePixelRatio;
    const place = { x: this.view.x, y: this.view.y, scale: this.scale * ratio };
    const marks = MARKS.map((mark) => buildMark(mark, this.radius * ratio));
    const opacity = this.n > 20000 ? 0.65 : 0.9;
    if (this.lit) paint(image, this, place, marks, 0.12, 0);
    paint(image, this, place, marks, opacity, 1);
    context.putImageData(image, 0, 0);
  }

  // 5 px for 100 points, 1.3 px for 70,000; somewhat more when zoomed in.
  get radius() {
    const shaped = this.categories.length > N_COLORS ? 1.4 : 1; // shapes need room
    const far = shaped * Math.min(5, Math.max(1.3, 14 * this.n ** -0.22));
    return far * Math.min(3, Math.max(1, this.view.zoom ** 0.3));
  }

  drawOverlay() {
    const context = this.context(this.overlay);
    this.drawLabels(context);
    if (this.hovered >= 0) this.ring(context, this.hovered, 2, 1.5);
    if (this.rows.has(this.selected)) this.ring(context, this.rows.get(this.selected), 4, 2.5);
    else if (this.selected === this.data.selected && this.rows.has(this.data.nearest)) {
      this.ring(context, this.rows.get(this.data.nearest), 6, 2.5, [4, 3]);
    }
    if (this.grip?.path) this.drawLasso(context, this.grip.path);
  }

  drawLabels(context) {
    context.font = `600 13px ${getComputedStyle(this.root).fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 4;
    this.labels ??= this.placeLabels(context);
    for (const { text, left, top } of this.labels) {
      context.strokeStyle = this.color("background");
      context.strokeText(text, left, top);
      context.fillStyle = this.color("text");
      context.fillText(text, left, top);
    }
  }

  // Names at the median points of their categories, or beside: the largest first, and none over another. Names without room
  // are left out; the legend has them.
  placeLabels(context) {
    const placed = [];
    if (this.categories.length > MAX_LABELS) return placed;
    const chosen = this.categories.filter(({ number }) => !this.picks.numbers.size || this.picks.numbers.has(number));
    for (const { text, x, y } of chosen.sort((a, b) => b.n - a.n)) {
      const [left, top] = this.placeOf(x, y);
      const width = context.measureText(text).width + 6;
      if (left < 0 || top < 0 || left > this.width || top > this.height) continue;
      const places = AWAY.flatMap((down) => AWAY.map((right) => ({ text, width, left: left + (right * width) / 2, top: top + down * LABEL_HEIGHT })));
      const away = (place) => Math.hypot(place.left - left, place.top - top);
      const free = places.sort((a, b) => away(a) - away(b)).find((place) => this.hasRoom(place, placed));
      if (free) placed.push(free);
    }
    return placed;
  }

  hasRoom({ left, top, width }, placed) {
    if (left < width / 2 || left > this.width - width / 2 || top < LABEL_HEIGHT / 2 || top > this.height - LABEL_HEIGHT / 2) return false;
    return placed.every((other) => Math.abs(left - other.left) >= (width + other.width) / 2 || Math.abs(top - other.top) >= LABEL_HEIGHT);
  }

  ring(context, row, gap, thickness, dashes = []) {
    const [x, y] = this.toPixels(row);
    context.setLineDash(dashes);
    for (const [name, width] of [["background", thickness + 2], ["text", thickness]]) {
      context.beginPath();
      context.arc(x, y, this.radius + gap, 0, 2 * Math.PI);
      context.lineWidth = width;
      context.strokeStyle = this.color(name);
      context.stroke();
    }
    context.setLineDash([]);
    context.beginPath(); // the point itself, which may be faded or covered
    context.arc(x, y, this.radius, 0, 2 * Math.PI);
    context.fillStyle = `rgb(${this.colors.slice(3 * row, 3 * row + 3).join()})`;
    context.fill();
  }

  drawLasso(context, path) {
    context.beginPath();
    path.forEach(([x, y]) => context.lineTo(x, y));
    context.closePath();
    context.strokeStyle = context.fillStyle = this.color("primary");
    context.lineWidth = 1.5;
    context.stroke();
    context.globalAlpha = 0.12;
    context.fill();
    context.globalAlpha = 1;
  }

  // ---- what the user does -----------------------------------------------------------------------

  pixel(event) {
    const corner = this.overlay.getBoundingClientRect();
    return [event.clientX - corner.left, event.clientY - corner.top];
  }

  press(event) {
    if (event.button !== 0 || !this.points) return;
    const start = this.pixel(event);
    const lasso = event.shiftKey || this.lassoButton.ariaPressed === "true";
    this.grip = { start, last: start, path: lasso ? [start] : null };
    this.dragged = false;
  }

  move(event) {
    if (!this.points) return;
    const at = this.pixel(event);
    if (!event.buttons) this.grip = null; // let go outside
    if (!this.grip) return this.hover(this.nearest(at), at);
    const { start, last, path } = this.grip;
    if (!this.dragged && distance(at, start) < DRAG) return;
    this.dragged = true;
    this.overlay.setPointerCapture(event.pointerId); // not before: its release counts as leaving the canvas
    this.hover(-1);
    if (!path) this.pan(at[0] - last[0], at[1] - last[1]);
    else if (distance(at, path.at(-1)) > 2) path.push(at);
    this.grip.last = at;
    if (path) this.drawOverlay();
  }

  release() {
    const path = this.grip?.path;
    this.grip = null;
    if (this.dragged && path) this.lasso(path);
  }

  cancel() {
    this.grip = null;
    this.dragged = true; // so that the click that follows is none
    if (this.points) this.drawOverlay();
  }

  click(event) {
    if (this.dragged || event.detail > 1 || !this.points) return; // the second half of a double click
    clearTimeout(this.clearing);
    // The point that is shown: a click has whole pixels, the move before it fractions, and another point may be nearer to those.
    const row = this.hovered >= 0 ? this.hovered : this.nearest(this.pixel(event));
    if (row < 0) {
      this.clearing = setTimeout(() => this.clear(), DOUBLE_CLICK);
      return;
    }
    this.choose(row);
  }

  choose(row) {
    this.selected = this.samples[row];
    this.drawOverlay();
    this.send("clicked", this.selected);
  }

  lasso(path) {
    const polygon = path.map((pixel) => this.toData(pixel));
    const box = bounds(polygon.flat());
    this.setLasso(this.samples.filter((_, i) => inside(polygon, box, this.points[2 * i], this.points[2 * i + 1])));
  }

  clear() {
    if (this.lassoed.length) this.setLasso(new Int32Array());
  }

  setLasso(samples) {
    this.lassoed = samples;
    this.lit = this.mask();
    this.draw();
    this.send("lasso", Array.from(samples));
  }

  toggleLasso() {
    const on = this.lassoButton.ariaPressed !== "true";
    this.lassoButton.ariaPressed = String(on);
    this.overlay.classList.toggle("drawing", on);
  }

  // A bare wheel scrolls the page; a pinch on a touch pad arrives as Ctrl + wheel.
  wheel(event) {
    if (!this.points || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const turn = Math.max(-40, Math.min(40, event.deltaY));
    this.zoom(Math.exp(-0.006 * turn), this.pixel(event));
    this.hover(-1);
  }

  // To the nearest point within 45 degrees of a direction, from the one that is shown, chosen, or most in the middle.
  step(dx, dy) {
    const middle = [this.width / 2, this.height / 2];
    const begun = this.hovered >= 0 ? this.hovered : this.rows.get(this.selected);
    const [x, y] = begun === undefined ? middle : this.toPixels(begun);
    let next = -1;
    let least = Infinity;
    for (let row = 0; row < this.n; row++) {
      const [u, v] = this.toPixels(row);
      const along = (u - x) * dx + (v - y) * dy;
      const across = Math.abs((u - x) * dy) + Math.abs((v - y) * dx);
      if (begun !== undefined && (row === begun || along <= 0 || across > along)) continue;
      const far = along * along + across * across;
      if (far < least) [next, least] = [row, far];
    }
    if (next < 0) return;
    const [u, v] = this.toPixels(next);
    if (u < 0 || v < 0 || u > this.width || v > this.height) this.pan(middle[0] - u, middle[1] - v);
    this.hover(next, this.toPixels(next));
  }

  keydown(event) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (this.points && event.shiftKey && arrows[event.key]) {
      event.preventDefault();
      return this.step(...arrows[event.key]);
    }
    if (this.points && event.key === "Enter" && event.target === this.overlay && this.hovered >= 0) {
      event.preventDefault();
      return this.choose(this.hovered);
    }
    const actions = {
      Escape: () => (this.grip ? this.cancel() : this.clear()),
      "+": () => this.zoom(1.25),
      "=": () => this.zoom(1.25),
      "-": () => this.zoom(0.8),
      0: () => this.resetView(),
      ArrowLeft: () => this.pan(40, 0),
      ArrowRight: () => this.pan(-40, 0),
      ArrowUp: () => this.pan(0, 40),
      ArrowDown: () => this.pan(0, -40),
    };
    if (!this.points || event.ctrlKey || event.metaKey || !actions[event.key]) return; // Ctrl + 0 is the browser's
    event.preventDefault();
    actions[event.key]();
  }

  // ---- hover ------------------------------------------------------------------------------------

  nearest(at) {
    return nearestRow(this.grid, this.points, this.toData(at), REACH / this.scale);
  }

  hover(row, at) {
    if (row === this.hovered) return;
    this.hovered = row;
    clearTimeout(this.resting);
    this.overlay.classList.toggle("over", row >= 0);
    this.card.hidden = row < 0;
    if (row >= 0) this.fillCard(row, at);
    if (this.width) this.drawOverlay();
  }

  fillCard(row, [x, y]) {
    const name = this.category ? this.data.names[this.category[row]] : "";
    const picture = this.card.querySelector("canvas");
    this.card.querySelector(".text").textContent = `sample ${this.samples[row]}\n${name}`.trim();
    picture.hidden = !this.data.files.thumbnails;
    if (!picture.hidden) this.wipe(picture);
    this.placeCard(x, y);
    this.resting = setTimeout(() => {
      if (!picture.hidden) this.fillPicture(picture, row);
      if (this.data.files.texts) this.fillText(row, [x, y]);
    }, 30);
  }

  placeCard(x, y) {
    const { offsetWidth, offsetHeight } = this.card;
    const left = x + 14 + offsetWidth < this.width ? x + 14 : x - 14 - offsetWidth;
    const top = Math.min(Math.max(4, y - offsetHeight / 2), this.height - offsetHeight - 4);
    this.card.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
  }

  wipe(canvas) {
    const [height, width] = this.data.thumbnail;
    Object.assign(canvas, { height, width });
  }

  // Fetched only when the mouse rests, so that sweeping across the map asks for nothing.
  async fillPicture(canvas, row) {
    const [height, width] = this.data.thumbnail;
    const size = height * width;
    const gray = await fetchBytes(this.data.files.thumbnails, row * size, size).catch(() => null);
    if (gray && row === this.hovered) canvas.getContext("2d").putImageData(grayImage(new Uint8Array(gray), width, height), 0, 0);
  }

  // Name and other columns of the sample, fetched as its picture is.
  async fillText(row, at) {
    const { texts, ends } = this.data.files;
    const places = await this.load("ends", ends).catch(() => null);
    if (!places || row !== this.hovered) return;
    const start = row ? places[row - 1] : 0;
    if (places[row] === start) return;
    const bytes = await fetchBytes(texts, start, places[row] - start).catch(() => null);
    if (!bytes || row !== this.hovered) return;
    this.card.querySelector(".text").textContent += `\n${new TextDecoder().decode(bytes)}`;
    this.placeCard(...at);
  }
}

// ---- pure helpers -------------------------------------------------------------------------------

// Streamlit may drop a file for a moment while a rerun is on its way to name it again: try thrice.
async function fetchBytes(url, start = 0, length = 0, tries = 3) {
  const headers = length ? { Range: `bytes=${start}-${start + length - 1}` } : {};
  const answer = await fetch(url, { headers });
  if (answer.status === (length ? 206 : 200)) return answer.arrayBuffer();
  if (tries === 1) throw new Error(`${url} answered ${answer.status}`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  return fetchBytes(url, start, length, tries - 1);
}

function grayImage(gray, width, height) {
  const image = new ImageData(width, height);
  gray.forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
  return image;
}

const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

function bounds(points) {
  const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (let i = 0; i < points.length; i += 2) {
    box.left = Math.min(box.left, points[i]);
    box.right = Math.max(box.right, points[i]);
    box.bottom = Math.min(box.bottom, points[i + 1]);
    box.top = Math.max(box.top, points[i + 1]);
  }
  if (box.right === box.left) box.right += 1e-6 + Math.abs(box.right) * 1e-6; // a single column still has a width
  if (box.top === box.bottom) box.top += 1e-6 + Math.abs(box.top) * 1e-6;
  return box;
}

// Rows sorted by the cell they lie in: cell c holds order[start[c]] to order[start[c + 1] - 1].
function buildGrid(points, box) {
  const n = points.length / 2;
  const side = Math.min(256, Math.max(1, Math.round(Math.sqrt(n / 4))));
  const grid = { side, box, start: new Uint32Array(side * side + 1), order: new Uint32Array(n) };
  const cells = Uint32Array.from({ length: n }, (_, i) => cellOf(grid, points[2 * i], points[2 * i + 1]).cell);
  for (const cell of cells) grid.start[cell + 1]++;
  for (let c = 0; c < side * side; c++) grid.start[c + 1] += grid.start[c];
  const next = grid.start.slice();
  cells.forEach((cell, i) => (grid.order[next[cell]++] = i));
  return grid;
}

function cellOf({ side, box }, x, y) {
  const clamp = (share) => Math.min(side - 1, Math.max(0, Math.floor(share * side)));
  const column = clamp((x - box.left) / (box.right - box.left));
  const line = clamp((y - box.bottom) / (box.top - box.bottom));
  return { column, line, cell: line * side + column };
}

// The nearest row within reach of (x, y), or -1.
function nearestRow(grid, points, [x, y], reach) {
  const low = cellOf(grid, x - reach, y - reach);
  const high = cellOf(grid, x + reach, y + reach);
  let [best, least] = [-1, reach * reach];
  for (let line = low.line; line <= high.line; line++) {
    const first = grid.start[line * grid.side + low.column];
    const end = grid.start[line * grid.side + high.column + 1];
    for (let k = first; k < end; k++) {
      const row = grid.order[k];
      const square = (points[2 * row] - x) ** 2 + (points[2 * row + 1] - y) ** 2;
      if (square <= least) [best, least] = [row, square];
    }
  }
  return best;
}

// Even-odd rule: a ray from (x, y) crosses the outline an odd number of times.
function inside(polygon, box, x, y) {
  if (x < box.left || x > box.right || y < box.bottom || y > box.top) return false;
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [polygon[i], polygon[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}

const markOf = (category) => MARKS[Math.floor(category / N_COLORS) % MARKS.length];

// Share of each pixel that a mark of this radius covers, as a square of weights around its centre.
function buildMark(mark, radius) {
  const reach = Math.ceil({ disk: 1, ring: 1.1, square: 0.9, diamond: 1.3 }[mark] * radius + 0.5);
  const size = 2 * reach + 1;
  const weights = new Float32Array(size * size);
  const within = (away, edge) => Math.min(1, Math.max(0, edge + 0.5 - away));
  weights.forEach((_, k) => {
    const [x, y] = [Math.abs((k % size) - reach), Math.abs(Math.floor(k / size) - reach)];
    weights[k] = {
      disk: within(Math.hypot(x, y), radius),
      ring: within(Math.hypot(x, y), 1.1 * radius) - within(Math.hypot(x, y), Math.max(0.5, 0.5 * radius)),
      square: within(Math.max(x, y), 0.9 * radius),
      diamond: within(x + y, 1.3 * radius),
    }[mark];
  });
  return { reach, size, weights };
}

// Blend a mark for every row whose lit value is `wanted` (all rows when none fades).
function paint({ data, width, height }, { points, colors, category, categories, lit, n }, place, marks, opacity, wanted) {
  for (let row = 0; row < n; row++) {
    if (lit && lit[row] !== wanted) continue;
    const { reach, size, weights } = marks[categories.length ? Math.floor(category[row] / N_COLORS) % MARKS.length : 0];
    const left = Math.round((points[2 * row] - place.x) * place.scale + width / 2) - reach;
    const top = Math.round(height / 2 - (points[2 * row + 1] - place.y) * place.scale) - reach;
    if (left < 0 || top < 0 || left + size > width || top + size > height) continue; // the border swallows its points
    for (let k = 0, line = 0; line < size; line++) {
      let at = 4 * ((top + line) * width + left);
      for (let column = 0; column < size; column++, k++, at += 4) {
        const share = weights[k] * opacity;
        data[at] += (colors[3 * row] - data[at]) * share;
        data[at + 1] += (colors[3 * row + 1] - data[at + 1]) * share;
        data[at + 2] += (colors[3 * row + 2] - data[at + 2]) * share;
      }
    }
  }
}

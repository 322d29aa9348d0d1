// Tiles are rebuilt whenever their data changes; a click sends the tile's index.
const GAP = 8, EDGE = 10; // pixels between tiles, and of a tile around its picture: as in gallery.css
const SMALLEST_CELL = 46; // pixels, of a table's column: a caption of six letters
const SMALLEST = 0.6; // of a tile's size: rows are kept whole by smaller tiles

export default function ({ parentElement, data, setTriggerValue }) {
  let root = parentElement.querySelector(".ddnmf-gallery");
  if (!root) {
    root = document.createElement("div");
    root.className = "ddnmf-gallery";
    root.dataset.testid = "ddnmf-gallery";
    parentElement.appendChild(root);
    root.watcher = new ResizeObserver(() => layOut(root));
    root.watcher.observe(root);
  }
  root.tileSize = data.size;
  root.columns = data.columns;
  root.replaceChildren(...data.tiles.map(({ src, caption, aspect }, index) => {
    const tile = document.createElement(data.clickable ? "button" : "figure");
    tile.className = "ddnmf-tile" + (index === data.selected ? " selected" : "");
    const image = document.createElement("img");
    image.src = src;
    image.style.aspectRatio = aspect;
    image.alt = `Picture: ${caption}`; // the words beneath are read on their own
    const text = document.createElement("span");
    text.textContent = caption;
    tile.append(image, text);
    if (data.clickable) tile.onclick = () => setTriggerValue("picked", index);
    return tile;
  }));
  layOut(root);
}

function layOut(root) {
  if (!root.clientWidth) return; // hidden: the watcher calls again
  const columns = root.columns
    ? asTable(root.columns, root.clientWidth)
    : columnsFor(root.children.length, root.clientWidth, root.tileSize);
  root.style.gridTemplateColumns = `repeat(${columns}, minmax(0, ${root.tileSize + EDGE}px))`;
}

// The columns of a table, of which the screen of a phone shows half in a row.
function asTable(columns, width) {
  return width / columns >= SMALLEST_CELL ? columns : Math.ceil(columns / 2);
}

// As few rows as fit, and these as even as possible: ten tiles are 10 or 5 + 5, never 9 + 1.
function columnsFor(n, width, size) {
  const fit = Math.max(1, Math.floor((width + GAP) / (SMALLEST * size + EDGE + GAP)));
  return Math.max(1, Math.ceil(n / Math.ceil(n / fit)));
}

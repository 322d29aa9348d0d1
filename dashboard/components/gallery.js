// Tiles are rebuilt whenever their data changes; a click sends the tile's index.
export default function ({ parentElement, data, setTriggerValue }) {
  let root = parentElement.querySelector(".ddnmf-gallery");
  if (!root) {
    root = document.createElement("div");
    root.className = "ddnmf-gallery";
    root.dataset.testid = "ddnmf-gallery";
    parentElement.appendChild(root);
  }
  root.replaceChildren(...data.tiles.map(({ src, caption, aspect }, index) => {
    const tile = document.createElement(data.clickable ? "button" : "figure");
    tile.className = "ddnmf-tile" + (index === data.selected ? " selected" : "");
    tile.style.width = `${data.size}px`;
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
}

// A canvas to draw on; every finished stroke sends the picture as gray bytes.
const SIDE = 112;

export default function ({ parentElement, data, setStateValue }) {
  let canvas = parentElement.querySelector("canvas");
  if (canvas) {
    canvas.tell = setStateValue;                                     // the one from before no longer reaches the page
    return;
  }
  const root = document.createElement("div");
  root.className = "ddnmf-sketch";
  canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  canvas.tell = setStateValue;
  canvas.dataset.testid = "ddnmf-sketch";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", data.label);
  const clear = document.createElement("button");
  clear.textContent = "Clear";
  root.append(canvas, clear);
  parentElement.appendChild(root);
  const pen = canvas.getContext("2d", { willReadFrequently: true });

  function wipe() {
    pen.fillStyle = "black";
    pen.fillRect(0, 0, SIDE, SIDE);
  }
  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * SIDE / box.width, (event.clientY - box.top) * SIDE / box.height];
  }
  function send() {
    const rgba = pen.getImageData(0, 0, SIDE, SIDE).data;
    let bytes = "";
    for (let i = 0; i < rgba.length; i += 4) bytes += String.fromCharCode(rgba[i]);
    canvas.tell("pixels", btoa(bytes));
  }
  wipe();
  pen.strokeStyle = "white";
  pen.lineWidth = SIDE * 0.075;
  pen.lineCap = pen.lineJoin = "round";
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    pen.beginPath();
    pen.moveTo(...place(event));
    pen.lineTo(...place(event));
    pen.stroke();
  };
  canvas.onpointermove = (event) => {
    if (!(event.buttons & 1)) return;
    pen.lineTo(...place(event));
    pen.stroke();
  };
  canvas.onpointerup = send;
  clear.onclick = () => { wipe(); canvas.tell("pixels", ""); };
}

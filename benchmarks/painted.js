// Whether the first canvas of the page, in whatever shadow root, has points on it.
() => {
  const all = (node) => [...node.querySelectorAll("*")].flatMap((e) => [...(e.shadowRoot ? all(e.shadowRoot) : []), e]);
  const canvas = all(document).find((e) => e.tagName === "CANVAS");
  const image = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data;
  let inked = 0;
  for (let i = 3; image && i < image.length; i += 4) inked += image[i] > 0;
  return inked > 500;
}

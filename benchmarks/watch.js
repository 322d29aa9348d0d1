// Since when nothing has changed on the page: pictures, texts and tiles in all shadow roots, looked at frame by frame.
() => {
  const roots = (node) => [node, ...[...node.querySelectorAll("*")].flatMap((e) => (e.shadowRoot ? roots(e.shadowRoot) : []))];
  const app = () => document.querySelector("[data-testid=stApp]")?.dataset.testScriptState;
  const pictures = (root) => [...root.querySelectorAll("img")].map((i) => i.src.slice(-60) + i.complete).join();
  const words = (root) =>
    [...root.querySelectorAll("[data-testid=stMarkdown], [data-testid=stMetric], .ddnmf-tile")].map((e) => e.textContent).join();
  const state = () => roots(document).map((root) => pictures(root) + words(root)).join("|") + app();
  let before = state();
  window.rearm = () => { window.began = null; window.changed = null; before = state(); };
  window.quiet = () => window.changed !== null && performance.now() - window.changed > 400 && app() === "notRunning";
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { window.began ??= performance.now(); }, true);
  const look = () => {
    const now = state();
    if (now !== before) {
      before = now;
      if (window.began !== null) window.changed = performance.now();
    }
    requestAnimationFrame(look);
  };
  window.rearm();
  requestAnimationFrame(look);
}

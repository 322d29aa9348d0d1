// When something last changed that the user sees, nodes, texts and pictures, in the page and in every shadow root: as a
// whole, and in each element that the dashboard gave a key. It only listens, since looking at the whole page frame by frame
// would slow what it measures. To be run before the page's scripts.
(() => {
  const app = () => document.querySelector("[data-testid=stApp]")?.dataset.testScriptState;
  const key = (node) => {
    const element = node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
    const keyed = element?.closest("[class*=st-key-]");
    if (keyed) return [...keyed.classList].find((name) => name.startsWith("st-key-")).slice("st-key-".length);
    const host = node.getRootNode().host;
    return host ? key(host) : "";
  };
  const changed = (node) => {
    if (window.began !== null) window.changed = window.changedIn[key(node)] = performance.now();
  };
  const watch = (root) => {
    const sees = { childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["src"] };
    new MutationObserver((records) => records.forEach(({ target }) => changed(target))).observe(root, sees);
    root.addEventListener("load", ({ target }) => changed(target), true); // a picture that has arrived
  };
  const attachShadow = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    const root = attachShadow.call(this, options);
    watch(root);
    return root;
  };
  watch(document);
  window.rearm = () => {
    window.began = null;
    window.changed = null;
    window.changedIn = {};
  };
  window.quiet = () => window.changed !== null && performance.now() - window.changed > 400 && app() === "notRunning";
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { window.began ??= performance.now(); }, true);
  window.rearm();
})();

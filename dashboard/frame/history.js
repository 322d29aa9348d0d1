// Streamlit adds an entry to the browser's history for every parameter that it writes to the address, so that Back would only
// take one of them away. Within a page the address replaces the last one: Back leaves the page.
export default function () {
  const { history, location } = window;
  if (history.ddnmfOnePageOneEntry) return;
  history.ddnmfOnePageOneEntry = true;
  const push = history.pushState.bind(history);
  history.pushState = (state, title, url) => {
    const stays = url != null && new URL(url, location.href).pathname === location.pathname;
    if (stays) history.replaceState(state, title, url);
    else push(state, title, url);
  };
}

// A key held down repeats: it would decide about every row that comes into sight. Only its first press counts.
// A slash leads to the list of classes of a page that shows one row; there one types.
const SEARCH = "[class*='st-key-classes-'] [data-testid=stSelectbox] input";

export default function () {
  const first = (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.repeat && event.key.length === 1 && !typing) event.stopImmediatePropagation();
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const field = document.querySelector(SEARCH);
    if (!field) return;
    event.preventDefault(); // else the slash is the first letter that is searched
    field.focus();
  };
  window.addEventListener("keydown", first, true);
  return () => window.removeEventListener("keydown", first, true);
}

// A key held down repeats: it would decide about every row that comes into sight. Only its first press counts.
export default function () {
  const first = (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.repeat && event.key.length === 1 && !typing) event.stopImmediatePropagation();
  };
  window.addEventListener("keydown", first, true);
  return () => window.removeEventListener("keydown", first, true);
}

// Scanners that type like a keyboard. They press keys of an American keyboard whatever layout the computer has, so the keys count, not
// the letters: on an Arabic layout the letters would be others.

// Even a slow wireless scanner doesn't pause longer within a code.
const GAP_MS = 500;
const SHORTEST = 6;

// The letter on a key, as an American keyboard has it; nothing for other keys.
export function letterOf(event) {
  const key = event.code;
  if (/^Key[A-Z]$/.test(key)) return event.shiftKey || event.getModifierState?.("CapsLock") ? key[3] : key[3].toLowerCase();
  if (/^(Digit|Numpad)[0-9]$/.test(key) && !event.shiftKey) return key.at(-1);
  if (key === "Minus" && !event.shiftKey) return "-";
  return event.key.length === 1 && event.key.charCodeAt(0) < 128 ? event.key : "";
}

// Hears what a scanner types anywhere on the page, but in fields that people type into.
export function listen(found) {
  let typed = "";
  let last = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.target.closest?.("input, textarea, select")) return;
    const now = event.timeStamp;
    if (now - last > GAP_MS) typed = "";
    last = now;
    if (event.key === "Enter" || event.key === "Tab") {
      const text = typed;
      typed = "";
      if (text.length < SHORTEST) return;
      event.preventDefault();
      found(text);
    } else {
      typed = (typed + letterOf(event)).slice(-400);
    }
  });
}

// Lets a field for codes take the keys, not the letters of the layout.
export function takeKeys(field) {
  field.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.key.length !== 1 || event.key.charCodeAt(0) < 128) return;
    const letter = letterOf(event);
    if (!letter) return;
    event.preventDefault();
    field.setRangeText(letter, field.selectionStart, field.selectionEnd, "end");
  });
}

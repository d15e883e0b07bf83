// The page's texts and numbers. They come with the page, written by the server: numbers and plurals are as everywhere else.

const main = document.querySelector("main[data-scanner]");
const texts = JSON.parse(main.dataset.texts);
const digits = [...main.dataset.digits];
const [group, point] = [main.dataset.group, main.dataset.point];
const plural = new Intl.PluralRules(document.documentElement.lang);

export const has = (key) => key in texts;

// A text, with a value in it where it has room for one.
export const text = (key, value = "") => (texts[key] ?? key).replace("{value}", value);

// A text that follows a number. The server wrote it for some numbers; each stands for all of its kind.
export function count(key, number) {
  const kind = plural.select(number);
  const [, form] = Object.entries(texts[key]).findLast(([sample]) => plural.select(Number(sample)) === kind) ?? ["", "{n}"];
  return form.replace("{n}", whole(number));
}

const local = (ascii) => ascii.replace(/[0-9]/g, (digit) => digits[digit]);

export function whole(number) {
  const grouped = String(Math.abs(number)).replace(/\B(?=(\d{3})+$)/g, group);
  return (number < 0 ? "\u2212" : "") + local(grouped);
}

export function money({ amount, currency }) {
  const [units, part] = amount.split(".");
  const written = whole(Number(units)) + (part ? point + local(part) : "");
  return texts.money.replace("{amount}", written).replace("{currency}", currency);
}

export function time(moment) {
  const two = (number) => String(number).padStart(2, "0");
  return local(`${two(moment.getHours())}:${two(moment.getMinutes())}`);
}

// What was typed in any digits, as the API writes amounts; nothing if it is none, or if it could be meant in two ways: 12,500.
export function amount(typed) {
  const ascii = typed.trim()
    .replace(/[\u0660-\u0669]/g, (digit) => digit.charCodeAt(0) - 0x660)
    .replace(/[\u06f0-\u06f9]/g, (digit) => digit.charCodeAt(0) - 0x6f0)
    .replace(/[\u066c\s\u00a0\u202f]/g, "").replace("\u066b", ".");
  const plain = ascii.replace(/,(\d{1,2})$/, ".$1");
  return /^\d{1,12}(\.\d{1,4})?$/.test(plain) && Number(plain) > 0 ? plain : null;
}

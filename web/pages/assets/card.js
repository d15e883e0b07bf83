// The card's page while it is open: counts the code's life down, fetches the next one, and shows changes as they happen.
// Everything works without this script; nothing is kept here beyond the page.

const main = document.querySelector("main[data-card], main[data-offline]");
const digits = [...(main?.dataset.digits ?? "0123456789")];
const localised = (text) => text.replace(/[0-9]/g, (digit) => digits[digit]);
const offline = main?.dataset.offline !== undefined;

// --- the code's life ---

let endsAt = 0;

function startClock() {
  const code = document.querySelector("#part-code");
  endsAt = code?.dataset.left === undefined ? 0 : performance.now() + Number(code.dataset.left);
  if (offline && code?.dataset.left !== undefined) {
    // A page from the cache: the code has aged since it was fetched.
    const fetched = Number(document.documentElement.dataset.fetched ?? Date.now());
    endsAt -= Math.max(0, Date.now() - fetched);
  }
  tick();
}

function tick() {
  if (!endsAt) return;
  const left = Math.max(0, endsAt - performance.now());
  const seconds = Math.ceil(left / 1000);
  const shown = document.querySelector("[data-countdown]");
  if (shown) shown.textContent = localised(`${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
  const bar = document.querySelector("[data-clock]");
  if (bar) bar.value = left;
  if (left === 0) {
    endsAt = 0;
    expire();
  }
}

function expire() {
  const code = document.querySelector("#part-code");
  code?.classList.add("expired");
  const over = code?.querySelector("[data-over]");
  if (over) over.hidden = false;
  if (!offline) renew();
}

// --- the page anew ---

let loading = false;
let again = false;

// XMLHttpRequest parses the answer into a document without running anything in it.
function renew() {
  if (loading) {
    again = true;
    return;
  }
  loading = true;
  const request = new XMLHttpRequest();
  request.open("GET", location.pathname);
  request.responseType = "document";
  request.timeout = 15000;
  request.onloadend = () => {
    loading = false;
    if (request.status === 404 || request.status === 410) return location.reload();
    if (request.status === 200 && request.response) {
      replaceParts(request.response);
      failures = 0;
    } else {
      failures = Math.min(failures + 1, 6);
      setTimeout(renew, 1000 * 2 ** failures);
    }
    if (again) {
      again = false;
      renew();
    }
  };
  request.send();
}

let failures = 0;

function replaceParts(fresh) {
  const before = document.querySelector("[data-points]")?.dataset.points;
  const focused = document.activeElement?.closest("[data-part]")?.id;
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = fresh.getElementById(part.id);
    // Whoever is just about to press something is not interrupted.
    if (next && (part.id !== focused || part.id === "part-code")) part.replaceWith(document.importNode(next, true));
  }
  main.dataset.version = fresh.querySelector("main")?.dataset.version ?? main.dataset.version;
  const points = document.querySelector("[data-points]");
  if (points && before !== undefined && points.dataset.points !== before) {
    points.classList.add("moved");
    document.querySelector("[data-said]").textContent = main.dataset.updated;
  }
  startClock();
}

// --- live ---

let source;

function listen() {
  source?.close();
  if (document.hidden || offline) return;
  source = new EventSource(`${main.dataset.card}/live?since=${main.dataset.version}`);
  source.addEventListener("change", renew);
  source.addEventListener("gone", () => location.reload());
  // The browser tries again by itself, except after a refusal: then a slow look now and then must do.
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { renew(); listen(); }, 30000);
  };
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return source?.close();
  if (!offline) renew();
  listen();
});

// --- installed ---

function install() {
  if (!("serviceWorker" in navigator)) return;
  const address = "/c/card-worker.js";
  const policy = globalThis.trustedTypes?.createPolicy("walaa", {
    createScriptURL: (url) => {
      if (url !== address) throw new TypeError("not ours");
      return url;
    },
  });
  navigator.serviceWorker
    .register(policy ? policy.createScriptURL(address) : address, { scope: "/c/" })
    .then(() => navigator.serviceWorker.ready)
    .then((ready) => ready.active?.postMessage({ card: main.dataset.card, assets: assets() }))
    .catch(() => {});
}

// What the page without a network needs to look like one.
function assets() {
  const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  return [...new Set(loaded)].filter((name) => new URL(name).pathname.startsWith("/assets/") || name.endsWith("/colors.css"));
}

if (main) {
  document.documentElement.classList.add("alive");
  startClock();
  setInterval(tick, 250);
  listen();
  if (!offline) install();
  else addEventListener("online", () => location.replace(main.dataset.offline));
}

// Keeps the last state of one card's code, and shows it when there is no network. Nothing else is kept: no name, no history.

const STATE = "card-state";
const LOOK = "card-look";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const { card, assets } = event.data ?? {};
  if (typeof card === "string" && card.startsWith("/c/")) event.waitUntil(keep(card, assets ?? []));
});

async function keep(card, assets) {
  const answer = await fetch(`${card}/offline`, { cache: "no-store" });
  const state = await caches.open(STATE);
  // The new state takes the old one's place in one step, so that there is no moment without one.
  if (answer.ok) {
    const text = await answer.text();
    const marked = text.replace("<html ", `<html data-fetched="${Date.now()}" `);
    await state.put(card, new Response(marked, { headers: answer.headers }));
  }
  for (const known of await state.keys()) {
    if (!answer.ok || new URL(known.url).pathname !== card) await state.delete(known);
  }
  if (!answer.ok) return;
  const look = await caches.open(LOOK);
  for (const known of await look.keys()) if (!assets.includes(known.url)) await look.delete(known);
  await Promise.all(assets.map((asset) => look.match(asset).then((known) => known ?? look.add(asset)).catch(() => {})));
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (event.request.mode === "navigate") {
    event.respondWith(visit(event.request, url));
  } else if (url.pathname.startsWith("/assets/") || url.pathname.startsWith("/brand/")) {
    event.respondWith(fetch(event.request).catch(async () => (await caches.match(event.request.url)) ?? Response.error()));
  }
});

async function visit(request, url) {
  try {
    const answer = await fetch(request);
    if (answer.status === 410 || answer.status === 404) await (await caches.open(STATE)).delete(url.pathname);
    return answer;
  } catch (failure) {
    const known = await (await caches.open(STATE)).match(url.pathname);
    if (known) return known;
    throw failure;
  }
}

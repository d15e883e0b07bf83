// Opens the scanner without a network: it says so plainly, and does nothing. Nothing of a till or a customer is kept.

const KEPT = "scanner";
const OFFLINE = "/scan/offline";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.add(new Request(OFFLINE, { cache: "reload" }))).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const { assets } = event.data ?? {};
  if (Array.isArray(assets)) event.waitUntil(keep(assets.slice(0, 40)));
});

async function keep(assets) {
  const kept = await caches.open(KEPT);
  for (const known of await kept.keys()) {
    if (new URL(known.url).pathname !== OFFLINE && !assets.includes(known.url)) await kept.delete(known);
  }
  await Promise.all(assets.map((asset) => kept.match(asset).then((known) => known ?? kept.add(asset)).catch(() => {})));
  // In the language of now.
  await kept.add(new Request(OFFLINE, { cache: "reload" })).catch(() => {});
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (event.request.mode === "navigate") {
    event.respondWith(fetch(event.request).catch(async () => (await caches.match(OFFLINE)) ?? Response.error()));
  } else if (url.pathname.startsWith("/assets/")) {
    event.respondWith(fetch(event.request).catch(async () => (await caches.match(event.request.url)) ?? Response.error()));
  }
});

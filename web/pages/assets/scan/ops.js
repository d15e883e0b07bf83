// Operations that end exactly once, however many answers get lost. Each has an id of ours, kept on the device before anything is sent.
// A lost answer is asked for again under the same id; when that does not help, the operation is abandoned: either it never ran and never
// will, or we hear what it did. What a till left open is settled when it starts again.
//
// Kept are ids, kinds, sums and times: no code, no name, nothing that could be used.

const TRY_MS = 3000;
const PAUSES_MS = [500, 1000, 2000, 4000];
const LONGEST_PAUSE_MS = 8000;
// A limit that ends sooner than this is waited for.
const WAITED_MS = 5000;
const MOST_DONE = 60;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// --- what the device keeps ---

let opened;

function database() {
  opened ??= new Promise((done, fail) => {
    const request = indexedDB.open("walaa-scanner", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("pending", { keyPath: "op" });
      request.result.createObjectStore("done", { keyPath: "op" });
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
  return opened;
}

async function within(stores, mode, act) {
  const transaction = (await database()).transaction(stores, mode, { durability: "strict" });
  const result = act(...stores.map((name) => transaction.objectStore(name)));
  await new Promise((done, fail) => {
    transaction.oncomplete = done;
    transaction.onabort = transaction.onerror = () => fail(transaction.error);
  });
  return result?.result;
}

const till = document.querySelector("main[data-scanner]").dataset.till;

// What this till left open. An operation belongs to the till that began it: as another till nobody can learn how it ended.
export const pending = async () => (await left()).filter((entry) => entry.till === till);

// What the device left open as another till.
export const foreign = async () => (await left()).filter((entry) => entry.till !== till);

const left = () => within(["pending"], "readonly", (store) => store.getAll());

// What was done in this shift, the newest first.
export async function done(shift) {
  const all = await within(["done"], "readonly", (store) => store.getAll());
  return all.filter((entry) => entry.shift === shift).sort((one, other) => other.at - one.at);
}

// Forgets what other shifts did.
export const tidy = (shift) => within(["done"], "readwrite", (store) => {
  store.getAll().onsuccess = ({ target }) => {
    const kept = target.result.filter((entry) => entry.shift === shift).sort((one, other) => other.at - one.at);
    for (const entry of target.result) if (!kept.slice(0, MOST_DONE).includes(entry)) store.delete(entry.op);
  };
});

export const mark = (op, facts) => within(["done"], "readwrite", (store) => {
  store.get(op).onsuccess = ({ target }) => target.result && store.put({ ...target.result, ...facts });
});

// The operation is over: open no more, and on the list if it did something.
const settle = (entry, answer) => within(["pending", "done"], "readwrite", (pendings, dones) => {
  pendings.delete(entry.op);
  if (!answer) return;
  dones.put({ ...entry, at: Date.parse(answer.at), id: answer.id, points: answer.points });
});

// --- asking ---

const headers = { "walaa-scanner": "1", "accept-language": document.documentElement.lang };

// One try. What comes back is an answer, or nothing; never a failure.
export async function ask(method, path, { body, op, wait = TRY_MS } = {}) {
  const sent = { ...headers, ...(body && { "content-type": "application/json" }), ...(op && { "idempotency-key": op }) };
  try {
    const response = await fetch(path, {
      method, headers: sent, body: body && JSON.stringify(body), cache: "no-store", redirect: "error",
      signal: AbortSignal.timeout(wait),
    });
    const answer = await response.json();
    return { status: response.status, answer, after: Number(response.headers.get("retry-after") ?? 0) * 1000 };
  } catch {
    return null;
  }
}

// A version 7 UUID: made of the time and of chance, so that no two tills ever make the same.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let now = Date.now();
  for (let place = 5; place >= 0; place -= 1) {
    bytes[place] = now % 256;
    now = Math.floor(now / 256);
  }
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

// Does a step, and answers only with what is final: { done, answer }, { refused, answer } or { never }.
// `tell` hears how often was asked, and that the step is being given up.
export async function perform({ kind, path, body, facts, shift }, tell) {
  const entry = { op: newId(), kind, till, shift, facts, at: Date.now() };
  await within(["pending"], "readwrite", (store) => store.put(entry));
  let lost = false;
  for (let tries = 0; tries <= PAUSES_MS.length; tries += 1) {
    tell({ tries });
    const heard = await ask("POST", path, { body, op: entry.op });
    if (heard && heard.status < 300) return finish(entry, { done: true, answer: heard.answer });
    const busy = !heard || heard.status >= 500 || heard.status === 408 || (heard.status === 429 && heard.after <= WAITED_MS);
    lost ||= !heard || heard.status >= 500 || heard.status === 408;
    if (!busy) return refusedBy(heard, entry, { lost, tell });
    if (tries < PAUSES_MS.length) await sleep(Math.max(heard?.after ?? 0, Math.random() * PAUSES_MS[tries]));
  }
  return abandon(entry, tell);
}

// A refusal is final, unless an earlier try may have got through: then what that one did counts.
async function refusedBy(heard, entry, { lost, tell }) {
  if (!lost) return finish(entry, { refused: true, answer: heard.answer });
  const outcome = await abandon(entry, tell);
  return outcome.never ? { refused: true, answer: heard.answer } : outcome;
}

// Asks until there is an answer, however long it takes.
async function abandon(entry, tell) {
  for (let tries = 0; ; tries += 1) {
    tell({ givingUp: true, tries });
    const heard = await ask("POST", `/v1/ops/${entry.op}/abandon`);
    if (heard?.status === 200) return finish(entry, ended(heard.answer));
    // The till itself is no longer known: nobody can ask any more, and the operation stays open.
    if (heard && [401, 403].includes(heard.status)) return { refused: true, answer: heard.answer };
    await sleep(Math.max(heard?.after ?? 0, Math.min(LONGEST_PAUSE_MS, 500 * 2 ** tries) * (0.5 + Math.random() / 2)));
  }
}

function ended({ outcome, answer }) {
  if (outcome === "SUCCEEDED") return { done: true, answer: answer ?? {} };
  return outcome === "REFUSED" ? { refused: true, answer: answer ?? {} } : { never: true };
}

async function finish(entry, outcome) {
  await settle(entry, outcome.done ? outcome.answer : undefined);
  return { ...outcome, entry };
}

// Settles what was open when the till stopped; answers with the outcomes.
export async function resolve(tell) {
  const outcomes = [];
  for (const entry of await pending()) outcomes.push({ ...(await abandon(entry, tell)), entry });
  return outcomes;
}

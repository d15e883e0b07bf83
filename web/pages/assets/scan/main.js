// The scanner: a code comes in, the card is shown, something is done, and one of three colours says how it ended.
// Green: done. Red: refused, and what to do. Amber: asking - nothing is handed over yet.

import { Camera } from "./camera.js";
import * as ops from "./ops.js";
import { isMuted, mute, signal } from "./signal.js";
import { amount, count, has, money, text, time, whole } from "./texts.js";
import { listen, takeKeys } from "./wedge.js";

const UNDO_MS = 15 * 60000;
const LONGEST_CODE = 200;
const WORKER = "/scan/worker.js";

const main = document.querySelector("main[data-scanner]");
const find = (name) => document.querySelector(`[data-is="${name}"]`);
const shift = main.dataset.shift;
const write = (name, value) => { find(name).textContent = value; };
const show = (name, yes) => { find(name).hidden = !yes; };

// --- one thing at a time ---

let step = "ready"; // ready, reading, card, asking, verdict, settling

function enter(next) {
  step = next;
  main.dataset.step = next;
  show("desk-card", next === "card");
  show("verdict", ["asking", "verdict", "settling"].includes(next));
  show("desk-recent", next !== "card");
  if (["ready", "reading"].includes(next)) camera.resume();
  else camera.pause();
}

// --- codes ---

async function scanned(code) {
  if (["asking", "settling", "reading"].includes(step)) return;
  const clean = code.trim().slice(0, LONGEST_CODE);
  if (!clean) return;
  enter("reading");
  show("trouble", false);
  find("code").value = "";
  const heard = (await ops.ask("POST", "/v1/scans", { body: { code: clean } }))
    ?? (await ops.ask("POST", "/v1/scans", { body: { code: clean } }));
  if (!heard || heard.status >= 500) {
    enter("ready");
    return complain(text("scan-no-answer"));
  }
  if (heard.status !== 200) return refuse(heard.answer);
  signal("read");
  online(true);
  openCard(clean, heard.answer);
}

function complain(sentence) {
  signal("red");
  write("trouble-text", sentence);
  show("trouble", true);
}

// --- the card ---

let card;

function openCard(code, scan) {
  card = { code, scan, lines: new Map() };
  write("card-name", scan.member.name ?? text("scan-somebody"));
  write("card-number", text("card-number", scan.number));
  write("card-programme", scan.programme_name);
  write("card-points", whole(scan.points));
  write("card-unit", count("points-unit", scan.points));
  const notes = [];
  if (scan.held > 0) notes.push(count("scan-held", scan.held));
  if (scan.debt > 0) notes.push(count("scan-debt", scan.debt));
  if (scan.pending > 0) notes.push(count("scan-pending", scan.pending));
  if (scan.code.state === "captured") notes.push(text("scan-spent"));
  else if (scan.code.kind === "identify") notes.push(text("scan-identify"));
  find("card-notes").replaceChildren(...notes.map((note) => part("li", { textContent: note })));
  write("currency", scan.currency);
  find("earn-form").reset();
  describeSale();
  showRewards();
  enter("card");
  document.querySelector("#card-name").focus();
}

const part = (tag, facts, ...inside) => {
  const made = Object.assign(document.createElement(tag), facts);
  made.append(...inside);
  return made;
};

function showRewards() {
  const { rewards, code } = card.scan;
  write("rewards-title", text(code.voucher ? "scan-voucher" : "scan-rewards"));
  show("no-rewards", rewards.length === 0);
  find("reward-list").replaceChildren(...rewards.map(rewardRow));
  if (code.voucher && rewards[0]?.available) choose(rewards[0], 1);
  describeChoice();
}

function rewardRow(reward) {
  const words = part("span", { className: "reward-text" },
    part("bdi", { className: "what", textContent: reward.name }),
    part("span", { className: "price", textContent: reward.available ? count("points", reward.points) : whyNot(reward) }));
  const sign = part("span", { className: "tick", ariaHidden: "true" });
  const button = part("button", { type: "button", className: "reward", disabled: !reward.available }, words, sign);
  button.setAttribute("aria-pressed", "false");
  button.dataset.reward = reward.id;
  button.addEventListener("click", () => choose(reward, card.lines.has(reward.id) ? 0 : 1));
  const more = part("span", { className: "many", hidden: true },
    stepper(reward, -1, "\u2212", "scan-less"), part("bdi", { className: "times" }), stepper(reward, 1, "+", "scan-more"));
  return part("li", {}, button, more);
}

function stepper(reward, by, sign, label) {
  const button = part("button", { type: "button", className: "step", textContent: sign });
  button.setAttribute("aria-label", text(label, reward.name));
  button.addEventListener("click", () => choose(reward, (card.lines.get(reward.id)?.quantity ?? 0) + by));
  return button;
}

function whyNot(reward) {
  if (reward.reason === "insufficient_points" && reward.missing) return count("scan-missing", reward.missing);
  return has(`why-${reward.reason}`) ? text(`why-${reward.reason}`) : text("scan-not-now");
}

function choose(reward, quantity) {
  if (quantity < 1) card.lines.delete(reward.id);
  else card.lines.set(reward.id, { reward, quantity: Math.min(quantity, 100) });
  const button = find("reward-list").querySelector(`[data-reward="${CSS.escape(reward.id)}"]`);
  const line = card.lines.get(reward.id);
  button.setAttribute("aria-pressed", line ? "true" : "false");
  const many = button.nextElementSibling;
  many.hidden = !line || card.scan.code.voucher !== undefined;
  many.querySelector(".times").textContent = whole(line?.quantity ?? 0);
  describeChoice();
}

const price = () => [...card.lines.values()].reduce((sum, { reward, quantity }) => sum + reward.points * quantity, 0);

function describeChoice() {
  const chosen = [...card.lines.values()];
  const button = find("redeem");
  show("redeem-bar", chosen.length > 0);
  const tooMuch = !card.scan.code.voucher && price() > card.scan.points;
  button.disabled = tooMuch || !isOnline;
  write("redeem-what", chosen.map(nameOf).join(text("scan-and")));
  write("redeem-price", tooMuch ? count("scan-missing", price() - card.scan.points) : count("points", price()));
}

const nameOf = ({ reward, quantity }) => (quantity > 1 ? `${text("scan-times", whole(quantity))} ${reward.name}` : reward.name);

function describeSale() {
  const typed = find("amount").value;
  const known = amount(typed);
  write("earn-label", text(known ? "scan-add" : "scan-earn"));
  write("sale", known ? money({ amount: known, currency: card.scan.currency }) : "");
  find("amount").setAttribute("aria-invalid", typed && !known ? "true" : "false");
  show("amount-wrong", Boolean(typed) && !known);
}

// --- doing something ---

async function act({ kind, path, body, facts }) {
  if (["asking", "settling"].includes(step)) return;
  asking();
  let outcome;
  try {
    outcome = await ops.perform({ kind, path, body, facts, shift }, asking);
  } catch {
    // The device could not keep the operation, so nothing was sent.
    return refuse({ code: "device_full" });
  }
  online(true);
  await judge(outcome);
}

const redeem = () => {
  const { code, scan, lines } = card;
  const chosen = [...lines.values()];
  if (chosen.length === 0) return undefined;
  const rewards = chosen.map(({ reward, quantity }) => ({ reward: reward.id, quantity }));
  const facts = { what: chosen.map(nameOf).join(text("scan-and")), points: price() };
  return act({ kind: "redeem", path: "/v1/redemptions", body: { code, ...(scan.code.voucher ? {} : { rewards }) }, facts });
};

const earn = () => {
  const { code, scan } = card;
  const [known, receipt] = [amount(find("amount").value), find("receipt").value.trim()];
  describeSale();
  if (!known) return find("amount").focus();
  if (!receipt) return find("receipt").focus();
  const total = { amount: known, currency: scan.currency };
  return act({ kind: "earn", path: "/v1/earnings", body: { code, receipt, total }, facts: { total } });
};

const undo = (entry) => {
  const back = { kind: "undo", facts: { of: entry.op, what: entry.facts.what, was: entry.kind } };
  if (entry.kind === "redeem") {
    return act({ ...back, path: `/v1/redemptions/${entry.id}/reversal`, body: { reason: "undone at the till" } });
  }
  return act({ ...back, path: `/v1/earnings/${entry.id}/returns`, body: { total: entry.facts.total } });
};

// --- the three colours ---

function asking(news = { tries: 0 }) {
  enter(step === "settling" ? "settling" : "asking");
  const slow = news.tries > 0 || news.givingUp;
  colour("amber", text("scan-asking"), text(news.givingUp ? "scan-giving-up" : slow ? "scan-asking-again" : "scan-do-not-hand-over"));
}

function colour(name, title, detail, facts = []) {
  const verdict = find("verdict");
  verdict.dataset.colour = name;
  write("verdict-title", title);
  write("verdict-text", detail);
  find("verdict-facts").replaceChildren(...facts.map((fact) => part("li", { textContent: fact })));
  show("verdict-buttons", name !== "amber");
  show("undo", false);
}

async function judge({ done, refused, answer, entry }, { late = false } = {}) {
  if (done) await succeed(entry, answer, late);
  else if (refused) refuse(answer);
  else {
    enter("verdict");
    colour("red", text("scan-never"), text("scan-never-do"));
    signal("red");
    find("next").focus();
  }
  await recent();
}

async function succeed(entry, answer, late) {
  if (entry.kind === "undo") await ops.mark(entry.facts.of, { undone: true });
  enter("verdict");
  const facts = [];
  if (late) facts.push(text("scan-late", time(new Date(answer.at))));
  if (entry.kind !== "redeem") facts.push(count(entry.kind === "earn" ? "scan-earned" : "scan-went-back", Math.abs(answer.points)));
  if (answer.card) facts.push(count("scan-balance", answer.card.points));
  const what = entry.facts.what ?? (entry.facts.total ? money(entry.facts.total) : "");
  colour("green", text(`scan-done-${entry.kind}`), what, facts);
  show("undo", entry.kind !== "undo" && !late);
  find("undo").onclick = () => undo({ ...entry, id: answer.id });
  signal("green");
  find("next").focus();
}

// Red: the reason in words, and what to do about it.
function refuse(problem) {
  enter("verdict");
  const code = problem?.code ?? "internal";
  const facts = [];
  if (code === "already_redeemed" && problem.redeemed_at) {
    const place = [problem.place?.cashier, problem.place?.terminal_name, problem.place?.store_name].filter(Boolean).join(" · ");
    facts.push(text("scan-when", time(new Date(problem.redeemed_at)) + (place ? ` · ${place}` : "")));
    if (problem.same_terminal) facts.push(text("scan-same-till"));
    if (problem.newer_code_exists) facts.push(text("scan-newer-code"));
  }
  if (code === "validation_failed") for (const { message } of problem.errors ?? []) facts.push(message);
  const known = has(`why-${code}`);
  colour("red", known ? text(`why-${code}`) : text("scan-refused"), known && has(`do-${code}`) ? text(`do-${code}`) : known ? "" : (problem?.title ?? ""), facts);
  signal("red");
  find("next").focus();
  if (["shift_closed", "unauthorized", "key_revoked", "terminal_disabled"].includes(code)) find("next").onclick = () => location.reload();
}

function next() {
  card = undefined;
  show("trouble", false);
  enter("ready");
  recent();
}

// --- what was done in this shift ---

async function recent() {
  const entries = (await ops.done(shift)).filter(({ kind }) => kind !== "undo");
  const standing = entries.filter(({ undone }) => !undone);
  const number = (kind) => standing.filter((entry) => entry.kind === kind).length;
  write("tally", `${count("scan-tally-sales", number("earn"))} · ${count("scan-tally-redemptions", number("redeem"))}`);
  show("recent-none", entries.length === 0);
  find("recent").replaceChildren(...entries.slice(0, 12).map(recentRow));
}

function recentRow(entry) {
  const { kind, facts, at, undone } = entry;
  const what = kind === "earn" ? money(facts.total) : facts.what;
  const words = part("div", {}, part("p", { className: "what", textContent: what }),
    part("p", { className: "when", textContent: `${time(new Date(at))} · ${text(undone ? "scan-undone" : `scan-did-${kind}`)}` }));
  const change = part("span", { className: `change${kind === "earn" ? " up" : ""}` },
    part("bdi", { dir: "ltr", textContent: kind === "earn" ? `+${whole(entry.points)}` : whole(-entry.points) }));
  const row = part("li", { className: undone ? "undone" : "" }, words, change);
  if (!undone && Date.now() - at < UNDO_MS) {
    const button = part("button", { type: "button", className: "button compact", textContent: text("scan-undo") });
    button.setAttribute("aria-label", `${text("scan-undo")}: ${what}`);
    button.addEventListener("click", () => confirmUndo(entry, what));
    row.append(button);
  }
  return row;
}

function confirmUndo(entry, what) {
  const dialog = find("undo-dialog");
  write("undo-what", what);
  find("undo-yes").onclick = () => {
    dialog.close();
    undo(entry);
  };
  dialog.showModal();
}

// --- the camera ---

const policy = globalThis.trustedTypes?.createPolicy("walaa", {
  createScriptURL: (url) => {
    if (url !== main.dataset.reader && url !== WORKER) throw new TypeError("not ours");
    return url;
  },
});
const ours = (url) => (policy ? policy.createScriptURL(url) : url);
const camera = new Camera(find("video"), ours(main.dataset.reader), scanned);
camera.onlive = () => show("camera-off", false);
camera.onidle = () => show("camera-off", true);

async function startCamera() {
  show("camera-trouble", false);
  try {
    await camera.start();
    show("light", camera.hasLight);
    if (!["ready", "reading"].includes(step)) camera.pause();
  } catch (failure) {
    show("camera-off", true);
    write("camera-trouble", text(`scan-camera-${failure.message}`));
    show("camera-trouble", true);
  }
}

// --- installed ---

function install() {
  navigator.serviceWorker?.register(ours(WORKER), { scope: "/scan" })
    .then(() => navigator.serviceWorker.ready)
    .then((ready) => ready.active?.postMessage({ assets: loaded() }))
    .catch(() => {});
}

// What the page without a network needs to look like one.
function loaded() {
  const names = performance.getEntriesByType("resource").map((entry) => entry.name);
  return [...new Set(names)].filter((name) => new URL(name).pathname.startsWith("/assets/"));
}

// --- the network ---

let isOnline = true;

function online(yes) {
  isOnline = yes;
  show("offline", !yes);
  find("earn").disabled = !yes;
  if (card) describeChoice();
}

async function lookAround() {
  const heard = await ops.ask("GET", "/scan/state", { wait: 5000 });
  online(heard?.status === 200);
  if (heard?.status === 200 && heard.answer.shift?.id !== shift && ["ready", "card"].includes(step)) location.reload();
}

addEventListener("offline", () => online(false));
addEventListener("online", lookAround);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return camera.stop(), show("camera-off", true);
  lookAround();
  Camera.allowed().then((yes) => yes && startCamera());
});

// --- the start ---

async function settleOpen() {
  if ((await ops.pending()).length === 0) return;
  enter("settling");
  const outcomes = await ops.resolve(() => asking({ givingUp: true, tries: 1 }));
  step = "verdict";
  for (const outcome of outcomes) await judge(outcome, { late: true });
}

// Nobody here can learn how these ended: the shop's records can.
async function tellForeign() {
  const [entry] = await ops.foreign();
  if (!entry || step !== "ready") return;
  const what = entry.facts.what ?? (entry.facts.total ? money(entry.facts.total) : "");
  write("trouble-text", text("scan-left-open", `${time(new Date(entry.at))} ${what}`));
  show("trouble", true);
}

function wire() {
  find("code-form").addEventListener("submit", (event) => {
    event.preventDefault();
    scanned(find("code").value);
  });
  takeKeys(find("code"));
  listen(scanned);
  find("earn-form").addEventListener("submit", (event) => {
    event.preventDefault();
    earn();
  });
  find("amount").addEventListener("input", describeSale);
  find("redeem").addEventListener("click", redeem);
  find("back").addEventListener("click", next);
  find("next").addEventListener("click", next);
  find("undo-no").addEventListener("click", () => find("undo-dialog").close());
  find("camera-on").addEventListener("click", startCamera);
  let lit = false;
  find("light").addEventListener("click", async () => {
    lit = !lit;
    await camera.light(lit).catch(() => { lit = false; });
    find("light").setAttribute("aria-pressed", String(lit));
  });
  const sound = find("sound");
  const tellSound = () => sound.setAttribute("aria-pressed", String(!isMuted()));
  sound.addEventListener("click", () => {
    mute(!isMuted());
    tellSound();
  });
  tellSound();
}

async function start() {
  wire();
  await ops.tidy(shift);
  await recent();
  enter("ready");
  await settleOpen();
  await tellForeign();
  install();
  document.documentElement.classList.add("alive");
  if (await Camera.allowed()) await startCamera();
  setInterval(() => { if (!isOnline) lookAround(); }, 5000);
  setInterval(() => { if (step === "ready") recent(); }, 60000);
}

// Two open scanners would give up each other's operations.
if (navigator.locks) {
  navigator.locks.request("walaa-scanner", { ifAvailable: true }, (lock) => {
    if (!lock) return show("second", true);
    return start().then(() => new Promise(() => {}));
  });
} else {
  start();
}

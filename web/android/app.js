// The phone's page: reads the state, shows one of its views, hears what happens, and turns the codes.

import * as passes from './passes.js';
import { byId, calm, h, icon } from './dom.js';
import { dress, language, speak, text, time } from './texts.js';

const NOTICE_LASTS = 7000;
const OLD_NOTICE = 15_000;
let state = { now: Date.now(), cards: [], notices: [], requests: [] };
let skew = 0;
let told = null;
let turning = null;

const now = () => Date.now() + skew;
const find = (id) => state.cards.find((card) => card.id === id);

async function load() {
  const answer = await fetch(`/phone/state?lang=${language}`, { cache: 'no-store' }).catch(() => null);
  if (!answer?.ok) return;
  const before = state;
  state = await answer.json();
  skew = state.now - Date.now();
  view(before);
  steps();
  tell();
}

let due = null;
const loadSoon = () => { due ??= setTimeout(() => { due = null; load(); }, 60); };

/** The address says what is open: #/ID, or #/past. Thus the browser's own way back works. */
function view(before) {
  const opened = decodeURIComponent(location.hash.slice(2));
  const card = find(opened);
  const place = opened === 'past' ? 'past-view' : card ? 'pass-view' : 'home';
  for (const id of ['home', 'past-view', 'pass-view']) byId(id).hidden = id !== place;
  list();
  if (card) read(card, before?.cards.find((one) => one.id === card.id));
  else clearTimeout(turning);
}

const go = (id) => { location.hash = id ? `#/${encodeURIComponent(id)}` : ''; };

/** Cards with the passes that are linked to them; what is over is put away. */
function list() {
  const live = state.cards.filter((card) => !card.expired);
  const past = state.cards.filter((card) => card.expired);
  const parents = live.filter((card) => !live.some((other) => other.id === card.linked_to));
  const group = (card) => h('div.group', {}, passes.tile(card, go), ...live.filter((other) => other.linked_to === card.id).map((other) => passes.tile(other, go)));
  byId('list').replaceChildren(...parents.map(group));
  byId('past-list').replaceChildren(...past.map((card) => passes.tile(card, go)));
  byId('empty').hidden = live.length > 0;
  byId('past').hidden = past.length === 0;
  byId('past').querySelector('span').textContent = `${text('past')} (${past.length})`;
}

function read(card, before) {
  const front = passes.front(card);
  const changed = before && JSON.stringify(before.rows) !== JSON.stringify(card.rows);
  if (changed && !calm.matches) front.classList.add('changed');
  const linked = state.cards.filter((other) => other.linked_to === card.id && !other.expired);
  const parent = find(card.linked_to);
  const beside = (title, cards) => cards.length ? h('section.beside', {}, h('h3', {}, text(title)), ...cards.map((one) => passes.tile(one, go))) : null;
  byId('reading').replaceChildren(...[front, beside('offers', linked), beside('from', parent ? [parent] : [])].filter(Boolean));
  clearTimeout(turning);
  if (card.code?.until && !card.expired) turn(card.id, card.code);
}

/** Shows a code, and asks for the next one when it has run out. */
function turn(id, code) {
  passes.turn(byId('reading').querySelector('.code-place'), code, now());
  turning = setTimeout(async () => {
    const answer = await fetch(`/phone/passes/${encodeURIComponent(id)}/code`, { cache: 'no-store' }).catch(() => null);
    const next = answer?.ok ? await answer.json() : null;
    if (next) skew = next.now - Date.now();
    if (byId('reading').querySelector('.pass')?.dataset.id === id) turn(id, next?.code ?? { ...code, until: now() + 1000 });
  }, Math.max(50, code.until - now() + 20));
}

/** Tells what is new since the page was opened. */
function tell() {
  const last = state.notices.at(-1);
  const first = told === null;
  const fresh = last && last.number > (told ?? 0) && (!first || state.now - last.at < OLD_NOTICE);
  told = last?.number ?? 0;
  if (!fresh) return;
  const notice = h('button.notice', { type: 'button', click: () => { dismiss(notice); go(last.id); } },
    h('span.notice-icon', {}, icon('wallet')),
    h('span.notice-words', {}, h('small', {}, `${text('wallet')} · ${text('just_now')}`), h('b', { dir: 'auto' }, last.title), h('span', { dir: 'auto' }, last.body)));
  byId('heads-up').replaceChildren(notice);
  requestAnimationFrame(() => requestAnimationFrame(() => notice.classList.add('shown')));
  setTimeout(() => dismiss(notice), NOTICE_LASTS);
}

function dismiss(notice) {
  notice.classList.remove('shown');
  setTimeout(() => notice.remove(), calm.matches ? 0 : 400);
}

/** What the gateway asked lately, the newest first. */
function steps() {
  const items = state.requests.map((request) => {
    const marks = [request.in_batch ? h('em', {}, text('in_batch')) : null, request.notify ? h('em', {}, text('notify')) : null];
    const name = request.method === 'CALLBACK' ? text('callback') : request.method;
    return h('li', {}, h(`b.method.${request.method.toLowerCase()}`, {}, name), h('code', { dir: 'ltr', title: request.path }, request.path), ...marks,
      h(request.status >= 200 && request.status < 400 ? 'b.status' : 'b.status.bad', {}, String(request.status || '–')), h('time', {}, time(request.at)));
  });
  byId('steps').replaceChildren(...(items.length ? items : [h('li.none', {}, text('no_steps'))]));
}

function sheet(...children) {
  byId('sheet-body').replaceChildren(...children);
  byId('sheet').show();
}

function details() {
  const card = find(decodeURIComponent(location.hash.slice(2)));
  if (!card) return;
  sheet(...passes.about(card, (button) => {
    let armed = false;
    button.addEventListener('click', async () => {
      if (!armed) { armed = true; button.classList.add('armed'); button.querySelector('span').textContent = text('remove_sure'); return; }
      byId('sheet').close();
      const answer = await fetch(`/phone/passes/${encodeURIComponent(card.id)}`, { method: 'DELETE' }).catch(() => null);
      if (answer?.ok) go('');
    });
    return button;
  }));
}

function settings() {
  const choice = (name, title, options, chosen, act) => h('fieldset.choice', {}, h('legend', {}, text(title)), ...options.map(([value, label]) => {
    const input = h('input', { type: 'radio', name, value, change: () => act(value) });
    input.checked = value === chosen;
    return h('label', {}, input, h('span', {}, label));
  }));
  sheet(h('h2', {}, text('settings')),
    choice('language', 'language', [['en', 'English'], ['ar', 'العربية']], language, (next) => { speak(next); load(); settings(); }),
    choice('theme', 'appearance', ['automatic', 'light', 'dark'].map((name) => [name, text(name)]), dress(), (next) => dress(next)));
}

function listen() {
  const events = new EventSource('/phone/events');
  const live = (on) => {
    byId('live').classList.toggle('lost', !on);
    byId('live').querySelector('b').textContent = text(on ? 'connected' : 'disconnected');
  };
  events.addEventListener('open', () => live(true));
  events.addEventListener('error', () => live(false));
  events.addEventListener('changed', loadSoon);
}

function tick() {
  const moment = new Date();
  byId('clock').textContent = `${moment.getHours()}:${String(moment.getMinutes()).padStart(2, '0')}`;
  setTimeout(tick, 60_000 - (moment.getTime() % 60_000));
}

for (const button of document.querySelectorAll('[data-back]')) button.addEventListener('click', () => go(''));
byId('past').addEventListener('click', () => go('past'));
byId('details').addEventListener('click', details);
byId('settings').addEventListener('click', settings);
document.querySelector('.scrim').addEventListener('click', () => byId('sheet').close());
addEventListener('hashchange', () => { byId('sheet').close(); view(); });
addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  if (byId('sheet').open) byId('sheet').close();
  else if (location.hash) go('');
});

dress();
speak(language);
tick();
load();
listen();

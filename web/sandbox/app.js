// The phone's page: reads the state, listens to what happens, and leads from one view to another.

import * as cards from './cards.js';
import * as sheets from './sheets.js';
import { byId, calm, h, icon } from './dom.js';
import { language, speak, text, time } from './texts.js';

const MAX_STEPS = 60;
const BANNER_LASTS = 7000;
let steps = [];

async function load() {
  const answer = await fetch(`/phone/state?lang=${language}`, { cache: 'no-store' }).catch(() => null);
  if (!answer?.ok) return;
  const state = await answer.json();
  cards.show(state.passes, language);
  sheets.offer(state.offers);
  steps = state.steps.slice(-MAX_STEPS);
  showSteps();
  view();
}

let due = null;
const loadSoon = () => { due ??= setTimeout(() => { due = null; load(); }, 40); };

/** The address says what is open: #/key and #/key/details. Thus the browser's own way back works. */
function view() {
  const [, key, more] = location.hash.match(/^#\/(\w+)(\/details)?$/) ?? [];
  const reading = cards.has(key);
  cards.open(key, Boolean(more));
  byId('wallet-bar').hidden = reading;
  byId('card-bar').hidden = !reading;
  byId('info').setAttribute('aria-pressed', String(Boolean(more)));
}

function go(hash) {
  if (location.hash === hash) return;
  history.pushState(null, '', hash || location.pathname + location.search);
  view();
}

const close = () => { const key = location.hash.split('/')[1]; go(''); document.querySelector(`.card-open[data-key="${key}"]`)?.focus(); };

async function send(method, path, body) {
  const answer = await fetch(path, { method, headers: body ? { 'content-type': 'application/json' } : {}, body: body && JSON.stringify(body) }).catch(() => null);
  if (!answer?.ok) toast(text('failed'));
  return answer?.ok ?? false;
}

function toast(message) {
  const place = byId('toast');
  place.textContent = message;
  place.classList.add('shown');
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => place.classList.remove('shown'), 2200);
}

/** A notice as it slides over whatever is on the screen. */
function tell(notice) {
  const words = notice.texts[language] ?? Object.values(notice.texts)[0];
  const banner = h('button.banner', { type: 'button', click: () => { dismiss(banner); go(`#/${notice.pass}`); } },
    h('img', { src: `/phone/passes/${notice.pass}/icon?v=${notice.number}`, alt: '' }),
    h('span.banner-words', {}, h('b', {}, words.title), h('span', {}, words.body)),
    h('time', {}, text('now')));
  byId('banners').replaceChildren(banner);
  requestAnimationFrame(() => requestAnimationFrame(() => banner.classList.add('shown')));
  setTimeout(() => dismiss(banner), BANNER_LASTS);
  let start = null;
  banner.addEventListener('pointerdown', (event) => { start = event.clientY; });
  banner.addEventListener('pointermove', (event) => { if (start !== null && start - event.clientY > 20) dismiss(banner); });
}

function dismiss(banner) {
  banner.classList.remove('shown');
  setTimeout(() => banner.remove(), calm.matches ? 0 : 500);
}

const STEP_ICONS = { push: 'bell', register: 'check', list: 'list', fetch: 'down', unregister: 'cross', log: 'note', refused: 'cross' };

function showSteps() {
  const items = steps.toReversed().map((step) => {
    const name = text(`step_${step.what}_${step.status}`);
    const title = name.startsWith('step_') ? text(`step_${step.what}`) : name;
    const good = step.status !== null && step.status < 400;
    const badge = step.status ? h(good ? 'b.status' : 'b.status.bad', {}, String(step.status)) : null;
    return h(`li.step-${step.what}`, {}, h('span.step-icon', {}, icon(STEP_ICONS[step.what] ?? 'note')),
      h('div', {}, h('p', {}, title, badge), h('code', { dir: 'ltr' }, step.request), step.detail ? h('small', { dir: 'auto' }, step.detail) : null),
      h('time', {}, time(step.at)));
  });
  for (const place of document.querySelectorAll('[data-steps]')) {
    place.replaceChildren(...(items.length ? items.map((item) => item.cloneNode(true)) : [h('li.none', {}, text('no_steps'))]));
  }
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
  events.addEventListener('notice', (event) => tell(JSON.parse(event.data)));
  events.addEventListener('step', (event) => {
    const step = JSON.parse(event.data);
    if (steps.some((known) => known.number === step.number)) return;
    steps = [...steps, step].slice(-MAX_STEPS);
    showSteps();
    for (const place of document.querySelectorAll('[data-steps]')) place.firstElementChild?.classList.add('new');
  });
}

function tick() {
  const now = new Date();
  byId('clock').textContent = `${now.getHours()}:${String(now.getMinutes()).padStart(2, '0')}`;
  setTimeout(tick, 60_000 - (now.getTime() % 60_000));
}

cards.begin({
  open: (key) => { go(`#/${key}`); byId('done').focus({ preventScroll: true }); },
  automatic: (key, on) => send('PUT', `/phone/passes/${key}/automatic`, { on }),
  refresh: async (key) => { if (await send('POST', `/phone/passes/${key}/refresh`)) toast(text('up_to_date')); },
  remove: async (key) => { if (await send('DELETE', `/phone/passes/${key}`)) { go(''); toast(text('removed')); } },
});
sheets.begin({
  added: async (key) => { await load(); go(`#/${key}`); toast(text('added')); },
  spoken: () => { load(); showSteps(); },
  erase: async () => { await send('POST', '/phone/erase'); go(''); load(); },
});
byId('done').addEventListener('click', close);
byId('info').addEventListener('click', () => {
  const [, key, more] = location.hash.match(/^#\/(\w+)(\/details)?$/) ?? [];
  go(more ? `#/${key}` : `#/${key}/details`);
});
addEventListener('popstate', view);
addEventListener('hashchange', view);
addEventListener('keydown', (event) => { if (event.key === 'Escape' && location.hash && !document.querySelector('dialog[open]')) close(); });

sheets.dress();
speak(language);
tick();
byId('try').textContent = `curl ${location.origin}/phone/passes \\\n  -H 'Content-Type: application/json' \\\n  -d '{"url": "…/p/KEY.pkpass"}'`;
await load();
requestAnimationFrame(() => requestAnimationFrame(() => document.documentElement.classList.add('settled')));
listen();
const wanted = new URLSearchParams(location.search).get('add');
if (wanted) { sheets.choose(); sheets.look({ url: wanted }); }

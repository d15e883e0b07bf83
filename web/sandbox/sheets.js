// The sheets: adding a pass, with a look at it first, and the settings.

import { byId, drawn, h, icon, twice } from './dom.js';
import { paint } from './cards.js';
import { fill, language, speak, text } from './texts.js';

let actions;
let waiting = null; // the package or link that is looked at

export function begin(handlers) {
  actions = handlers;
  for (const dialog of document.querySelectorAll('dialog')) {
    for (const close of dialog.querySelectorAll('[data-close]')) close.addEventListener('click', () => lower(dialog));
  }
  document.querySelector('.scrim').addEventListener('click', lowerAll);
  addEventListener('keydown', (event) => { if (event.key === 'Escape') lowerAll(); });
  byId('add').addEventListener('click', () => choose());
  byId('empty-add').addEventListener('click', () => choose());
  byId('menu').addEventListener('click', () => raise(byId('menu-sheet')));
  byId('add-link').addEventListener('submit', (event) => { event.preventDefault(); look({ url: byId('link').value }); });
  byId('file').addEventListener('change', (event) => { if (event.target.files[0]) look(event.target.files[0]); event.target.value = ''; });
  byId('add-confirm').addEventListener('click', confirm);
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) { choose(); look(file); }
  });
  settings();
}

let before = null; // what had the focus

/** Raises a sheet within the phone's screen; what lies under it can't be reached meanwhile. */
function raise(dialog) {
  if (dialog.open) return;
  before = document.activeElement;
  dialog.show();
  under(dialog, true);
  dialog.querySelector('button:not([hidden])')?.focus({ preventScroll: true });
}

function lower(dialog) {
  dialog.close();
  under(dialog, false);
  before?.focus({ preventScroll: true });
}

const lowerAll = () => document.querySelectorAll('dialog[open]').forEach(lower);

function under(dialog, inert) {
  for (const sibling of byId('screen').children) {
    if (sibling !== dialog && !sibling.matches('.scrim, .banners, .toast')) sibling.inert = inert;
  }
}

/** Starts adding: what is on offer, a link, or a file. */
export function choose() {
  waiting = null;
  byId('add-choose').hidden = false;
  byId('add-preview').hidden = true;
  byId('add-confirm').hidden = true;
  byId('refused').hidden = true;
  raise(byId('add-sheet'));
}

/** Shows what could be added with one tap. */
export function offer(offers) {
  for (const place of [byId('add-offers'), byId('empty-offers')]) {
    place.replaceChildren(...offers.map((offered) => h('button.offer', { type: 'button', click: () => { choose(); look({ url: offered.url }); } }, icon('ticket'), h('span', {}, offered.title))));
  }
}

const request = (what) => (what instanceof Blob
  ? { method: 'POST', headers: { 'content-type': 'application/vnd.apple.pkpass' }, body: what }
  : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(what) });

/** Looks at a pass before it is added, as a phone shows it. */
export async function look(what) {
  const answer = await fetch(`/phone/preview?lang=${language}`, request(what)).catch(() => null);
  if (!answer?.ok) return refuse(await answer?.json().catch(() => null));
  const pass = await answer.json();
  waiting = what;
  const card = h('article.card.still', {}, h('div.face.front', {}, h('div.face-body', {}, drawn(pass.front))));
  paint(card, pass);
  byId('add-preview').replaceChildren(card);
  byId('add-preview').hidden = false;
  byId('add-choose').hidden = true;
  byId('add-confirm').hidden = false;
  byId('add-confirm').focus();
}

async function confirm() {
  const button = byId('add-confirm');
  button.disabled = true;
  const answer = await fetch('/phone/passes', request(waiting)).catch(() => null);
  button.disabled = false;
  if (!answer?.ok) {
    choose();
    return refuse(await answer?.json().catch(() => null));
  }
  lower(byId('add-sheet'));
  const { key } = await answer.json();
  actions.added(key);
}

function refuse(problem) {
  const reasons = problem?.reasons ?? [problem?.detail ?? text('failed')];
  byId('refused').hidden = false;
  byId('refused').querySelector('ul').replaceChildren(...reasons.map((reason) => h('li', { dir: 'auto' }, reason)));
}

function settings() {
  const sheet = byId('menu-sheet');
  const pick = (name, value) => { const input = sheet.querySelector(`input[name=${name}][value=${value}]`); if (input) input.checked = true; };
  pick('language', language);
  pick('theme', theme());
  sheet.addEventListener('change', ({ target }) => {
    if (target.name === 'language') { speak(target.value); actions.spoken(); }
    if (target.name === 'theme') dress(target.value);
  });
  const erase = byId('erase');
  twice(erase, () => text('erase'), () => text('erase_sure'), () => { lower(sheet); actions.erase(); });
}

const theme = () => new URLSearchParams(location.search).get('theme') ?? localStorage.getItem('theme') ?? 'auto';

/** Light, dark, or as the machine has it. */
export function dress(next = theme()) {
  localStorage.setItem('theme', next);
  if (next === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
}

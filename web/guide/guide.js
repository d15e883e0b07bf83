// The guide: which step the story is at, what is to be done there, and what the server has seen of it.

import * as api from './api.js';
import * as frames from './frames.js';
import { language, number, speak, text } from './texts.js';

const LOOK_MS = 1000;
const LAST = 7;

const byId = (id) => document.getElementById(id);
const wide = matchMedia('(min-width: 1100px)');

let places;
let state = { steps: [], requests: [] };
let chosen; // a step that was pressed; without one the story goes by itself
let said; // what the step's words were made of, so that they are made anew only when that changed

const firstOpen = () => (state.steps.findIndex((done) => !done) + 1) || LAST;
const step = () => chosen ?? firstOpen();

/** The next step after one that is still to be done. */
const nextAfter = (at) => Array.from({ length: LAST - at }, (_, more) => at + 1 + more).find((later) => !state.steps[later - 1]) ?? LAST;

// --- copying ---

async function copy(button, value) {
  let copied = true;
  await navigator.clipboard.writeText(value).catch(() => { copied = false; });
  if (!copied) return;
  const before = button.textContent;
  button.textContent = text('copied');
  button.classList.add('copied');
  setTimeout(() => {
    button.textContent = before;
    button.classList.remove('copied');
  }, 1500);
}

function press(label, kind, done) {
  const button = Object.assign(document.createElement('button'), { type: 'button', className: `button ${kind}`, textContent: label });
  button.addEventListener('click', () => done(button));
  return button;
}

/** Something to type elsewhere: its name, its letters, a button that copies it. */
function field(name, value, id) {
  const made = Object.assign(document.createElement('div'), { className: 'field', id });
  const label = Object.assign(document.createElement('span'), { className: 'field-name', textContent: name });
  const letters = Object.assign(document.createElement('code'), { className: 'field-value', textContent: value, dir: 'ltr' });
  const button = press(text('copy'), 'small', async (pressed) => {
    await copy(pressed, value);
    lookAt('till-column');
  });
  button.setAttribute('aria-label', `${text('copy')}: ${name}`);
  made.append(label, letters, button);
  return made;
}

function link(label, href) {
  if (!href) return Object.assign(document.createElement('span'), { className: 'button still', textContent: label });
  return Object.assign(document.createElement('a'), { className: 'button', textContent: label, href, target: '_blank', rel: 'noopener' });
}

// --- the step ---

/** On a phone the columns stand below each other: leads the eye to the one that matters. */
const lookAt = (column) => { if (!wide.matches) byId(column).scrollIntoView({ behavior: 'smooth', block: 'start' }); };

async function send(name, column) {
  // What came back is to be read: the story waits for "Next".
  chosen = step();
  lookAt(column);
  await api.run(name);
  await look();
}

const codeIsOver = () => state.code && !state.steps[3] && state.code.expires_at && Date.parse(state.code.expires_at) <= Date.parse(state.now);

async function askCode() {
  state.code = await api.ask('/code');
  await look();
}

function actions() {
  const gateway = (path) => frames.address({ port: places.gateway.port, path });
  const next = () => press(text('next'), 'primary', () => go(nextAfter(step())));
  switch (step()) {
    case 1: return [next()];
    case 2: return state.sold ? [next()] : [press(text('go_2'), 'primary', () => send('sale', 'phone-column'))];
    case 3: return [field(text('one_time'), state.scan_code, 'scan-code'), field(text('pin', places), places.pin, 'pin')];
    case 4: {
      const asked = state.code && !codeIsOver();
      return asked ? [field(text('saras_code'), state.code.text, 'saras-code')] : [press(text('get_code'), 'primary', askCode)];
    }
    case 5: return state.steps[4] ? [next()] : [press(text('go_5'), 'primary', () => send('same_code', 'api-column'))];
    case 6: return state.steps[5] ? [next()] : [press(text('go_6'), 'primary', () => send('sale', 'api-column'))];
    default: return [link(text('docs'), gateway('/docs')), link(text('poster'), `${gateway(places.poster)}?channel=poster`),
      link(text('readme')), link(text('doctor')), press(text('again'), 'quiet', again)];
  }
}

function sentence(at) {
  if (at === 2 && state.sold) return text(state.steps[1] ? 'done_2' : 'wait_2');
  if (at === 4 && codeIsOver()) return text('expired');
  if ([5, 6].includes(at) && state.steps[at - 1]) return text(`done_${at}`);
  return text(`text_${at}`, places);
}

function showStep() {
  const at = step();
  const known = JSON.stringify([at, language, state.code, state.scan_code, codeIsOver(), state.sold, state.steps]);
  if (known === said || !places) return;
  said = known;
  byId('now-title').textContent = text(`title_${at}`);
  byId('now-text').textContent = sentence(at);
  byId('actions').replaceChildren(...actions());
  if (at === 5) api.open('same_code');
  if (at === 6 || at === 2) api.open('sale');
}

function showSteps() {
  const at = step();
  byId('steps').replaceChildren(...Array.from({ length: LAST }, (_, place) => place + 1).map((number_) => {
    const done = number_ === LAST ? state.steps.every(Boolean) : Boolean(state.steps[number_ - 1]);
    const button = press('', 'step', () => go(number_));
    button.className = `step${done ? ' done' : ''}`;
    if (number_ === at) button.setAttribute('aria-current', 'step');
    const sign = Object.assign(document.createElement('span'), { className: 'sign', ariaHidden: 'true', textContent: done ? '' : number_ === LAST ? '' : number(number_) });
    const name = Object.assign(document.createElement('span'), { className: 'step-name', textContent: text(`step_${number_}`) });
    const hidden = Object.assign(document.createElement('span'), { className: 'hidden', textContent: ` (${text(done ? 'done' : 'open')})` });
    button.append(sign, name, hidden);
    const item = document.createElement('li');
    item.append(button);
    return item;
  }));
}

function go(to) {
  chosen = to === firstOpen() ? undefined : to;
  tell();
  byId('steps').children[to - 1].firstChild.focus({ preventScroll: true });
}

async function again() {
  await api.ask('/restart');
  chosen = undefined;
  api.forget();
  await look();
}

// --- what the server has seen ---

let told;

function tell() {
  const known = JSON.stringify([state.steps, step(), language]);
  if (known !== told) {
    told = known;
    showSteps();
  }
  showStep();
}

function showPoints(points) {
  const place = byId('points');
  const words = text('points', { n: number(points) });
  if (place.textContent === words) return;
  const moved = place.dataset.points !== undefined && place.dataset.points !== String(points);
  Object.assign(place, { textContent: words });
  place.dataset.points = String(points);
  if (!moved) return;
  place.classList.remove('moved');
  requestAnimationFrame(() => place.classList.add('moved'));
}

async function look() {
  const answer = await fetch('/story', { cache: 'no-store' }).catch(() => null);
  byId('lost').hidden = Boolean(answer?.ok);
  if (!answer?.ok) return;
  const [at, wasDone] = [step(), state.steps[step() - 1]];
  state = await answer.json();
  // What was just done at the till leads on, wherever somebody was reading.
  if ([3, 4].includes(at) && wasDone === false && state.steps[at - 1]) chosen = nextAfter(at);
  frames.cardPageIs(state.card_page);
  showPoints(state.points);
  api.know(state.requests);
  tell();
}

function settle() {
  speak(language);
  byId('language').textContent = text('other');
  byId('language').lang = language === 'ar' ? 'en' : 'ar';
  api.show();
  if (state.points !== undefined) showPoints(state.points);
  tell();
}

async function start() {
  settle();
  byId('language').addEventListener('click', () => {
    speak(language === 'ar' ? 'en' : 'ar');
    settle();
    frames.load();
  });
  byId('run').addEventListener('click', async () => {
    await api.run(api.name());
    await look();
  });
  byId('curl').addEventListener('click', ({ currentTarget }) => copy(currentTarget, api.curl()));
  places = await fetch('/places').then((answer) => answer.json());
  frames.load(places);
  await look();
  setInterval(() => { if (!document.hidden) look(); }, LOOK_MS);
}

start();

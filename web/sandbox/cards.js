// The stack of passes: building, laying out, opening, turning over, and showing what changed.

import { byId, calm, drawn, h, icon, twice } from './dom.js';
import { dayAndTime, fill, text } from './texts.js';

const PEEK = 68; // how much of a covered pass can be seen
const PILE = 10; // the same for the pile at the bottom while one is open

const stack = byId('stack');
const wallet = byId('wallet');
const cards = new Map(); // key -> {element, pass}
let actions;

export function begin(handlers) {
  actions = handlers;
  addEventListener('resize', layOut);
  new ResizeObserver(layOut).observe(wallet);
}

/** Takes over the passes of the phone; what changed is shown changing. */
export function show(passes, language) {
  for (const [key, card] of cards) {
    if (!passes.some((pass) => pass.key === key)) leave(key, card);
  }
  for (const pass of passes) {
    const card = cards.get(pass.key);
    if (!card) enter(pass, language);
    else if (JSON.stringify(card.pass) !== JSON.stringify(pass)) change(card, pass, language);
  }
  byId('empty').hidden = passes.length > 0;
  layOut();
}

export const has = (key) => cards.has(key);
export const pass = (key) => cards.get(key)?.pass;

function enter(pass, language) {
  // What is in the wallet when the page opens lies there already; only what comes later slides in.
  const arrives = document.documentElement.classList.contains('settled');
  const element = h(arrives ? 'article.card.entering' : 'article.card');
  const card = { element, pass };
  cards.set(pass.key, card);
  stack.append(element);
  build(card, language);
  if (arrives) requestAnimationFrame(() => requestAnimationFrame(() => element.classList.remove('entering')));
}

function leave(key, card) {
  cards.delete(key);
  card.element.classList.add('leaving');
  setTimeout(() => card.element.remove(), calm.matches ? 0 : 450);
}

function build(card, language) {
  const { element, pass } = card;
  paint(element, pass);
  element.classList.toggle('void', pass.voided || pass.expired);
  const front = h('div.face.front', {}, h('div.face-body', {}, drawn(pass.front), stamp(pass)));
  const open = h('button.card-open', { type: 'button', 'data-key': pass.key, 'aria-label': `${text('open')} ${pass.description}, ${pass.organisation}`, click: () => actions.open(pass.key) });
  element.replaceChildren(h('div.flipper', {}, front, back(pass, language)), open);
}

/** The colours of a pass: handed to the style sheet, since the page's policy allows no style attributes. */
export function paint(element, pass) {
  element.className = element.className.replace(/\bis-\w+/g, '').trim();
  element.classList.add(`is-${pass.style}`);
  for (const [name, value] of [['background', pass.background], ['foreground', pass.foreground], ['label', pass.label]]) {
    if (value) element.style.setProperty(`--pass-${name}`, value);
    else element.style.removeProperty(`--pass-${name}`);
  }
}

function stamp(pass) {
  if (!pass.voided && !pass.expired) return null;
  return h('div.stamp', {}, h('span', {}, text(pass.voided ? 'void' : 'expired')));
}

function back(pass) {
  const updates = h('input', { type: 'checkbox', role: 'switch', checked: pass.automatic, disabled: !pass.updatable, change: (event) => actions.automatic(pass.key, event.target.checked) });
  const refresh = h('button.row', { type: 'button', click: () => actions.refresh(pass.key) }, h('span', { 'data-text': 'refresh' }), icon('refresh'));
  const remove = h('button.row.danger-row', { type: 'button' }, text('remove'));
  twice(remove, () => text('remove'), () => text('remove_sure'), () => actions.remove(pass.key));
  const scroller = h('div.back-scroll', { tabindex: 0 },
    h('div.pull', { 'aria-hidden': 'true' }, icon('refresh'), h('span', { 'data-text': 'pull' })),
    h('div.back-head', {}, h('img', { src: `/phone/passes/${pass.key}/icon?v=${encodeURIComponent(pass.updated_at)}`, alt: '' }),
      h('div', {}, h('b', {}, pass.organisation), h('small', {}, `${text('updated')} ${dayAndTime(pass.updated_at)}`))),
    h('div.group', {}, h('label.row', {}, h('span', { 'data-text': 'updates' }), updates), pass.updatable ? refresh : null),
    h('div.group.back-fields', {}, drawn(pass.back)),
    h('div.group', {}, remove));
  fill(scroller);
  pullable(scroller, () => actions.refresh(pass.key));
  return h('div.face.back', { inert: true }, scroller);
}

/** Pulling down at the top of a back asks for news. Fingers by touch events, since those can keep the page from scrolling. */
function pullable(scroller, act) {
  const FAR_ENOUGH = 70;
  let start = null;
  let pulled = 0;
  const draw = () => {
    scroller.style.setProperty('--pull', `${pulled}px`);
    scroller.classList.toggle('ready', pulled >= FAR_ENOUGH);
  };
  const begin = (event, y) => { start = scroller.scrollTop <= 0 && !event.target.closest('button, input, a, label') ? y : null; };
  const move = (event, y) => {
    if (start === null) return;
    pulled = Math.max(0, Math.min((y - start) * 0.5, 100));
    if (pulled > 0 && event.cancelable) event.preventDefault();
    draw();
  };
  const end = () => {
    const enough = start !== null && pulled >= FAR_ENOUGH;
    start = null;
    pulled = 0;
    draw();
    if (enough) act();
  };
  const mouse = (handler) => (event) => { if (event.pointerType === 'mouse') handler(event, event.clientY); };
  scroller.addEventListener('pointerdown', mouse(begin));
  scroller.addEventListener('pointermove', mouse(move));
  scroller.addEventListener('pointerup', mouse(end));
  scroller.addEventListener('pointerleave', mouse(() => { pulled = 0; end(); }));
  scroller.addEventListener('touchstart', (event) => begin(event, event.touches[0].clientY), { passive: true });
  scroller.addEventListener('touchmove', (event) => move(event, event.touches[0].clientY), { passive: false });
  scroller.addEventListener('touchend', end);
  scroller.addEventListener('touchcancel', () => { pulled = 0; end(); });
}

function change(card, next, language) {
  const before = card.pass;
  card.pass = next;
  const turned = card.element.classList.contains('turned');
  const scrolled = card.element.querySelector('.back-scroll')?.scrollTop ?? 0;
  const values = new Map([...card.element.querySelectorAll('.front [data-key] dd')].map((value) => [value.parentElement.dataset.key, value.textContent]));
  build(card, language);
  if (turned) turn(card.element, true);
  card.element.querySelector('.back-scroll').scrollTop = scrolled;
  if (before.updated_at === next.updated_at) return;
  pulse(card.element, 'changed');
  for (const value of card.element.querySelectorAll('.front [data-key] dd')) {
    const old = values.get(value.parentElement.dataset.key);
    if (old !== undefined && old !== value.textContent) count(value, old, value.textContent);
  }
}

function pulse(element, name) {
  element.classList.remove(name);
  void element.offsetWidth; // starts the animation anew
  element.classList.add(name);
  element.addEventListener('animationend', () => element.classList.remove(name), { once: true });
}

/** Counts from one number to another; other texts just light up. */
function count(element, from, to) {
  pulse(element, 'fresh');
  const number = (value) => /^-?[\d,]+$/.test(value.trim()) ? Number(value.replaceAll(',', '')) : NaN;
  const [first, last] = [number(from), number(to)];
  if (calm.matches || Number.isNaN(first) || Number.isNaN(last)) return;
  const grouped = to.includes(',') || from.includes(',') || Math.abs(last) < 1000;
  const write = (value) => { element.textContent = grouped ? Math.round(value).toLocaleString('en-US') : String(Math.round(value)); };
  const began = performance.now();
  const LASTS = 900;
  const frame = (now) => {
    const progress = Math.max(0, Math.min((now - began) / LASTS, 1));
    if (progress === 1) { element.textContent = to; return; }
    write(first + (last - first) * (1 - (1 - progress) ** 3));
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

let opened = null;
let turnedOver = false;

/** Opens a pass (or none), on its front or back. */
export function open(key, overturned) {
  opened = cards.has(key) ? key : null;
  turnedOver = opened !== null && overturned;
  layOut();
}

function turn(element, over) {
  element.classList.toggle('turned', over);
  element.querySelector('.front').inert = over;
  element.querySelector('.back').inert = !over;
}

function layOut() {
  const height = wallet.clientHeight;
  const all = [...cards.values()];
  wallet.classList.toggle('reading', opened !== null);
  let pile = 0;
  all.forEach(({ element, pass }, place) => {
    const isOpen = pass.key === opened;
    element.classList.toggle('open', isOpen);
    element.querySelector('.card-open').tabIndex = opened === null ? 0 : -1;
    turn(element, isOpen && turnedOver);
    let y = place * PEEK;
    if (opened !== null) {
      const top = wallet.scrollTop;
      y = isOpen ? top : top + height - (turnedOver ? 0 : 58) + Math.min(pile, 2) * PILE + (turnedOver ? 80 : 0);
      if (!isOpen) pile += 1;
    }
    element.style.setProperty('--y', `${y}px`);
  });
  const last = all.at(-1)?.element.querySelector('.front')?.offsetHeight ?? 0;
  stack.style.setProperty('--stack-height', `${Math.max(0, all.length - 1) * PEEK + last}px`);
  stack.style.setProperty('--reading-height', `${height}px`);
}

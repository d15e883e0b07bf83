// The phone and the till in their frames: under the host by which the guide was opened, so that their cookies work.

import { language, text } from './texts.js';

const byId = (id) => document.getElementById(id);
export const address = ({ port, path }) => `http://${location.hostname}:${port}${path}`;

let places;
let cardPage;
let face = 'iphone';
const shown = new Map();

function frame(title, place, allow) {
  const made = document.createElement('iframe');
  made.title = title;
  if (allow) made.allow = allow;
  made.src = `${address(place)}?lang=${language}`;
  return made;
}

const phonePlace = (name) => (name === 'card' ? cardPage && { port: places.gateway.port, path: cardPage } : places[name]);

/** Shows one face of the phone; each is loaded once and goes on living behind the others. */
export function turn(name) {
  face = name;
  const place = phonePlace(name);
  if (place && !shown.has(name)) {
    const made = frame(text(name), place);
    made.id = `frame-${name}`;
    shown.set(name, made);
    byId('phones').append(made);
  }
  for (const [key, made] of shown) made.hidden = key !== name;
  for (const button of byId('phone-tabs').children) button.setAttribute('aria-pressed', String(button.dataset.face === name));
}

function loadTill() {
  const place = { port: places.gateway.port, path: '/scan' };
  const made = frame(text('till'), place, 'camera; autoplay');
  made.id = 'frame-till';
  byId('till').replaceChildren(made);
  byId('till-alone').href = address(place);
}

/** Loads all frames, in the language of the page. */
export function load(known) {
  places = known ?? places;
  shown.clear();
  byId('phones').replaceChildren();
  byId('phone-tabs').replaceChildren(...['iphone', 'android', 'card'].map((name) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset.face = name;
    button.textContent = text(name);
    button.addEventListener('click', () => turn(name));
    return button;
  }));
  turn(face);
  loadTill();
}

/** The card's page has an address that can change. */
export function cardPageIs(path) {
  if (path === cardPage) return;
  cardPage = path;
  shown.get('card')?.remove();
  shown.delete('card');
  if (face === 'card') turn('card');
}

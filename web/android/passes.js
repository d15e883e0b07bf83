// Draws passes: as a tile in the list, and whole with its code.

import { drawn, h, icon } from './dom.js';
import { text } from './texts.js';

const WHY = { EXPIRED: 'over', COMPLETED: 'used', INACTIVE: 'inactive' };

/** An element in the pass's own colours. */
function coloured(element, card) {
  element.style.setProperty('--card', card.colour);
  element.classList.toggle('dark-ink', card.dark_ink);
  return element;
}

function logo(card) {
  const letter = (card.title ?? card.issuer ?? '?').trim().charAt(0);
  if (!card.logo) return h('span.logo.letter', { 'aria-hidden': 'true' }, letter);
  const image = h('img', { src: card.logo, alt: '' });
  const place = h('span.logo', {}, image);
  image.addEventListener('error', () => { place.replaceChildren(letter); place.classList.add('letter'); });
  return place;
}

function hero(card) {
  if (!card.hero) return null;
  const image = h('img.hero', { src: card.hero, alt: '' });
  image.addEventListener('error', () => image.remove());
  return image;
}

/** A pass in the list. */
export function tile(card, open) {
  const first = card.rows[0]?.[0];
  const state = card.expired ? text(WHY[card.state] ?? 'over') : null;
  const figure = first && card.kind !== 'offer' ? h('span.figure', {}, h('b', { dir: 'auto' }, first.value), h('small', { dir: 'auto' }, first.label)) : null;
  const words = h('span.words', {}, h('small', { dir: 'auto' }, card.issuer ?? ''), h('b', { dir: 'auto' }, card.title ?? ''));
  const button = h(`button.tile.${card.kind}`, { type: 'button', 'data-id': card.id, click: () => open(card.id) },
    logo(card), words, state ? h('span.state', {}, state) : figure);
  return coloured(button, card);
}

/** A pass with everything on its front. */
export function front(card) {
  const rows = card.rows.map((row) => h(`dl.row.of-${row.length}`, {}, ...row.map((field) => h('div', {}, h('dt', { dir: 'auto' }, field.label), h('dd', { dir: 'auto' }, field.value)))));
  const code = card.expired ? h('p.state', {}, text(WHY[card.state] ?? 'over')) : codeOf(card);
  const article = h(`article.pass.${card.kind}`, { 'data-id': card.id },
    h('header', {}, logo(card), h('span', { dir: 'auto' }, card.issuer ?? '')),
    h('h2', { dir: 'auto' }, card.title ?? ''), ...rows, code, hero(card));
  article.classList.toggle('expired', card.expired);
  return coloured(article, card);
}

function codeOf(card) {
  const { code } = card;
  if (!code) return null;
  const picture = h('span.code-picture');
  picture.append(code.svg ? drawn(code.svg) : h('span.no-code', {}, text('no_code')));
  const box = h('div.code', {}, picture, code.caption ? h('p.caption', { dir: 'ltr' }, code.caption) : null);
  if (!code.until) return h('div.code-place', {}, box);
  box.append(h('span.left', { 'aria-hidden': 'true' }, h('i')));
  return h('div.code-place.turning', {}, box, h('p.turns', {}, icon('turn'), text('turns', Math.round(code.period_ms / 1000))));
}

/** Puts the code of this moment in the place of the last one, and answers when it runs out. */
export function turn(place, code, now) {
  const picture = place?.querySelector('.code-picture');
  if (!picture) return;
  if (code.svg) picture.replaceChildren(drawn(code.svg));
  const bar = place.querySelector('.left i');
  if (!bar || !code.until) return;
  bar.getAnimations().forEach((animation) => animation.cancel());
  const gone = code.period_ms - (code.until - now);
  bar.animate([{ transform: 'scaleX(1)' }, { transform: 'scaleX(0)' }], { duration: code.period_ms, fill: 'both' }).currentTime = gone;
}

/** What the sheet says of a pass. */
export function about(card, remove) {
  const part = (title, ...children) => children.length ? h('section', {}, h('h3', {}, text(title)), ...children) : null;
  const field = (one) => h('div.field', {}, one.label ? h('dt', { dir: 'auto' }, one.label) : null, h('dd', { dir: 'auto' }, one.value));
  const link = (one) => h('a.link', { href: one.uri, target: '_blank', rel: 'noreferrer' }, icon('link'), h('span', { dir: 'auto' }, one.text));
  const parts = [
    part('messages', ...card.messages.toReversed().map((one) => h('div.message', {}, icon('note'), h('span', {}, h('b', { dir: 'auto' }, one.label), h('span', { dir: 'auto' }, one.value))))),
    part('about', ...(card.details.length ? [h('dl', {}, ...card.details.map(field))] : [])),
    part('links', ...card.links.map(link)),
  ].filter(Boolean);
  const button = h('button.remove', { type: 'button' }, icon('bin'), h('span', {}, text('remove')));
  return [h('h2', { dir: 'auto' }, card.title ?? ''), ...parts, remove(button)];
}

// The API's column: the request as it would be sent, and what came back. The guide's server sends it; no key comes here.

import { number, text, time } from './texts.js';

const byId = (id) => document.getElementById(id);

let requests = [];
let current = 'sale';
const LINE = 56;
const answers = new Map();
let firstSale;
let busy = false;
const h = (tag, className, content) => Object.assign(document.createElement(tag), { className, textContent: content });

/** JSON as people write it: what fits a line stands on one. */
function written(value, indent = '') {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const list = Array.isArray(value);
  const deeper = `${indent}  `;
  const parts = Object.entries(value).map(([key, inner]) => (list ? '' : `${JSON.stringify(key)}: `) + written(inner, deeper));
  const [opening, closing] = list ? '[]' : '{}';
  const line = list ? `[${parts.join(', ')}]` : `{ ${parts.join(', ')} }`;
  if (indent && line.length <= LINE && !line.includes('\n')) return line;
  return `${opening}\n${deeper}${parts.join(`,\n${deeper}`)}\n${indent}${closing}`;
}

/** JSON with its parts marked, without a text ever being read as markup. */
function marked(value) {
  const parts = document.createDocumentFragment();
  const pattern = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?|true|false|null)/g;
  const source = written(value);
  let end = 0;
  for (const found of source.matchAll(pattern)) {
    parts.append(source.slice(end, found.index));
    const [whole, string, colon, plain] = found;
    parts.append(h('span', string ? (colon ? 'key' : 'string') : 'plain', string ?? plain));
    if (colon) parts.append(colon);
    end = found.index + whole.length;
  }
  parts.append(source.slice(end));
  return parts;
}

function showRequest() {
  const known = requests.find(({ name }) => name === current);
  byId('run').textContent = text('run');
  byId('run').disabled = !known || busy;
  byId('curl').disabled = !known;
  byId('method').textContent = known?.request.method ?? 'POST';
  byId('path').textContent = known?.request.path ?? '/v1/redemptions';
  byId('key-hint').textContent = known ? text('key_hint', { key: known.authorization.replace('Bearer ', '') }) : '';
  const sent = byId('sent');
  if (!known) return sent.replaceChildren(h('span', 'early', text('too_early')));
  const { idempotency_key: key, body } = known.request;
  const headers = [['Authorization', known.authorization], ...(key ? [['Idempotency-Key', key]] : [])];
  sent.replaceChildren(...headers.flatMap(([name, value]) => [h('span', 'key', `${name}: `), `${value}\n`]));
  if (body) sent.append('\n', marked(body));
  return undefined;
}

/** What the answer means, in a sentence. */
function meaning({ status, replayed, text: body }, answer) {
  if (replayed) return ['good', text(body === firstSale ? 'same_bytes' : 'replayed')];
  if (status === 409 && answer.redeemed_at) {
    const place = answer.place ?? {};
    const who = [place.cashier, place.terminal_name, place.store_name].filter(Boolean).join(' · ');
    return ['bad', text('refused_by', { when: time(answer.redeemed_at), who })];
  }
  if (status === 201 && answer.card) return ['good', text('earned', { n: number(answer.points), all: number(answer.card.points) })];
  if (status === 200 && answer.points !== undefined) return ['good', text('balance', { all: number(answer.points) })];
  return status < 400 ? ['good', ''] : ['bad', answer.title ?? ''];
}

function showAnswer() {
  const got = answers.get(current);
  const [status, verdict] = [byId('status'), byId('verdict')];
  verdict.hidden = true;
  if (!got) {
    byId('got').replaceChildren();
    return status.replaceChildren(h('span', 'hint', text(busy ? 'sending' : 'nothing_yet')));
  }
  if (!got.status) return status.replaceChildren(h('span', 'badge bad', text('not_sent')));
  const answer = JSON.parse(got.text);
  const badge = h('span', `badge ${got.status < 400 ? 'good' : 'bad'}`, String(got.status));
  const took = h('span', 'took', text('tenths', { n: number(got.tenths_of_ms / 10) }));
  const replay = got.replayed ? [h('code', 'replay', 'Idempotent-Replayed: true')] : [];
  for (const part of replay) part.dir = 'ltr';
  status.replaceChildren(badge, took, ...replay);
  const [colour, sentence] = meaning(got, answer);
  Object.assign(verdict, { hidden: !sentence, textContent: sentence });
  verdict.dataset.colour = colour;
  byId('got').replaceChildren(marked(answer));
  return undefined;
}

function showTabs() {
  byId('api-tabs').replaceChildren(...['sale', 'same_code', 'card'].map((name) => {
    const button = Object.assign(h('button', '', text(`name_${name}`)), { type: 'button' });
    button.dataset.request = name;
    button.setAttribute('aria-pressed', String(name === current));
    button.addEventListener('click', () => open(name));
    return button;
  }));
}

function show() {
  showTabs();
  showRequest();
  showAnswer();
}

/** Opens one of the requests. */
export function open(name) {
  if (current !== name) {
    current = name;
    show();
  }
}

/** Asks the guide's server for something; nothing when it refuses or is gone. */
export async function ask(path, body) {
  const headers = body ? { 'content-type': 'application/json' } : {};
  const answer = await fetch(path, { method: 'POST', headers, body: body && JSON.stringify(body) }).catch(() => null);
  if (!answer) return null;
  return answer.status === 204 ? {} : { ...(await answer.json().catch(() => ({}))), ...(answer.ok ? {} : { status: 0 }) };
}

/** Sends a request of the story, and shows what came back. */
export async function run(name) {
  if (busy) return;
  busy = true;
  current = name;
  answers.delete(name);
  show();
  const got = await ask('/run', { name });
  busy = false;
  if (name === 'sale' && got?.status === 201 && !got.replayed) firstSale = got.text;
  answers.set(name, got ?? { status: 0 });
  show();
}

/** The requests as they would be sent now. */
export function know(next) {
  if (JSON.stringify(next) === JSON.stringify(requests)) return;
  requests = next;
  showRequest();
}

/** Forgets what came back. */
export function forget() {
  answers.clear();
  firstSale = undefined;
  current = 'sale';
  show();
}

export { show };
export const curl = () => requests.find(({ name }) => name === current)?.curl ?? '';
export const name = () => current;

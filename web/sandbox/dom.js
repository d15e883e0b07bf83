// Small tools for building elements.

/** An element: h('p.hint', {attributes}, ...children). Attributes that are functions are listeners. */
export function h(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split('.');
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(' ');
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** A fragment that the server drew. It holds no scripts, and the page's policy would not run them. */
export function drawn(html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content;
}

export const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** A button that wants to be pressed twice. */
export function twice(button, ordinary, sure, act) {
  let armed = 0;
  const disarm = () => { armed = 0; button.textContent = ordinary(); button.classList.remove('armed'); };
  button.addEventListener('click', () => {
    if (!armed) {
      button.textContent = sure();
      button.classList.add('armed');
      armed = setTimeout(disarm, 4000);
      return;
    }
    clearTimeout(armed);
    disarm();
    act();
  });
}

// Small helpers. Texts from outside only ever become text nodes.

export const $ = id => document.getElementById(id);

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key === 'class') node.className = value;
    else if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.filter(c => c !== null && c !== undefined));
  return node;
}

// Asked of the browser, so that a report has no address in it.
let svg;

export function s(tag, props = {}, ...children) {
  svg ??= new DOMParser().parseFromString('<svg></svg>', 'text/html').querySelector('svg').namespaceURI;
  const node = document.createElementNS(svg, tag);
  for (const [key, value] of Object.entries(props)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export function text(id, value) {
  const node = $(id);
  if (node.textContent !== value) node.textContent = value;
}

/** Numbers come as texts when they are none ("NaN"). */
export const number = value => (value === null || value === undefined ? NaN : Number(value));

export function short(value, digits = 3) {
  const v = number(value);
  if (!Number.isFinite(v)) return value === null || value === undefined ? '–' : String(value);
  const a = Math.abs(v);
  if (a !== 0 && (a < 0.001 || a >= 1e5)) return v.toExponential(1);
  return a >= 1000 ? v.toFixed(0) : a >= 100 ? v.toFixed(1) : v.toFixed(digits);
}

export function duration(seconds) {
  const t = Math.round(number(seconds));
  if (!Number.isFinite(t)) return '–';
  if (t < 10) return `${number(seconds).toFixed(1)} s`;
  if (t < 90) return `${t} s`;
  if (t < 5400) return `${Math.round(t / 60)} min`;
  if (t < 172800) return `${Math.floor(t / 3600)} h ${Math.round((t % 3600) / 60)} min`;
  return `${Math.round(t / 86400)} days`;
}

export function bytes(n) {
  if (!(n > 0)) return '–';
  if (n >= 1e9) return `${(n / 1e9).toFixed(1)} GB`;
  return n >= 1e6 ? `${Math.round(n / 1e6)} MB` : n >= 1e3 ? `${Math.round(n / 1e3)} kB` : `${n} B`;
}

import { h, s, short } from './dom.js';

const HEIGHT = 220;
const EDGE = { left: 48, right: 14, top: 10, bottom: 26 };

/** Round values that cover low..high, about `count` of them. */
function ticks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(m => m * power).find(m => m >= raw);
  const values = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) values.push(i * step);
  return values;
}

function range(values, pad) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (!values.length) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - (Math.abs(low) || 1) * 0.1, high + (Math.abs(high) || 1) * 0.1];
  return [low - (high - low) * pad, high + (high - low) * pad];
}

/** A chart in a figure: drawn anew when its data or its width changes. */
export class Chart {
  constructor(figure, draw) {
    this.draw = draw;
    this.box = h('div', { class: 'plot' });
    this.tip = h('div', { class: 'tip', hidden: '' });
    this.box.append(this.tip);
    figure.append(this.box);
    new ResizeObserver(() => this.render()).observe(this.box);
  }

  set(data) {
    this.data = data;
    this.render();
  }

  render() {
    const width = this.box.clientWidth;
    this.svg?.remove();
    if (!width || !this.data) return;
    this.svg = s('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: 'img' });
    this.box.prepend(this.svg);
    this.draw(this, width);
  }

  empty(width) {
    this.svg.append(s('text', { x: width / 2, y: HEIGHT / 2, class: 'hint', 'text-anchor': 'middle' }, 'nothing to show yet'));
  }

  axes(width, x, y, xTicks, yTicks, label) {
    for (const v of yTicks) {
      this.svg.append(s('line', { x1: EDGE.left, x2: width - EDGE.right, y1: y(v), y2: y(v), class: 'grid' }),
        s('text', { x: EDGE.left - 8, y: y(v) + 4, 'text-anchor': 'end' }, label(v)));
    }
    for (const v of xTicks) this.svg.append(s('text', { x: x(v), y: HEIGHT - 8, 'text-anchor': 'middle' }, String(v)));
  }

  /** Follows pointer or finger: `at` gives the lines of the tip and the x it belongs to. */
  follow(width, at) {
    const cross = s('line', { y1: EDGE.top, y2: HEIGHT - EDGE.bottom, class: 'cross', visibility: 'hidden' });
    this.svg.append(cross);
    this.svg.addEventListener('pointermove', e => {
      const hit = at(e.offsetX);
      if (!hit) return;
      cross.setAttribute('x1', hit.x);
      cross.setAttribute('x2', hit.x);
      cross.setAttribute('visibility', 'visible');
      this.tip.hidden = false;
      this.tip.replaceChildren(...hit.lines.map(([name, value, style]) =>
        h('div', { class: style ?? '' }, h('span', {}, name), h('b', {}, value))));
      this.tip.style.left = `${Math.min(Math.max(hit.x + 12, 0), width - this.tip.offsetWidth - 4)}px`;
    });
    this.svg.addEventListener('pointerleave', () => { this.tip.hidden = true; cross.setAttribute('visibility', 'hidden'); });
  }
}

/** Lines over steps. data: [{name, style, points: [{x, y, spread?}], dots?}] */
export function lines(chart, width) {
  const series = chart.data.map(d => ({ ...d, points: d.points.filter(p => Number.isFinite(p.y)) })).filter(d => d.points.length);
  if (!series.length) return chart.empty(width);
  const all = series.flatMap(d => d.points);
  const [x0, x1] = range(all.map(p => p.x), 0);
  const [y0, y1] = range(all.flatMap(p => [p.y - (p.spread || 0), p.y + (p.spread || 0)]), 0.06);
  const x = v => EDGE.left + (v - x0) / (x1 - x0) * (width - EDGE.left - EDGE.right);
  const y = v => HEIGHT - EDGE.bottom - (v - y0) / (y1 - y0) * (HEIGHT - EDGE.top - EDGE.bottom);
  chart.axes(width, x, y, ticks(x0, x1, Math.min(8, width / 70)).filter(Number.isInteger), ticks(y0, y1, 4),
    v => short(v, y1 - y0 < 0.5 ? 3 : y1 - y0 < 5 ? 2 : 1));
  for (const d of series) {
    if (d.points.some(p => p.spread)) {
      const up = d.points.map(p => `${x(p.x)},${y(p.y + (p.spread || 0))}`);
      const down = d.points.toReversed().map(p => `${x(p.x)},${y(p.y - (p.spread || 0))}`);
      chart.svg.append(s('polygon', { points: [...up, ...down].join(' '), class: `band ${d.style}` }));
    }
  }
  for (const d of series) {
    chart.svg.append(s('polyline', { points: d.points.map(p => `${x(p.x)},${y(p.y)}`).join(' '), class: `line ${d.style}` }));
    if (d.dots || d.points.length === 1) {
      d.points.forEach(p => chart.svg.append(s('circle', { cx: x(p.x), cy: y(p.y), r: 3.5, class: `dot ${d.style}` })));
    }
  }
  const steps = [...new Set(all.map(p => p.x))].sort((a, b) => a - b);
  chart.follow(width, offset => {
    const step = steps.reduce((best, v) => (Math.abs(x(v) - offset) < Math.abs(x(best) - offset) ? v : best));
    const found = series.map(d => [d, d.points.find(p => p.x === step)]).filter(([, p]) => p);
    const value = p => (p.spread ? `${short(p.y)} ± ${short(p.spread)}` : short(p.y));
    return { x: x(step), lines: [['step', String(step)], ...found.map(([d, p]) => [d.name, value(p), d.style])] };
  });
}

/** Bars over 1..n. data: counts, index 0 is K = 1. */
export function bars(chart, width) {
  const counts = chart.data;
  if (!counts.some(c => c > 0)) return chart.empty(width);
  const high = Math.max(...counts);
  const slot = (width - EDGE.left - EDGE.right) / counts.length;
  const x = k => EDGE.left + (k - 0.5) * slot;
  const y = v => HEIGHT - EDGE.bottom - v / high * (HEIGHT - EDGE.top - EDGE.bottom);
  const every = Math.ceil(counts.length / Math.min(counts.length, width / 36));
  chart.axes(width, x, y, counts.map((_, i) => i + 1).filter(k => k === 1 || k % every === 0),
    ticks(0, high, 4).filter(Number.isInteger), String);
  counts.forEach((c, i) => c && chart.svg.append(s('rect', {
    x: x(i + 1) - slot * 0.4, width: slot * 0.8, y: y(c), height: y(0) - y(c), rx: Math.min(3, slot * 0.2), class: 'bar',
  })));
  chart.follow(width, offset => {
    const k = Math.floor((offset - EDGE.left) / slot) + 1;
    return k >= 1 && k <= counts.length ? { x: x(k), lines: [['K', String(k)], ['shards', String(counts[k - 1])]] } : null;
  });
}

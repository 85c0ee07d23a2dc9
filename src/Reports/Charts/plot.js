import { h, s, short, bytes, duration } from './dom.js';
import { extent, widened, widenedLog, ticks, logTicks, tickText, smoothed, thinned, segments, nearest } from './figures.js';

const HEIGHT = 220;
const EDGE = { right: 14, top: 10, bottom: 26 };
const INNER = HEIGHT - EDGE.top - EDGE.bottom;

/** Units of elapsed seconds, the largest that gives a range of two or more. */
const TIMES = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];

/** A chart in a figure: drawn anew when its data, its view or its width changes. */
class Plot {
  constructor(figure) {
    this.box = h('div', { class: 'plot' });
    this.tip = h('div', { class: 'tip', hidden: '' });
    this.box.append(this.tip);
    figure.append(this.box);
    new ResizeObserver(() => {
      if (this.box.clientWidth !== this.width) this.render();
    }).observe(this.box);
  }

  render() {
    const width = this.width = this.box.clientWidth;
    this.svg?.remove();
    this.tip.hidden = true;
    if (!width || !this.data) return;
    this.left = 48;
    this.svg = s('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: 'img' });
    this.box.prepend(this.svg);
    this.draw(width);
  }

  empty(width, words = 'nothing to show yet') {
    this.svg.append(s('text', { x: width / 2, y: HEIGHT / 2, class: 'hint', 'text-anchor': 'middle' }, words));
  }

  /** Room for the labels of the vertical axis, before anything is placed. */
  makeRoom(yTicks) {
    this.left = Math.max(this.left, 16 + 6.8 * yTicks.reduce((most, [, label]) => Math.max(most, label.length), 0));
    return yTicks;
  }

  axes(width, x, y, xTicks, yTicks) {
    for (const [v, label] of yTicks) {
      this.svg.append(s('line', { x1: this.left, x2: width - EDGE.right, y1: y(v), y2: y(v), class: 'grid' }),
        s('text', { x: this.left - 8, y: y(v) + 4, 'text-anchor': 'end' }, label));
    }
    for (const [v, label] of xTicks) {
      // The last one would be cut off where it stands at the edge.
      const edge = x(v) + 3.6 * label.length > width;
      this.svg.append(s('text', { x: edge ? width : x(v), y: HEIGHT - 8, 'text-anchor': edge ? 'end' : 'middle' }, label));
    }
  }

  /** Follows pointer or finger: `at` gives the lines of the tip and the x it belongs to. */
  follow(width, at) {
    const cross = s('line', { y1: EDGE.top, y2: HEIGHT - EDGE.bottom, class: 'cross', visibility: 'hidden' });
    this.svg.append(cross);
    const show = e => {
      const hit = at(e.offsetX);
      if (!hit) return;
      cross.setAttribute('x1', hit.x);
      cross.setAttribute('x2', hit.x);
      cross.setAttribute('visibility', 'visible');
      this.tip.hidden = false;
      this.tip.replaceChildren(...hit.lines.map(([name, value, style]) =>
        h('div', { class: style ?? '' }, h('span', {}, name), h('b', {}, value))));
      const room = width - this.tip.offsetWidth;
      const right = hit.x + 12;
      this.tip.style.left = `${Math.max(0, right <= room ? right : Math.min(room, hit.x - 12 - this.tip.offsetWidth))}px`;
    };
    this.svg.addEventListener('pointermove', show);
    this.svg.addEventListener('pointerdown', show);
    this.svg.addEventListener('pointerleave', () => { this.tip.hidden = true; cross.setAttribute('visibility', 'hidden'); });
  }
}

/** Lines over steps or time. `view` is the board's: {smoothing, axis, zoom, many}; `zoomed` is told a range that was drawn. */
export class Lines extends Plot {
  constructor(figure, view, zoomed) {
    super(figure);
    Object.assign(this, { view, zoomed, log: false });
  }

  set(series, unit) {
    this.data = series;
    this.unit = unit;
    this.render();
  }

  /** The series as the view wants them: x by its axis, what is outside the zoom left out, smoothed where there are steps. */
  seen() {
    const { axis, zoom, smoothing } = this.view;
    return this.data.map(serie => {
      const values = serie.points.map(p => p.y);
      const smooth = serie.role === 'training' ? smoothed(values, smoothing) : values;
      const points = serie.points.map((p, i) => ({ x: p[axis], y: smooth[i], raw: p.y, spread: p.spread, step: p.step }))
        .filter(p => Number.isFinite(p.x) && (!zoom || (p.x >= zoom[0] && p.x <= zoom[1])))
        // A logarithm has no place for what is not above 0.
        .map(p => (this.log && !(p.y > 0) ? { ...p, y: NaN } : p));
      return { ...serie, points, smooth: smooth !== values };
    }).filter(serie => serie.points.some(p => Number.isFinite(p.y)));
  }

  draw(width) {
    const series = this.seen();
    if (!series.length) {
      return this.empty(width, this.log && this.data.length ? 'nothing above 0 to show' : this.view.zoom ? 'nothing in this range'
        : undefined);
    }
    const { axis, zoom } = this.view;
    const banded = serie => !serie.smooth && (serie.role !== 'training' || !this.view.many);
    const xs = zoom ?? extent(series.flatMap(d => d.points.map(p => p.x)));
    const [x0, x1] = widened(xs, 0, axis === 'step' ? 0.5 : 1);
    const heights = extent(series.flatMap(d => d.points.flatMap(p => {
      const spread = banded(d) && Number.isFinite(p.spread) ? p.spread : 0;
      // A spread below 0 does not pull a logarithmic axis down to nothing.
      return this.log ? [p.y, p.y + spread, p.y - spread > 0 ? p.y - spread : NaN] : [p.y - spread, p.y + spread];
    })));
    const [y0, y1] = this.log ? widenedLog(heights, 0.06) : widened(heights, 0.06);
    const yTicks = this.makeRoom(this.yTicks(y0, y1));
    const x = v => this.left + (v - x0) / (x1 - x0) * (width - this.left - EDGE.right);
    const level = this.log ? v => Math.log10(Math.max(v, y0)) : v => v;
    const y = v => HEIGHT - EDGE.bottom - (level(v) - level(y0)) / (level(y1) - level(y0)) * INNER;
    this.axes(width, x, y, this.xTicks(x0, x1, width), yTicks);
    const columns = Math.max(50, Math.floor(width - this.left - EDGE.right));
    const drawn = series.map(d => ({ ...d, points: thinned(d.points, columns), style: styleOf(d, this.view.many) }));
    for (const d of drawn.filter(banded)) this.band(d, x, y, y0);
    for (const d of drawn) {
      if (d.smooth) {
        const raw = d.points.map(p => ({ ...p, y: p.raw > 0 || !this.log ? p.raw : NaN }));
        this.line(raw, x, y, `line raw ${d.style}`, y0, y1);
      }
      this.line(d.points, x, y, `line ${d.style}`, y0, y1);
      const alone = d.points.filter(p => Number.isFinite(p.y));
      if (d.role !== 'training' || alone.length === 1) {
        for (const p of alone) this.svg.append(s('circle', { cx: x(p.x), cy: y(p.y), r: 3.5, class: `dot ${d.style}` }));
      }
    }
    this.pointers(series, width, x, [x0, x1]);
  }

  line(points, x, y, style, y0, y1) {
    // Smoothing makes the axis narrower than what was measured: that is cut off at the frame.
    const inside = v => Math.max(y0, Math.min(y1, v));
    const path = segments(points).map(part => part.map((p, i) =>
      `${i ? 'L' : 'M'}${x(p.x).toFixed(1)},${y(inside(p.y)).toFixed(1)}`).join('')).join('');
    if (path) this.svg.append(s('path', { d: path, class: style }));
  }

  band(d, x, y, y0) {
    for (const part of segments(d.points)) {
      if (!part.some(p => p.spread > 0)) continue;
      const edge = sign => p => {
        const v = p.y + sign * (Number.isFinite(p.spread) ? p.spread : 0);
        return `${x(p.x).toFixed(1)},${y(this.log ? Math.max(v, y0) : v).toFixed(1)}`;
      };
      // Of a single evaluation a bar.
      if (part.length === 1) {
        this.svg.append(s('line', { x1: x(part[0].x), x2: x(part[0].x), y1: y(part[0].y - part[0].spread),
          y2: y(part[0].y + part[0].spread), class: `whisker ${d.style}` }));
        continue;
      }
      this.svg.append(s('polygon', { points: [...part.map(edge(1)), ...part.toReversed().map(edge(-1))].join(' '),
        class: `band ${d.style}` }));
    }
  }

  xTicks(x0, x1, width) {
    const about = Math.max(2, Math.min(8, Math.floor(width / 80)));
    if (this.view.axis === 'step') {
      return ticks(x0, x1, about).filter(v => Number.isInteger(v) && v >= 0).map(v => [v, String(v)]);
    }
    const [unit, name] = TIMES.find(([u]) => (x1 - x0) / u >= 2) ?? TIMES.at(-1);
    const values = ticks(x0 / unit, x1 / unit, about).filter(v => v >= 0);
    return values.map(v => [v * unit, `${tickText(v, values[1] - values[0] || 1)} ${name}`]);
  }

  yTicks(y0, y1) {
    const values = this.log ? logTicks(y0, y1, 5) : [];
    if (this.unit === 'bytes') {
      const [unit, name] = y1 >= 2e9 ? [1e9, 'GB'] : [1e6, 'MB'];
      return labels(this.log ? values.map(v => v / unit) : ticks(y0 / unit, y1 / unit, 4), this.log)
        .map(([v, label]) => [v * unit, `${label} ${name}`]);
    }
    return labels(this.log ? values : ticks(y0, y1, 4), this.log);
  }

  text(value) {
    return this.unit === 'bytes' ? bytes(value) : short(value);
  }

  pointers(series, width, x, [x0, x1]) {
    const back = offset => x0 + (Math.max(this.left, Math.min(width - EDGE.right, offset)) - this.left)
      / (width - this.left - EDGE.right) * (x1 - x0);
    const { many } = this.view;
    const known = series
      .map(d => ({ ...d, points: d.points.filter(p => Number.isFinite(p.y)), style: styleOf(d, this.view.many) }));
    this.follow(width, offset => {
      const at = back(offset);
      const hits = known.map(d => [d, nearest(d.points, at)]);
      const [, first] = hits.reduce((best, hit) => (Math.abs(hit[1].x - at) < Math.abs(best[1].x - at) ? hit : best));
      const head = this.view.axis === 'step' ? ['step', String(first.x)] : [duration(first.x), `step ${first.step}`];
      const shown = many ? hits : hits.filter(([, p]) => p.x === first.x);
      return {
        x: x(first.x),
        lines: [head, ...shown.map(([d, p]) => [many ? `${d.name}, ${d.role}` : d.role,
          `${this.text(p.raw)}${p.spread > 0 ? ` ± ${this.text(p.spread)}` : ''}`, d.style])],
      };
    });
    this.zooming(width, back);
  }

  /** Drawn across with mouse or finger: that range. Twice clicked: everything. */
  zooming(width, back) {
    const mark = s('rect', { y: EDGE.top, height: INNER, class: 'zoom', visibility: 'hidden' });
    this.svg.append(mark);
    let from = null;
    this.svg.addEventListener('pointerdown', e => {
      from = e.offsetX;
      this.svg.setPointerCapture(e.pointerId);
    });
    this.svg.addEventListener('pointermove', e => {
      if (from === null || Math.abs(e.offsetX - from) < 8) return;
      const [a, b] = [Math.max(this.left, Math.min(from, e.offsetX)), Math.min(width - EDGE.right, Math.max(from, e.offsetX))];
      mark.setAttribute('x', a);
      mark.setAttribute('width', Math.max(0, b - a));
      mark.setAttribute('visibility', 'visible');
    });
    const end = e => {
      const began = from;
      from = null;
      mark.setAttribute('visibility', 'hidden');
      if (e.type !== 'pointerup' || began === null || Math.abs(e.offsetX - began) < 8) return;
      this.zoomed([back(Math.min(began, e.offsetX)), back(Math.max(began, e.offsetX))]);
    };
    this.svg.addEventListener('pointerup', end);
    this.svg.addEventListener('pointercancel', end);
    this.svg.addEventListener('dblclick', () => this.zoomed(null));
  }
}

/** Each tick with its text; on a logarithmic axis each has its own digits. */
function labels(values, log) {
  const step = values.length > 1 ? Number((values[1] - values[0]).toPrecision(6)) : values[0];
  const largest = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return values.map(v => [v, log ? tickText(v, v) : tickText(v, step, largest)]);
}

/** One run: training and held out have their colours. Several: each run has one, and held-out prompts have dots. */
function styleOf(serie, many) {
  return many ? `s${serie.run} ${serie.role === 'training' ? 'thin' : ''}` : serie.role === 'training' ? 's0' : 's1';
}

/** Bars over 1..n. Counts, index 0 is K = 1. */
export class Bars extends Plot {
  set(counts) {
    this.data = counts;
    this.render();
  }

  draw(width) {
    const counts = this.data;
    const [, high] = extent(counts) ?? [0, 0];
    if (!(high > 0)) return this.empty(width);
    const yTicks = this.makeRoom(ticks(0, high, 4).filter(Number.isInteger).map(v => [v, String(v)]));
    const slot = (width - this.left - EDGE.right) / counts.length;
    const x = k => this.left + (k - 0.5) * slot;
    const y = v => HEIGHT - EDGE.bottom - v / high * INNER;
    const every = Math.ceil(counts.length / Math.min(counts.length, width / 36));
    this.axes(width, x, y, counts.map((_, i) => i + 1).filter(k => k === 1 || k % every === 0).map(k => [k, String(k)]),
      yTicks);
    counts.forEach((c, i) => c && this.svg.append(s('rect', {
      x: x(i + 1) - slot * 0.4, width: slot * 0.8, y: y(c), height: y(0) - y(c), rx: Math.min(3, slot * 0.2), class: 'bar',
    })));
    this.follow(width, offset => {
      const k = Math.floor((offset - this.left) / slot) + 1;
      return k >= 1 && k <= counts.length ? { x: x(k), lines: [['K', String(k)], ['shards', String(counts[k - 1])]] } : null;
    });
  }
}

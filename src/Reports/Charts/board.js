import { h } from './dom.js';
import { curves, truncations } from './curves.js';
import { Lines, Bars } from './plot.js';

/**
 * All curves of a run, or of several over each other, with the controls they share: smoothing, steps or time, the zoom. Used by
 * the page of a run, by its report and by a comparison.
 */
export class Board {
  constructor(place) {
    this.view = { smoothing: 0, axis: 'step', zoom: null, many: false };
    this.plots = new Map();
    this.legend = h('span', { class: 'legend runs', hidden: '' });
    this.grid = h('div', { class: 'charts' });
    place.append(this.controls(), this.grid);
  }

  controls() {
    const told = h('output', {}, '0');
    const smoothing = h('input', { type: 'range', min: 0, max: 0.99, step: 0.01, value: 0, 'data-control': 'smoothing' });
    smoothing.addEventListener('input', () => {
      told.textContent = Number(smoothing.value).toFixed(2).replace(/\.?0+$/, '');
      this.view.smoothing = Number(smoothing.value);
      this.draw();
    });
    const axes = [['step', 'Steps'], ['clock', 'Time']].map(([axis, name]) => h('button', {
      type: 'button', 'data-axis': axis, 'aria-pressed': String(axis === this.view.axis), onclick: () => this.over(axis),
      title: axis === 'step' ? 'over optimizer steps' : 'over the time since the run began, pauses included',
    }, name));
    this.axes = axes;
    this.reset = h('button', {
      type: 'button', class: 'quiet', 'data-control': 'reset', hidden: '', onclick: () => this.zoom(null),
    }, 'Whole range');
    this.hint = h('span', { class: 'muted hint' }, 'draw across a chart to zoom in');
    return h('div', { class: 'controls' },
      h('label', { title: 'exponentially weighted mean of the training curves; as measured behind it' }, 'Smoothing',
        smoothing, told),
      h('span', { class: 'choice', role: 'group', 'aria-label': 'Horizontal axis' }, ...axes),
      this.reset, this.hint, this.legend);
  }

  over(axis) {
    if (axis === this.view.axis) return;
    this.axes.forEach(b => b.setAttribute('aria-pressed', String(b.dataset.axis === axis)));
    this.view.axis = axis;
    this.zoom(null);
  }

  /** A range of the horizontal axis, for all charts; null = everything. */
  zoom(range) {
    this.view.zoom = range && range[1] > range[0] ? range : null;
    this.reset.hidden = !this.view.zoom;
    this.hint.hidden = !!this.view.zoom;
    this.draw();
  }

  /** runs: [{name, lines}], at most five; the first has the histogram of K, of a chain of `chainLength` steps. */
  set(runs, chainLength = 0) {
    const charts = curves(runs);
    const many = this.view.many = runs.length > 1;
    this.legend.hidden = !many;
    this.legend.replaceChildren(...runs.slice(0, 5).map((run, i) => h('span', { class: `s${i}`, title: run.name }, run.name)));
    for (const chart of charts) {
      if (!this.plots.has(chart.id)) this.plots.set(chart.id, this.figure(chart));
      const { plot, note, legend } = this.plots.get(chart.id);
      note.textContent = chart.note;
      const roles = [...new Set(chart.series.map(d => d.role))];
      legend.hidden = roles.length < 2;
      legend.replaceChildren(...['training', 'held out'].filter(r => roles.includes(r)).map(role =>
        h('span', { class: `${many ? 'plain' : role === 'training' ? 's0' : 's1'} ${role === 'training' ? '' : 'dotted'}` },
          role)));
      plot.set(chart.series, chart.unit);
    }
    const counts = truncations(runs[0]?.lines ?? [], chainLength);
    if (!this.plots.has('k')) this.plots.set('k', this.histogram());
    this.plots.get('k').plot.set(counts);
    // In the order of the list, also where a chart came later.
    const order = [...charts.map(c => c.id), 'k'].map(id => this.plots.get(id).figure);
    for (const { figure } of this.plots.values()) if (!order.includes(figure)) figure.remove();
    if (order.some((figure, i) => this.grid.children[i] !== figure)) this.grid.replaceChildren(...order);
  }

  draw() {
    for (const { plot } of this.plots.values()) plot.render();
  }

  figure(chart) {
    const note = h('span', { class: 'muted' });
    const legend = h('span', { class: 'legend', hidden: '' });
    const log = h('button', { type: 'button', class: 'quiet log', 'aria-pressed': 'false', title: 'logarithmic axis' }, 'log');
    const figure = h('figure', { class: `card${chart.wide ? ' wide' : ''}`, id: `chart-${chart.id}`, 'data-term': chart.term },
      h('figcaption', {}, h('span', { class: 'name' }, chart.title, ' ', note), legend, log));
    const plot = new Lines(figure, this.view, range => this.zoom(range));
    log.addEventListener('click', () => {
      plot.log = !plot.log;
      log.setAttribute('aria-pressed', String(plot.log));
      plot.render();
    });
    return { figure, plot, note, legend };
  }

  histogram() {
    const figure = h('figure', { class: 'card', id: 'chart-k' }, h('figcaption', {}, h('span', { class: 'name' }, 'Truncation K ',
      h('span', { class: 'muted' }, 'shards per number of steps with gradient'))));
    return { figure, plot: new Bars(figure) };
  }
}

import { $, h, short } from './dom.js';
import { MOST_RUNS } from './curves.js';

/** Other runs of the same folder, drawn over this one. They are asked for when somebody opens the list. */
export class Others {
  constructor(changed) {
    this.changed = changed;
    this.lines = new Map();
    this.boxes = [];
    $('others').addEventListener('toggle', () => { if ($('others').open) this.list(); });
  }

  /** [{name, lines}] of those that are ticked. */
  chosen() {
    return [...this.lines].map(([name, lines]) => ({ name, lines: [...lines.values()] }));
  }

  /** What the chosen ones have done since. */
  async refresh() {
    await Promise.all([...this.lines.keys()].map(id => this.fetch(id).catch(() => {})));
  }

  async list() {
    const response = await fetch('/api/runs').catch(() => null);
    if (!response?.ok) {
      $('others-list').replaceChildren(h('li', { class: 'muted' }, 'the coordinator does not answer'));
      return;
    }
    const runs = (await response.json()).filter(r => !r.current);
    this.boxes = runs.map(run => {
      const box = h('input', { type: 'checkbox', value: run.id });
      box.checked = this.lines.has(run.id);
      box.addEventListener('change', () => this.choose(box));
      return box;
    });
    $('others-list').replaceChildren(...(runs.length ? runs.map((run, i) => h('li', {}, h('label', {}, this.boxes[i],
      h('span', { class: 'name' }, run.id),
      h('span', { class: 'muted' }, `${new Date(run.started).toLocaleString()}, step ${run.step}`
        + (run.heldOut === null ? '' : `, held out ${short(run.heldOut)} ± ${short(run.std)}`)))))
      : [h('li', { class: 'muted' }, 'there is no other run in this folder')]));
    this.limit();
  }

  async choose(box) {
    if (box.checked) {
      this.lines.set(box.value, new Map());
      this.limit();
      await this.fetch(box.value).catch(() => { this.lines.delete(box.value); box.checked = false; });
    } else {
      this.lines.delete(box.value);
    }
    this.limit();
    this.changed();
  }

  async fetch(id) {
    const known = this.lines.get(id);
    const last = [...known.values()].reduce((most, line) => Math.max(most, line.step), -1);
    const response = await fetch(`/api/runs/${encodeURIComponent(id)}/metrics?after=${last - 1}`);
    if (!response.ok) throw new Error(`${id}: ${response.status}`);
    for (const line of await response.json()) known.set(`${line.kind} ${line.step}`, line);
  }

  /** As many as there are colours, this run among them. */
  limit() {
    const full = this.lines.size >= MOST_RUNS - 1;
    this.boxes.forEach(box => { box.disabled = full && !box.checked; });
  }
}

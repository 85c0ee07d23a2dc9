import { number } from './dom.js';

// Which curves there are, from the lines of metrics.jsonl: the same for the page of a run, its report, and a comparison.

/** Runs that are drawn over each other at most: one colour each. */
export const MOST_RUNS = 5;

/**
 * Seconds since a run began, a value a line in the order of steps. Lines of older versions have no time: there the seconds of
 * the steps are added up.
 */
export function clock(lines) {
  let [elapsed, last] = [0, NaN];
  return lines.map(line => {
    const time = line.time ? Date.parse(line.time) / 1000 : NaN;
    const worked = line.kind === 'step' ? number(line.seconds) || 0 : 0;
    // Two machines' clocks may differ: time does not go back.
    elapsed += Number.isFinite(time) && Number.isFinite(last) ? Math.max(0, time - last) : worked;
    if (Number.isFinite(time)) last = time;
    return elapsed;
  });
}

/**
 * Charts of runs, [{name, lines}], the first of them the one that is looked at:
 * [{id, title, note, unit, wide, series: [{name, run, role, points: [{step, clock, y, spread}]}]}]. Charts without a point
 * are left out, but for those that every run will have.
 */
export function curves(runs) {
  const told = runs.slice(0, MOST_RUNS).map((run, index) => {
    const lines = run.lines.filter(l => l.kind === 'step' || l.kind === 'evaluation')
      .sort((a, b) => a.step - b.step || (a.kind < b.kind ? 1 : -1));
    const times = clock(lines);
    const of = (kind, value, spread) => {
      const points = lines.map((line, i) => [line, times[i]]).filter(([l]) => l.kind === kind)
        .map(([l, seconds]) => ({ step: l.step, clock: seconds, y: number(value(l)), spread: spread ? number(spread(l)) : NaN }));
      return points.some(p => Number.isFinite(p.y)) ? points : [];
    };
    return { name: run.name, index, lines, of };
  });
  const training = (value, spread) => told.map(r => serie(r, 'training', r.of('step', value, spread)));
  const heldOut = (value, spread) => told.map(r => serie(r, 'held out', r.of('evaluation', value, spread)));
  const chart = (id, title, note, series, more = {}) =>
    ({ id, title, note, unit: '', ...more, series: series.filter(s => s.points.length) });
  const all = [
    chart('reward', 'Reward', 'mean and standard deviation', [...training(l => l.rewardMean, l => l.rewardStd),
      ...heldOut(l => l.rewardMean, l => l.rewardStd)], { wide: true, always: true }),
    ...terms(told),
    chart('loss', 'Loss', '', training(l => l.loss), { always: true }),
    chart('grad', 'Gradient norm', 'before clipping', training(l => l.gradNorm), { always: true }),
    chart('diversity', 'Diversity', 'between held-out prompts', heldOut(l => l.diversity)),
    chart('rate', 'Learning rate', '', training(l => l.learningRate)),
    chart('seconds', 'Seconds per step', '', training(l => l.seconds), { always: true }),
    chart('throughput', 'Throughput', 'pictures a second', training(l => number(l.samples) / number(l.seconds))),
    chart('memory', 'Peak memory', 'of the largest node process', training(l => l.peakMemory), { unit: 'bytes' }),
  ];
  return all.filter(c => c.always || c.series.length);
}

const serie = (run, role, points) => ({ name: run.name, run: run.index, role, points });

/** A chart for each term of the reward and each reward that is only evaluated; none where there is just one. */
function terms(told) {
  const steps = told[0]?.lines.filter(l => l.kind === 'step') ?? [];
  const trained = new Set(steps.flatMap(l => Object.keys(l.rewards ?? {})));
  const names = [...new Set([...trained, ...told.flatMap(r => r.lines.flatMap(l => Object.keys(l.rewards ?? {})))])];
  if (names.length < 2) return [];
  return names.map(name => {
    const of = (r, kind) => r.of(kind, l => l.rewards?.[name]?.mean, l => l.rewards?.[name]?.std);
    return {
      id: `term-${name}`, term: name, title: name, unit: '',
      // Before the first step nobody can tell which are trained on.
      note: !steps.length ? '' : trained.has(name) ? 'part of the reward' : 'evaluated only',
      series: told.flatMap(r => [serie(r, 'training', of(r, 'step')), serie(r, 'held out', of(r, 'evaluation'))])
        .filter(s => s.points.length),
    };
  });
}

/** How often each K was drawn, index 0 is K = 1. */
export function truncations(lines, chainLength) {
  const drawn = lines.flatMap(l => l.truncations ?? []);
  const counts = new Array(Math.max(chainLength || 0, drawn.reduce((a, b) => Math.max(a, b), 1))).fill(0);
  drawn.forEach(k => { if (k >= 1) counts[k - 1]++; });
  return counts;
}

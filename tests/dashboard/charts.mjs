// The arithmetic of the charts, without a browser: node tests/dashboard/charts.mjs
import { extent, widened, widenedLog, ticks, logTicks, tickText, smoothed, thinned, segments, nearest } from
  '../../src/Reports/Charts/figures.js';
import { clock, curves, truncations } from '../../src/Reports/Charts/curves.js';
import { check } from './check.mjs';

const same = (what, is, should) => check(what, JSON.stringify(is) === JSON.stringify(should), `is ${JSON.stringify(is)}`);
const close = (a, b) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));

same('ticks are round', ticks(0, 20, 8), [0, 2.5, 5, 7.5, 10, 12.5, 15, 17.5, 20]);
same('ticks are what they say', ticks(-0.31, 0.31, 4), [-0.2, 0, 0.2]);
same('ticks of thousandths', ticks(0.748, 0.858, 5), [0.75, 0.775, 0.8, 0.825, 0.85]);
same('extent leaves out what is no number', extent([NaN, 3, Infinity, -1, undefined]), [-1, 3]);
same('extent of nothing', extent([NaN, -Infinity]), null);

// A smoothed constant differs by rounding: no axis may count from one such value to the next.
const constant = smoothed(new Array(10000).fill(0.3), 0.97);
check('a smoothed constant stays the constant', constant.every(v => close(v, 0.3)));
const shaky = [0.3, 0.30000000000000004];
for (const [low, high] of [widened(extent(constant)), widened(shaky), widened(shaky, 0.06), widened([1e15, 1e15 + 0.125])]) {
  const found = ticks(low, high, 4);
  check(`ticks of ${low} to ${high} are few and within`, found.length > 1 && found.length < 12
    && found.every(v => v >= low - 1e-9 * Math.abs(low) && v <= high + 1e-9 * Math.abs(high)));
}
for (const [low, high] of [[0, 0], [1, 1], [5, 4], [NaN, 1], [0, Infinity], [-1e308, 1e308], [0, 5e-324],
  [0.3, 0.30000000000000004], [1e300, 1.0000001e300], [-1e-320, 1e-320], [9007199254740991, 9007199254740993]]) {
  check(`ticks of ${low} to ${high} end`, ticks(low, high, 5).length <= 64);
  const [a, b] = widened(extent([low, high]) ?? [0, 1], 0.06);
  check(`widened, ${low} to ${high} is a range`, b > a && Number.isFinite(b - a) && ticks(a, b, 5).length <= 64);
}
same('powers of ten', logTicks(1e-5, 1, 5), [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]);
same('a decade has its parts', logTicks(0.9, 11, 5), [1, 2, 5, 10]);
for (const range of [[1e-300, 1e300], [3, 3], [3, 3.0001], [5e-324, 1]]) {
  const [low, high] = widenedLog(range, 0.06);
  check(`log ticks of ${range} are some`, low > 0 && high > low && logTicks(low, high, 5).length > 0 &&
    logTicks(low, high, 5).length <= 64);
}
same('as many digits as needed', [[0.25, 0.25], [0.5, 0.25], [2, 1], [0, 0.1], [-0, 0.5], [1e-4, 1e-4], [2.5e7, 5e6],
  [0.05, 0.05]]
  .map(([v, step]) => tickText(v, step)), ['0.25', '0.50', '2', '0.0', '0.0', '1e-4', '2.5e7', '0.05']);

same('alike along an axis', [9e-4, 9.5e-4, 1e-3].map(v => tickText(v, 5e-5, 1e-3)), ['0.00090', '0.00095', '0.00100']);
same('weight 0 is as measured', smoothed([1, NaN, 3], 0), [1, NaN, 3]);
const mean = smoothed([1, NaN, 3], 0.5);
check('smoothed from the first value on, across a gap', mean[0] === 1 && Number.isNaN(mean[1]) &&
  close(mean[2], (0.25 * 1 + 0.5 * 3) / 0.75));
same('segments end at what is no number', segments([1, NaN, 2, 3, Infinity].map((y, x) => ({ x, y }))).map(s => s.length),
  [1, 2]);

const many = Array.from({ length: 10000 }, (_, i) => ({ x: i, y: i === 7777 ? 1000 : i === 5000 ? NaN : Math.sin(i) }));
const few = thinned(many, 300);
check('ten thousand points become about three a column', few.length <= 900 && few.length > 500);
check('no peak is lost, and no gap', few.some(p => p.y === 1000) && few.some(p => Number.isNaN(p.y)));
check('in their order', few.every((p, i) => i === 0 || p.x >= few[i - 1].x));
same('few points stay', thinned(many.slice(0, 3), 300).length, 3);
check('all at one place end', thinned(many.map(p => ({ ...p, x: 5 })), 10).length <= 30);
same('nearest', [-5, 3.4, 3.6, 1e9].map(x => nearest(many, x).x), [0, 3, 4, 9999]);
same('nearest of none', nearest([], 1), null);

const step = (n, more) => ({ kind: 'step', step: n, epoch: 1, rewardMean: n / 10, rewardStd: 0.1, loss: -n, gradNorm: 1,
  seconds: 2, ...more });
same('an old file has the seconds of its steps as clock', clock([step(1), { kind: 'evaluation', step: 1 }, step(2)]), [2, 2, 4]);
same('a new one its time, which does not go back', clock(['10', '30', '20', '25'].map((s, i) =>
  step(i + 1, { time: `2026-01-01T00:00:${s}Z` }))), [2, 22, 22, 27]);
const old = curves([{ name: 'old', lines: [step(1), step(2)] }]);
same('charts of an old file', old.map(c => c.id), ['reward', 'loss', 'grad', 'seconds']);
const now = curves([{ name: 'a', lines: [step(1, { learningRate: 1e-3, samples: 8, peakMemory: 5e8 }),
  step(2, { loss: 'NaN' })] },
  { name: 'b', lines: [step(1), { kind: 'evaluation', step: 1, rewardMean: 1, rewardStd: 0.5, diversity: 0.5 }] }]);
same('charts of two runs', now.map(c => `${c.id} ${c.series.length}`),
  ['reward 3', 'loss 2', 'grad 2', 'diversity 1', 'rate 1', 'seconds 2', 'throughput 1', 'memory 1']);
check('a loss that is no number is a gap', Number.isNaN(now[1].series[0].points[1].y));
same('pictures a second', now.find(c => c.id === 'throughput').series[0].points[0].y, 4);
same('no run, no line', [curves([]).length, curves([{ name: 'empty', lines: [] }]).every(c => !c.series.length)], [4, true]);
same('more than five runs are five',
  curves(Array.from({ length: 7 }, (_, i) => ({ name: `${i}`, lines: [step(1)] })))[0].series.length, 5);
const named = curves([{ name: 'a', lines: [step(1, { rewards: { x: { mean: 1, std: 0 }, y: { mean: 2, std: 0 } } })] }]);
same('a chart for each reward', named.filter(c => c.term).map(c => `${c.term} ${c.note}`),
  ['x part of the reward', 'y part of the reward']);
same('how often each K was drawn', truncations([step(1, { truncations: [1, 3] }), step(2, { truncations: [3] })], 4),
  [1, 0, 2, 0]);
same('none drawn', truncations([], 0), [0]);

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs whose metrics no training has: beside a real one, in the same folder. */
export function oddRuns(runs, real) {
  const step = (n, value, more) => ({
    kind: 'step', step: n, epoch: 1, rewardMean: value, rewardStd: 0.1, loss: -value, gradNorm: 1 + n % 3,
    truncations: [1 + n % 15], seconds: 2, time: new Date(Date.UTC(2026, 0, 1) + 2000 * n).toISOString(),
      learningRate: 1e-3, samples: 8,
      peakMemory: 4e8, ...more,
  });
  const evaluation = (n, value) => ({ kind: 'evaluation', step: n, epoch: 1, rewardMean: value, rewardStd: 0.2, diversity: 0.5 });
  const odd = {
    'odd-10000-steps': [evaluation(0, 0), ...Array.from({ length: 10000 }, (_, i) =>
      step(i + 1, Math.sin(i / 700) + (i * 7919 % 100) / 200)),
      evaluation(10000, 1)],
    'odd-constant': Array.from({ length: 300 }, (_, i) => step(i + 1, 0.3, { gradNorm: 0, seconds: 0.1 + 0.2 })),
    'odd-one-step': [step(1, 0.5)],
    'odd-no-numbers': Array.from({ length: 40 }, (_, i) => step(i + 1, i % 5 ? 0.2 + i / 100 : 'NaN',
      { loss: 'NaN', gradNorm: 'Infinity' })),
    'odd-empty': [],
    'odd-old-version': Array.from({ length: 20 }, (_, i) => ({ kind: 'step', step: i + 1, epoch: 1, rewardMean: -1 + i / 10,
      rewardStd: 0.3, loss: 1, gradNorm: 1e-9 * (i + 1), seconds: 3 })),
  };
  for (const [name, lines] of Object.entries(odd)) {
    mkdirSync(join(runs, name));
    copyFileSync(join(runs, real, 'run.conf'), join(runs, name, 'run.conf'));
    writeFileSync(join(runs, name, 'metrics.jsonl'), lines.map(l => `${JSON.stringify(l)}\n`).join(''));
  }
  return Object.keys(odd);
}

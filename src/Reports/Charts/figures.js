// The arithmetic of charts: nothing here touches a page, everything ends for whatever numbers come.

/** Beyond it sums and differences overflow. */
const LARGEST = 1e300;

/** Lowest and highest of the finite values, or null where there are none. */
export function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    const v = Math.max(-LARGEST, Math.min(LARGEST, value));
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return low <= high ? [low, high] : null;
}

/**
 * A range a scale can be made of. Values that differ by rounding only are one value: between them no tick could be counted.
 * `pad` is a share of the range; `least` the half width around one value, where a tenth of it is not right.
 */
export function widened([low, high], pad = 0, least = 0) {
  if (high - low <= 1e-9 * Math.max(Math.abs(low), Math.abs(high), 1e-200)) {
    const by = least || Math.abs(low) * 0.1 || 1;
    return [low - by, high + by];
  }
  return [low - (high - low) * pad, high + (high - low) * pad];
}

/** The same for a logarithmic axis; both above 0. */
export function widenedLog([low, high], pad = 0) {
  const [a, b] = widened([Math.log10(low), Math.log10(high)], pad, 0.3);
  return [10 ** Math.max(a, -300), 10 ** Math.min(b, 300)];
}

/** Round values within low..high, about `about` of them, never more than 64. */
export function ticks(low, high, about) {
  const raw = (high - low) / Math.max(1, about);
  if (!(raw > 1e-290) || !Number.isFinite(raw)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5].map(m => m * power).find(m => m >= raw * (1 - 1e-9)) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.min(64, Math.max(0, Math.floor(high / step + 1e-9) - first + 1));
  // Counted, not added up, so that 0 is 0 and 0.3 is 0.3.
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Powers of ten within low..high, with their doubles and fivefolds where there are few; round values where there are none. */
export function logTicks(low, high, about) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = last - first;
  const every = Math.max(1, Math.ceil(decades / Math.max(1, about)));
  const factors = Math.log10(high) - Math.log10(low) <= 2 ? [1, 2, 5] : [1];
  const values = [];
  for (let power = first; power <= last; power += every) {
    for (const factor of factors) {
      const v = Number((factor * 10 ** power).toPrecision(12));
      if (v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9)) values.push(v);
    }
  }
  return values.length > 1 ? values : ticks(low, high, about);
}

/** How a tick is written: as many digits as tell it from its neighbour, alike along an axis whose largest tick is `largest`. */
export function tickText(value, step, largest = value) {
  const size = Math.max(Math.abs(largest), Math.abs(step));
  if (value !== 0 && (size >= 1e6 || size < 1e-3)) {
    return value.toExponential(2).replace(/\.?0+e/, 'e').replace('e+', 'e');
  }
  let digits = 0;
  while (digits < 9 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits++;
  return value.toFixed(digits).replace(/^-(0(\.0+)?)$/, '$1');
}

/**
 * Exponentially weighted mean, corrected for its start, so that the first value is itself. `weight` 0 = as it is, below 1.
 * What is no number stays one, and counts for nothing.
 */
export function smoothed(values, weight) {
  if (!(weight > 0)) return values;
  let [mean, share] = [0, 1];
  return values.map(value => {
    if (!Number.isFinite(value)) return value;
    mean = mean * weight + value * (1 - weight);
    share *= weight;
    return mean / (1 - share);
  });
}

/**
 * Points in the order of x, at most about three a column: the lowest and the highest of each, and what is no number, so that
 * no peak and no gap is lost.
 */
export function thinned(points, columns) {
  if (points.length <= columns * 3) return points;
  const [x0, x1] = [points[0].x, points.at(-1).x];
  const kept = [];
  let bucket = [];
  const close = () => {
    if (!bucket.length) return;
    let [low, high, gap] = [null, null, null];
    for (const p of bucket) {
      if (!Number.isFinite(p.y)) gap ??= p;
      else {
        if (!low || p.y < low.y) low = p;
        if (!high || p.y > high.y) high = p;
      }
    }
    kept.push(...new Set([low, high, gap].filter(Boolean).sort((a, b) => a.x - b.x)));
    bucket = [];
  };
  let column = 0;
  for (const p of points) {
    const at = Math.min(columns - 1, Math.floor((p.x - x0) / (x1 - x0 || 1) * columns));
    if (at !== column) close();
    column = at;
    bucket.push(p);
  }
  close();
  return kept;
}

/** Runs of points that are numbers: a line is not drawn across what is none. */
export function segments(points) {
  const all = [];
  let open = null;
  for (const p of points) {
    if (!Number.isFinite(p.y)) open = null;
    else if (open) open.push(p);
    else all.push(open = [p]);
  }
  return all;
}

/** Of points in the order of x the one that is nearest; null of none. */
export function nearest(points, x) {
  if (!points.length) return null;
  let [low, high] = [0, points.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle].x < x) low = middle; else high = middle;
  }
  return Math.abs(points[low].x - x) <= Math.abs(points[high].x - x) ? points[low] : points[high];
}

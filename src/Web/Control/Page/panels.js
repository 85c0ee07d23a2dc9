import { $, h, text, short, duration, bytes, number } from './dom.js';
import { ask } from './control.js';

const OVER = ['ended', 'failed', 'interrupted'];

export function run(r, steerable) {
  document.title = `${r.state === 'running' || r.state === 'evaluating' ? `${r.step}/${r.maxSteps} ` : ''}${r.name} – AlignProp`;
  text('name', r.name);
  text('id', r.runId);
  $('state').className = `pill ${r.state}`;
  text('state', r.state);
  $('reason').hidden = !r.reason;
  $('reason').classList.toggle('calm', r.state === 'ended');
  text('reason', r.reason ?? '');
  const part = r.shards && !r.shards.evaluation ? number(r.shards.fraction) : 0;
  $('progress-done').style.width = `${r.maxSteps ? 100 * r.step / r.maxSteps : 0}%`;
  $('progress-now').style.width = `${r.maxSteps ? 100 * part / r.maxSteps : 0}%`;
  text('progress-text', progress(r));
  text('adapter', r.adapter ? `after step ${r.step}: SHA-256 ${r.adapter}` : '–');
  text('coordinator', `${r.coordinator ?? '–'} on ${r.host}, begun ${new Date(r.startedAt).toLocaleString()}`);
  const pausing = r.state === 'paused' || /^pauses /.test(r.reason ?? '');
  const stopping = /^stops /.test(r.reason ?? '');
  $('actions').hidden = !steerable || OVER.includes(r.state) || r.state === 'standby' || r.state === 'starting';
  $('pause').hidden = pausing || stopping;
  $('continue').hidden = !pausing || stopping;
  $('stop').hidden = stopping;
  tiles(r);
}

function progress(r) {
  const [steps, epochs] = [r.maxSteps ? ` of at most ${r.maxSteps}` : '', r.epochs ? ` of ${r.epochs}` : ''];
  const done = `step ${r.step}${steps} · epoch ${r.epoch}${epochs}`;
  if (OVER.includes(r.state) || !r.shards) return done;
  const s = r.shards;
  return `${done} · ${s.evaluation ? `evaluation after step ${s.step}` : `step ${s.step}`}: ${s.done} of ${s.total} shards`;
}

function tiles(r) {
  const gain = r.heldOut && r.step > 0 ? number(r.heldOut.last) - number(r.heldOut.first) : NaN;
  const signed = v => (Number.isFinite(v) ? `${v >= 0 ? '+' : ''}${short(v)}` : '');
  const spread = Number.isFinite(number(r.heldOut?.std)) ? ` ± ${short(r.heldOut.std)}` : '';
  const since = gain ? `; ${signed(gain)} since before` : ', before training';
  const trend = r.rewardTrend.map(number);
  const rise = trend.length > 1 ? trend.at(-1) - trend[0] : NaN;
  const all = [
    // The mean says little without its spread: a gain within it may be none.
    ['Held-out reward', r.heldOut ? `${short(r.heldOut.last)}${spread}` : '–',
      !r.heldOut ? 'no evaluation yet' : `mean ± std of held-out pictures${since}`, gain, 'headline'],
    ['Training reward', short(r.reward), Number.isFinite(rise) ? `${signed(rise)} over ${trend.length} steps` : '', rise],
    ['Diversity', short(r.heldOut?.diversity), 'held-out prompts'],
    ['Gradient norm', short(r.gradNorm), 'before clipping'],
    ['Step time', duration(r.secondsPerStep), 'mean of the last ten'],
    OVER.includes(r.state) ? ['State', r.state, `after ${r.step} steps`]
      : ['Time left', r.state === 'waiting' ? '–' : duration(r.secondsLeft), 'evaluations not counted'],
  ];
  $('tiles').replaceChildren(...all.map(([name, value, note, sign, kind]) => h('div', { class: `tile ${kind ?? ''}` },
    h('span', { class: 'muted' }, name), h('b', {}, value),
    h('small', { class: sign > 0 ? 'up' : sign < 0 ? 'down' : 'muted' }, note || ' '))));
}

export function devices(nodes, steerable, over) {
  const now = Date.now();
  const rows = nodes.map(n => {
    const seen = (now - new Date(n.lastSeen)) / 1000;
    const leavable = steerable && !over && !['lost', 'left', 'leaving', 'cut off', 'refused'].includes(n.state);
    return h('tr', {},
      h('td', { class: 'device' }, h('b', {}, n.node), n.device ? h('span', { class: 'muted' }, ` ${n.device}`) : null),
      h('td', { 'data-name': 'State', class: 'status' },
        h('span', { class: `state ${n.state.replace(' ', '-')}`, title: n.detail }, n.state)),
      h('td', { 'data-name': 'Working on', class: 'work' }, ...working(n)),
      h('td', { 'data-name': 'Shards', class: 'num' }, String(n.shardsDone)),
      h('td', { 'data-name': 'per minute', class: 'num' }, n.shardsPerMinute ? number(n.shardsPerMinute).toFixed(1) : '–'),
      h('td', { 'data-name': 'Failed', class: `num${n.failures ? ' down' : ''}` }, String(n.failures)),
      h('td', { 'data-name': 'Memory', class: 'num' }, bytes(n.peakMemory)),
      h('td', { 'data-name': 'Seen', class: 'num' },
        over ? new Date(n.lastSeen).toLocaleTimeString() : seen < 5 ? 'now' : `${duration(seen)} ago`),
      h('td', { class: 'end' }, leavable
        ? h('button', { class: 'quiet', type: 'button', 'data-drain': n.node, onclick: () => drain(n.node) }, 'Drain')
        : null));
  });
  $('devices-rows').replaceChildren(...(rows.length ? rows
    : [h('tr', {}, h('td', { colspan: 9, class: 'muted' }, 'no device has joined yet'))]));
}

function working(n) {
  if (n.shard === null || n.shard === undefined) return [h('span', { class: 'muted' }, n.detail || '–')];
  const meter = h('span', { class: 'meter' }, h('i'));
  meter.firstChild.style.width = `${100 * number(n.fraction)}%`;
  return [h('span', {}, `shard ${n.shard}, ${n.detail}`), meter];
}

const drain = node => ask(`/api/drain/${encodeURIComponent(node)}`, `Drain ${node}?`,
  'It finishes the shard in hand, leaves the cluster and ends. The run goes on with the devices that are left.', 'Drain');

export function events(list) {
  const rows = list.slice(-200).reverse().map(e => h('li', { class: e.kind },
    h('time', { datetime: e.time, title: new Date(e.time).toLocaleString() }, new Date(e.time).toLocaleTimeString()),
    h('span', {}, e.text)));
  $('events-list').replaceChildren(...(rows.length ? rows : [h('li', { class: 'muted' }, 'nothing yet')]));
}

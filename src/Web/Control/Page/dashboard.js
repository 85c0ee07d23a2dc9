import { $, h, text, number } from './dom.js';
import { Chart, lines, bars } from './chart.js';
import { ask, post, signIn, toast } from './control.js';
import * as images from './images.js';
import * as panels from './panels.js';
import * as age from './age.js';

// Live by server-sent events; everything else is asked for when a status says that there is something new.

const OVER = ['ended', 'failed', 'interrupted'];
const charts = {
  reward: new Chart($('chart-reward'), lines), loss: new Chart($('chart-loss'), lines), grad: new Chart($('chart-grad'), lines),
  k: new Chart($('chart-k'), bars), seconds: new Chart($('chart-seconds'), lines),
};
const terms = new Map();
const metrics = new Map();
const entries = new Map();
let status = null;
let chainLength = 0;
let known = '';

async function get(path) {
  const response = await fetch(path);
  if (response.status === 401) {
    await signIn();
    return get(path);
  }
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

function onStatus(live, connected = true) {
  status = live;
  live.events.forEach(e => entries.set(e.number, e));
  const over = OVER.includes(live.run.state);
  panels.run(live.run, connected);
  panels.devices(live.nodes, connected, over);
  if (live.events.length || !entries.size) panels.events([...entries.values()]);
  // A new step or evaluation: fetch its figures and pictures.
  const mark = `${live.run.step} ${live.run.heldOut?.last} ${live.run.state}`;
  if (mark !== known) {
    known = mark;
    refresh().catch(() => { known = ''; });
  }
}

async function refresh() {
  const last = Math.max(-1, ...[...metrics.values()].map(l => l.step));
  for (const line of await get(`/api/metrics?after=${last - 1}`)) metrics.set(`${line.kind} ${line.step}`, line);
  draw();
  images.update(await get('/api/images'), step => metrics.get(`evaluation ${step}`)?.epoch);
}

function draw() {
  const all = [...metrics.values()].sort((a, b) => a.step - b.step);
  const [steps, evaluations] = [all.filter(l => l.kind === 'step'), all.filter(l => l.kind === 'evaluation')];
  const of = (list, value, spread) => list.map(l => ({ x: l.step, y: number(l[value]), spread: spread ? number(l[spread]) : 0 }));
  charts.reward.set([
    { name: 'training', style: 'a', points: of(steps, 'rewardMean', 'rewardStd') },
    { name: 'held out', style: 'b', points: of(evaluations, 'rewardMean', 'rewardStd'), dots: true },
  ]);
  charts.loss.set([{ name: 'loss', style: 'c', points: of(steps, 'loss') }]);
  charts.grad.set([{ name: 'norm', style: 'd', points: of(steps, 'gradNorm') }]);
  charts.seconds.set([{ name: 'seconds', style: 'a', points: of(steps, 'seconds') }]);
  drawTerms(steps, evaluations);
  const drawn = steps.flatMap(l => l.truncations ?? []);
  const counts = new Array(Math.max(chainLength, ...drawn, 1)).fill(0);
  drawn.forEach(k => counts[k - 1]++);
  charts.k.set(counts);
}

/**
 * A chart for each term of the reward and each reward that is only evaluated, as they count themselves; none where
 * there is just one.
 */
function drawTerms(steps, evaluations) {
  const trained = new Set(steps.flatMap(l => Object.keys(l.rewards ?? {})));
  const names = new Set([...trained, ...evaluations.flatMap(l => Object.keys(l.rewards ?? {}))]);
  if (names.size < 2) return;
  $('terms').hidden = false;
  for (const name of names) {
    if (!terms.has(name)) {
      const note = h('span', { class: 'muted' });
      const figure = h('figure', { class: 'card', 'data-term': name }, h('figcaption', {}, name, ' ', note));
      $('terms').append(figure);
      terms.set(name, { note, chart: new Chart(figure, lines) });
    }
    const { note, chart } = terms.get(name);
    // Before the first step nobody can tell which are trained on.
    note.textContent = !steps.length ? '' : trained.has(name) ? 'part of the reward' : 'evaluated only';
    const of = list => list.filter(l => l.rewards?.[name])
      .map(l => ({ x: l.step, y: number(l.rewards[name].mean), spread: number(l.rewards[name].std) }));
    chart.set([
      { name: 'training', style: 'a', points: of(steps) },
      { name: 'held out', style: 'b', points: of(evaluations), dots: true },
    ]);
  }
}

function connection(state, title) {
  $('connection').className = `connection ${state}`;
  $('connection').title = title;
  text('connection', state);
}

/** The browser connects again by itself after a break, but not after an answer that is no stream. */
function listen() {
  const source = new EventSource('/api/live');
  source.addEventListener('status', e => {
    onStatus(JSON.parse(e.data));
    age.fresh();
    connection('live', 'updated as it happens');
    if (OVER.includes(status.run.state)) {
      source.close();
      if (status.run.state === 'interrupted' && status.run.asOf) age.asOf(status.run.asOf);
      connection('complete', `look at it again with: alignprop dashboard ${status.run.runId}`);
      panels.run(status.run, false);
      panels.devices(status.nodes, false, true);
    }
  });
  source.onerror = () => {
    connection('reconnecting', 'the coordinator does not answer');
    age.stale();
    if (status) {
      panels.run(status.run, false);
    }
    if (source.readyState === EventSource.CLOSED) setTimeout(() => start().catch(() => listen()), 2000);
  };
}

async function start() {
  await get('/api/run');
  const config = await get('/api/config').catch(() => ({ text: '' }));
  $('config-text').textContent = config.text;
  chainLength = Number(/^\s*sampling\.steps = "?(\d+)/m.exec(config.text)?.[1] ?? 0);
  listen();
}

function themes() {
  const choices = ['', 'light', 'dark'];
  const names = { '': 'Auto', light: 'Light', dark: 'Dark' };
  const apply = choice => {
    document.documentElement.dataset.theme = choice;
    $('theme').textContent = names[choice];
  };
  let choice = localStorage.getItem('theme') ?? '';
  apply(choice);
  $('theme').onclick = () => {
    choice = choices[(choices.indexOf(choice) + 1) % choices.length];
    localStorage.setItem('theme', choice);
    apply(choice);
  };
}

themes();
images.start();
$('pause').onclick = () => ask('/api/pause', 'Pause the run?',
  'The step in work is finished and committed; then the devices wait, with everything in memory.', 'Pause');
$('continue').onclick = () => post('/api/continue');
$('stop').onclick = () => ask('/api/stop', 'Stop the run?',
  'The step in work is finished and committed, the adapter is evaluated, and the run ends. '
  + '`alignprop resume` can go on from there.', 'Stop', true);
$('copy').onclick = async () => {
  await navigator.clipboard.writeText($('config-text').textContent)
    .then(() => toast('copied'), () => toast('the browser does not allow it', true));
};
start().catch(() => setTimeout(() => location.reload(), 3000));

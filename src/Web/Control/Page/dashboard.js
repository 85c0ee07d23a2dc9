import { $, h, text, bytes } from './dom.js';
import { Board } from './board.js';
import { ask, post, signIn, toast } from './control.js';
import * as images from './images.js';
import { Others } from './others.js';
import * as panels from './panels.js';
import * as age from './age.js';

// Live by server-sent events; everything else is asked for when a status says that there is something new.

const OVER = ['ended', 'failed', 'interrupted'];
const board = new Board($('curves'));
const others = new Others(draw);
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
  if (live.events.length || !entries.size) showEvents();
  // A new step or evaluation: fetch its figures and pictures.
  const mark = `${live.run.step} ${live.run.heldOut?.last} ${live.run.state}`;
  if (mark !== known) {
    known = mark;
    refresh().catch(() => { known = ''; });
  }
}

const showEvents = () => panels.events([...entries.values()].filter(e => e.kind !== 'step' || $('events-steps').checked));

async function refresh() {
  const last = [...metrics.values()].reduce((most, line) => Math.max(most, line.step), -1);
  for (const line of await get(`/api/metrics?after=${last - 1}`)) metrics.set(`${line.kind} ${line.step}`, line);
  await others.refresh();
  draw();
  images.update(await get('/api/images'), step => metrics.get(`evaluation ${step}`)?.epoch);
  files(await get('/api/files'));
}

function draw() {
  board.set([{ name: status?.run.runId ?? '', lines: [...metrics.values()] }, ...others.chosen()], chainLength);
}

function files(list) {
  $('files').hidden = !list.length;
  $('files-list').replaceChildren(...list.map(f => h('li', {}, h('a', { href: f.url, download: '' }, f.name),
    h('span', { class: 'muted' }, ` ${f.what}${f.bytes ? `, ${bytes(f.bytes)}` : ''}`))));
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
$('events-steps').onchange = showEvents;
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

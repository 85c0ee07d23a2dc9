import { $, h, short } from './dom.js';

// Evaluations side by side with the base model. Pictures never change: once seen, the browser keeps them, also when the
// coordinator has ended.

let sets = [];
let following = true;

const key = image => `${image.prompt} ${image.seed}`;

export function start() {
  $('images-slider').addEventListener('input', e => {
    following = Number(e.target.value) === sets.length - 1;
    show(Number(e.target.value));
  });
}

export function update(next, epochOf) {
  const before = sets.length;
  const epoch = step => (epochOf(step) ? `, epoch ${epochOf(step)}` : '');
  sets = next.map(set => ({ ...set, label: set.step === 0 ? 'base model' : `after step ${set.step}${epoch(set.step)}` }));
  $('images').hidden = sets.length === 0;
  if (!sets.length) return;
  sets.forEach(set => set.images.forEach(image => { new Image().src = image.url; }));
  const slider = $('images-slider');
  slider.max = sets.length - 1;
  slider.hidden = sets.length < 2;
  if (following || before === 0) slider.value = sets.length - 1;
  show(Number(slider.value));
}

function show(index) {
  const [base, set] = [sets[0], sets[index]];
  const now = new Map(set.images.map(image => [key(image), image]));
  $('images-label').textContent = set.label;
  $('images-grid').replaceChildren(...base.images.filter(b => now.has(key(b)))
    .map(b => pair(b, now.get(key(b)), base.label, set.label)));
}

function pair(before, after, left, right) {
  const gain = after.reward - before.reward;
  return h('figure', { class: 'pair' },
    h('div', { class: 'sides' },
      h('img', { src: before.url, alt: `${before.prompt}, ${left}`, loading: 'lazy' }),
      h('img', { src: after.url, alt: `${after.prompt}, ${right}`, loading: 'lazy' })),
    h('figcaption', {},
      h('span', { class: 'prompt' }, before.prompt,
        before.heldOut ? h('small', { class: 'tag', title: 'never trained on' }, 'held out') : null),
      h('span', { class: 'mono small' }, `${short(before.reward, 2)} → ${short(after.reward, 2)} `,
        h('b', { class: gain > 0 ? 'up' : gain < 0 ? 'down' : '' }, `${gain > 0 ? '+' : ''}${short(gain, 2)}`))));
}

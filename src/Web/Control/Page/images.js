import { $, h, short } from './dom.js';
import { Pairs } from './pairs.js';

// Evaluations side by side with the base model. Pictures never change: once seen, the browser keeps them, also when the
// coordinator has ended.

let sets = [];
let following = true;
let large;

const key = image => `${image.prompt} ${image.seed}`;

export function start() {
  large = new Pairs();
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
  const both = base.images.filter(b => now.has(key(b))).map(b => [b, now.get(key(b))]);
  const side = (image, label) => ({ src: image.large ?? image.url, small: image.url, label, reward: Number(image.reward) });
  const sides = both.map(([b, a]) => ({ prompt: b.prompt, before: side(b, base.label), after: side(a, set.label) }));
  $('images-grid').replaceChildren(...both.map(([b, a], i) => pair(b, a, base.label, set.label, () => large.open(sides, i))));
}

function pair(before, after, left, right, open) {
  const gain = after.reward - before.reward;
  return h('figure', { class: 'pair' },
    h('button', { class: 'sides', type: 'button', title: 'larger', onclick: open },
      h('img', { src: before.url, alt: `${before.prompt}, ${left}`, loading: 'lazy' }),
      h('img', { src: after.url, alt: `${after.prompt}, ${right}`, loading: 'lazy' })),
    h('figcaption', {},
      h('span', { class: 'prompt' }, before.prompt,
        before.heldOut ? h('small', { class: 'tag', title: 'never trained on' }, 'held out') : null),
      h('span', { class: 'mono small' }, `${short(before.reward, 2)} → ${short(after.reward, 2)} `,
        h('b', { class: gain > 0 ? 'up' : gain < 0 ? 'down' : '' }, `${gain > 0 ? '+' : ''}${short(gain, 2)}`))));
}

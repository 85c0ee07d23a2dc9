import { h, short } from './dom.js';

/**
 * Pictures before and after, large: over each other with a slider between them, or side by side.
 * A pair is {prompt, before: {src, small?, label, reward}, after: the same}.
 */
export class Pairs {
  constructor() {
    this.title = h('h2', {});
    this.stage = h('div', { class: 'stage' });
    this.before = h('img', { alt: '' });
    this.after = h('img', { alt: '', class: 'over' });
    this.rule = h('span', { class: 'rule' });
    this.stage.append(this.before, this.after, this.rule);
    this.left = h('span', {});
    this.right = h('span', {});
    this.slider = h('input', { type: 'range', min: 0, max: 100, step: 0.5, value: 50,
      'aria-label': 'Before to the left, after to the right' });
    this.slider.addEventListener('input', () => this.divide(Number(this.slider.value)));
    const drag = e => {
      if (this.beside || (e.type === 'pointermove' && !e.buttons)) return;
      const box = this.stage.getBoundingClientRect();
      this.slider.value = String(100 * (e.clientX - box.left) / box.width);
      this.divide(Number(this.slider.value));
    };
    this.stage.addEventListener('pointerdown', drag);
    this.stage.addEventListener('pointermove', drag);
    this.how = h('button', { type: 'button', onclick: () => this.arrange(!this.beside) });
    const step = by => () => this.show((this.index + by + this.all.length) % this.all.length);
    this.dialog = h('dialog', { class: 'pairs-dialog' }, this.title, this.stage,
      h('div', { class: 'sides-text muted' }, this.left, this.right), this.slider,
      h('div', { class: 'actions' },
        h('button', { type: 'button', 'aria-label': 'previous', onclick: step(-1) }, '‹'),
        h('button', { type: 'button', 'aria-label': 'next', onclick: step(1) }, '›'), this.how,
        h('button', { type: 'button', class: 'primary', onclick: () => this.dialog.close() }, 'Close')));
    this.dialog.addEventListener('keydown', e => {
      if (e.target === this.slider || (e.key !== 'ArrowLeft' && e.key !== 'ArrowRight')) return;
      step(e.key === 'ArrowLeft' ? -1 : 1)();
    });
    document.body.append(this.dialog);
  }

  open(pairs, index) {
    this.all = pairs;
    this.arrange(false);
    this.show(index);
    this.dialog.showModal();
  }

  show(index) {
    this.index = index;
    const { prompt, before, after } = this.all[index];
    this.title.textContent = prompt;
    for (const [image, side] of [[this.before, before], [this.after, after]]) {
      // What the server gave away large may be gone with it; the small one is kept.
      image.onerror = () => { image.onerror = null; if (side.small) image.src = side.small; };
      image.src = side.src;
      image.alt = `${prompt}, ${side.label}`;
      // Small pictures are enlarged in whole pixels, so that one sees what was made.
      image.onload = () => image.classList.toggle('small', image.naturalWidth <= 96);
    }
    const words = side => `${side.label}${Number.isFinite(side.reward) ? `, reward ${short(side.reward, 2)}` : ''}`;
    this.left.textContent = words(before);
    this.right.textContent = words(after);
    this.slider.value = '50';
    this.divide(50);
  }

  arrange(beside) {
    this.beside = beside;
    this.stage.classList.toggle('beside', beside);
    this.slider.hidden = beside;
    this.how.textContent = beside ? 'Over each other' : 'Side by side';
    this.divide(Number(this.slider.value));
  }

  divide(percent) {
    this.after.style.clipPath = this.beside ? '' : `inset(0 0 0 ${percent}%)`;
    this.rule.style.left = `${percent}%`;
  }
}

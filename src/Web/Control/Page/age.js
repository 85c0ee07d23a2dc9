import { $, text, duration } from './dom.js';

// How old what is shown is, for as long as the coordinator does not answer.

let heard = Date.now();
let ticking = null;

/** The coordinator said something just now. */
export function fresh() {
  heard = Date.now();
  clearInterval(ticking);
  ticking = null;
  $('age').hidden = true;
  document.body.classList.remove('stale');
}

/** It does not answer: says since when, and goes on counting. */
export function stale() {
  if (ticking === null) {
    ticking = setInterval(show, 1000);
    show();
  }
}

/** Of a run that nobody leads: its last sign of life. */
export function asOf(time) {
  $('age').hidden = false;
  text('age', `last sign of life ${ago(new Date(time))}`);
}

function show() {
  $('age').hidden = false;
  document.body.classList.add('stale');
  text('age', `The coordinator does not answer. This is what was known ${ago(new Date(heard))}.`);
}

const ago = then => `${duration(Math.max(0, Math.round((Date.now() - then) / 1000)))} ago, at ${then.toLocaleString()}`;

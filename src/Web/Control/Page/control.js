import { $ } from './dom.js';

/** Asks first; then posts; then says what the coordinator said. */
export async function ask(path, title, question, button, dangerous = false) {
  $('confirm-title').textContent = title;
  $('confirm-text').textContent = question;
  $('confirm-yes').textContent = button;
  $('confirm-yes').className = dangerous ? 'danger' : 'primary';
  const dialog = $('confirm');
  dialog.returnValue = 'no';
  dialog.showModal();
  await new Promise(done => dialog.addEventListener('close', done, { once: true }));
  if (dialog.returnValue === 'yes') await post(path);
}

export async function post(path, body = {}) {
  try {
    const response = await fetch(path, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
    });
    const reply = await response.json();
    toast(reply.detail, !reply.ok);
    return reply;
  } catch {
    toast('the coordinator does not answer', true);
    return { ok: false };
  }
}

let fading;

export function toast(message, wrong = false) {
  const node = $('toast');
  node.textContent = message;
  node.className = wrong ? 'wrong' : '';
  node.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { node.hidden = true; }, 6000);
}

/** Shows the sign-in until the coordinator accepts the token. */
export function signIn() {
  return new Promise(done => {
    $('login').showModal();
    $('login').oncancel = e => e.preventDefault();
    $('login-form').onsubmit = async e => {
      e.preventDefault();
      const response = await fetch('/api/login', {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token: $('login-token').value }),
      });
      $('login-error').hidden = response.ok;
      $('login-error').textContent = response.ok ? '' : (await response.json()).detail;
      if (response.ok) {
        $('login-token').value = '';
        $('login').close();
        done();
      }
    };
  });
}

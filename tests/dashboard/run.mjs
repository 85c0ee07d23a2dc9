// The dashboard in a real browser: a short run of the shipped model, the page of the running and of the ended run,
// desktop and phone.
//   npm ci --prefix tests/dashboard && node tests/dashboard/run.mjs [FOLDER FOR PICTURES]
// Needs Chromium (CHROMIUM=path, default /usr/bin/chromium). About three minutes on two cores.
import { mkdtempSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AlignProp } from './alignprop.mjs';
import { Browser, check } from './browser.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const pictures = resolve(process.argv[2] ?? join(root, 'docs/pictures'));
const folder = mkdtempSync(join(tmpdir(), 'alignprop-dashboard-'));
mkdirSync(pictures, { recursive: true });

const browser = await Browser.start(folder);
let training, serving;
try {
  training = new AlignProp(root, 'train', '--runs', join(folder, 'runs'),
    '--set', 'stopping.max-epochs=6', '--set', 'batch.steps-per-epoch=3', '--set', 'batch.size=8',
    '--set', 'batch.shard-size=2', '--set', 'sampling.steps=15', '--set', 'evaluation.samples-per-prompt=1',
    '--set', 'evaluation.rewards=[{name=colourfulness}]');
  const url = await training.says(/dashboard (http:\S+)/);
  await running(url);
  check('the run ends with exit code 0', await training.exit() === 0, training.output);
  const [run] = readdirSync(join(folder, 'runs'));
  serving = new AlignProp(root, 'dashboard', run, '--runs', join(folder, 'runs'));
  await ended(await serving.says(/(http:\S+) {3}\(Ctrl-C/));
} catch (error) {
  console.error(training?.output, serving?.output);
  throw error;
} finally {
  training?.stop();
  serving?.stop();
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`all checks passed; pictures in ${pictures}`);

async function running(url) {
  const page = await browser.open(url, 'light', { width: 1280, height: 900 });
  await page.waitForSelector('#connection.live');
  await page.waitForFunction(() => document.querySelectorAll('#chart-reward circle.b').length > 3, null, { timeout: 240000 });
  for (const chart of ['reward', 'loss', 'grad', 'seconds']) {
    check(`a line in the ${chart} chart`, await page.locator(`#chart-${chart} polyline`).count() > 0);
  }
  check('a chart for the reward that is trained on and one for the other',
    (await page.locator('#terms figcaption').allTextContents()).join()
      === 'preference part of the reward,colourfulness evaluated only');
  check('lines in it', await page.locator('#terms [data-term=preference] polyline').count() > 0
    && await page.locator('#terms [data-term=colourfulness] circle.b').count() > 1);
  check('bars in the histogram of K', await page.locator('#chart-k rect').count() > 0);
  check('two devices', await page.locator('#devices-rows tr').count() === 2);
  await shown(page);
  await photograph(page, 'dashboard-running.png');

  await page.click('#pause');
  await page.click('#confirm button[value=no]');
  check('cancelled, nothing happens', await page.locator('#pause').isVisible());
  await page.click('#pause');
  await page.click('#confirm-yes');
  await page.waitForSelector('#state.paused', { timeout: 120000 });
  const step = await page.locator('#progress-text').textContent();
  await page.waitForTimeout(3000);
  check('paused, no step is made', await page.locator('#progress-text').textContent() === step);
  await page.click('#continue');
  await page.waitForSelector('#state:not(.paused)');
  check('events tell of it', (await page.locator('#events-list li.control').allTextContents()).some(t => t.includes('goes on')));

  const phone = await browser.open(url, 'dark', { width: 390, height: 844 });
  await shown(phone);
  await fits(phone);
  await photograph(phone, 'dashboard-running-phone.png', false);
  await phone.close();
  await page.waitForSelector('#connection.complete', { timeout: 400000 });
  check('the page knows that the run has ended', await page.locator('#state.ended').count() === 1);
  await page.close();
}

async function ended(url) {
  const page = await browser.open(url, 'dark', { width: 1280, height: 900 });
  await page.waitForSelector('#state.ended');
  await shown(page);
  check('nothing to steer', !await page.locator('#actions').isVisible() && await page.locator('[data-drain]').count() === 0);
  check('the devices of the run', await page.locator('#devices-rows tr').count() === 2);
  const last = page.locator('#images-grid .pair img').nth(1);
  const after = await last.getAttribute('src');
  await page.locator('#images-slider').fill('0');
  check('the slider goes back to the base model',
    await last.getAttribute('src') !== after && (await last.getAttribute('src')).includes('/images/0/'));
  await page.locator('#images-slider').fill(await page.locator('#images-slider').getAttribute('max'));
  await photograph(page, 'dashboard-ended.png');
  await page.close();
  const phone = await browser.open(url, 'light', { width: 390, height: 844 });
  await shown(phone);
  await fits(phone);
  await photograph(phone, 'dashboard-ended-phone.png');
  await phone.close();
}

async function photograph(page, name, fullPage = true) {
  await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
  await page.screenshot({ path: join(pictures, name), fullPage });
}

async function shown(page) {
  const seen = () => [...document.querySelectorAll('#images-grid img')].some(i => i.naturalWidth > 0);
  await page.waitForFunction(seen, null, { timeout: 60000 });
  check('pictures beside the base model', await page.locator('#images-grid .pair').count() >= 8);
  check('the configuration', (await page.locator('#config-text').textContent()).includes('learning-rate'));
}

async function fits(page) {
  check('nothing is wider than the phone', await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
}

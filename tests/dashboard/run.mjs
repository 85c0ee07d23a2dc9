// The charts' arithmetic, then the dashboard in a real browser: a short run of the shipped model, the page of the running and
// of the ended run, desktop and phone; other runs over it; its report and a comparison.
//   npm ci --prefix tests/dashboard && node tests/dashboard/run.mjs [FOLDER FOR PICTURES]
// Needs Chromium (CHROMIUM=path, default /usr/bin/chromium). About four minutes on two cores.
import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AlignProp } from './alignprop.mjs';
import './charts.mjs';
import { Browser, waitFor } from './browser.mjs';
import { check } from './check.mjs';
import { oddRuns } from './odd.mjs';

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
  const odd = oddRuns(join(folder, 'runs'), run);
  const address = await serving.says(/(http:\S+) {3}\(Ctrl-C/);
  await ended(address);
  await over(address, odd);
  await files(run);
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
  await waitFor('the page is live', () => page.locator('#connection.live').count());
  await waitFor('four evaluations in the reward chart', async () =>
    await page.locator('#chart-reward circle.s1').count() > 3, 600000);
  for (const chart of ['reward', 'loss', 'grad', 'rate', 'seconds', 'throughput', 'memory']) {
    await waitFor(`a line in the ${chart} chart`, () => page.locator(`#chart-${chart} path.line`).count());
  }
  check('a chart for the reward that is trained on and one for the other',
    (await page.locator('[data-term] .name').allTextContents()).join()
      === 'preference part of the reward,colourfulness evaluated only');
  check('lines in it', await page.locator('[data-term=preference] path.line').count() > 0
    && await page.locator('[data-term=colourfulness] circle.s1').count() > 1);
  await waitFor('bars in the histogram of K', () => page.locator('#chart-k rect').count());
  await waitFor('two devices', async () => await page.locator('#devices-rows tr').count() === 2);
  await waitFor('the held-out mean has its spread', async () =>
    /^-?\d+\.\d+ ± \d+\.\d+$/.test(await page.locator('.tile.headline b').textContent()));
  await waitFor('steps are among the events', () => page.locator('#events-list li.step').count());
  await page.uncheck('#events-steps');
  check('and can be left out', await page.locator('#events-list li.step').count() === 0);
  await page.check('#events-steps');
  await shown(page);
  await photograph(page, 'dashboard-running.png');

  await page.click('#pause');
  await page.click('#confirm button[value=no]');
  check('cancelled, nothing happens', await page.locator('#pause').isVisible());
  await page.click('#pause');
  await page.click('#confirm-yes');
  await waitFor('the run is paused', () => page.locator('#state.paused').count());
  const step = await page.locator('#progress-text').textContent();
  await page.waitForTimeout(3000);
  check('paused, no step is made', await page.locator('#progress-text').textContent() === step);
  await page.click('#continue');
  await waitFor('it goes on', () => page.locator('#state:not(.paused)').count());
  await waitFor('events tell of it', async () =>
    (await page.locator('#events-list li.control').allTextContents()).some(t => t.includes('goes on')));

  const phone = await browser.open(url, 'dark', { width: 390, height: 844 });
  await shown(phone);
  await fits(phone);
  await photograph(phone, 'dashboard-running-phone.png', false);
  await phone.close();
  await waitFor('the page knows that the run has ended', async () => await page.locator('#connection.complete').count()
    && await page.locator('#state.ended').count(), 600000);
  await page.close();
}

async function ended(url) {
  const page = await browser.open(url, 'dark', { width: 1280, height: 900 });
  await waitFor('the run is shown as ended', () => page.locator('#state.ended').count());
  await shown(page);
  await waitFor('nothing to steer', async () => !await page.locator('#actions').isVisible()
    && await page.locator('[data-drain]').count() === 0);
  await waitFor('the devices of the run', async () => await page.locator('#devices-rows tr').count() === 2);
  const last = page.locator('#images-grid .pair img').nth(1);
  const after = await last.getAttribute('src');
  await page.locator('#images-slider').fill('0');
  await waitFor('the slider goes back to the base model', async () =>
    await last.getAttribute('src') !== after && (await last.getAttribute('src')).includes('/images/0/'));
  await page.locator('#images-slider').fill(await page.locator('#images-slider').getAttribute('max'));
  await photograph(page, 'dashboard-ended.png');
  await page.close();
  const phone = await browser.open(url, 'light', { width: 390, height: 844 });
  await shown(phone);
  await fits(phone);
  await photograph(phone, 'dashboard-ended-phone.png');
  await larger(phone);
  await phone.close();
  const small = await browser.open(url, 'dark', { width: 320, height: 640 });
  await shown(small);
  await fits(small);
  await small.close();
}

/** Pictures before and after, large: over each other with a slider, side by side, the next one. */
async function larger(page) {
  await page.locator('#images-grid .pair button').first().click();
  const dialog = page.locator('.pairs-dialog');
  await waitFor('the pictures are large', async () => await dialog.isVisible()
    && await dialog.locator('img').evaluateAll(all => all.every(i => i.naturalWidth > 0)));
  const cut = () => dialog.locator('img.over').evaluate(i => i.style.clipPath);
  await dialog.locator('input[type=range]').fill('20');
  check('the slider divides them', /20%/.test(await cut()), await cut());
  await dialog.getByText('Side by side').click();
  check('side by side both are whole', await cut() === '');
  const first = await dialog.locator('h2').textContent();
  await dialog.getByLabel('next').click();
  check('the next one', await dialog.locator('h2').textContent() !== first);
  await fits(page);
  await dialog.getByText('Close').click();
  await waitFor('closed', async () => !await dialog.isVisible());
}

/** Other runs over this one, also of kinds that no training has; smoothing, logarithm, time, zoom. */
async function over(url, odd) {
  const page = await browser.open(url, 'light', { width: 1280, height: 900 });
  await waitFor('the curves are there', () => page.locator('#chart-reward path.line').count());
  await page.click('#others summary');
  await waitFor('the other runs are listed', async () => await page.locator('#others-list input').count() === odd.length);
  const choose = async (...ids) => {
    for (const id of odd.filter(o => !ids.includes(o))) await page.uncheck(`#others-list input[value=${id}]`);
    for (const id of ids) await page.check(`#others-list input[value=${id}]`);
    await waitFor(`the legend names ${ids}`, async () =>
      (await page.locator('.legend.runs > span').allTextContents()).slice(1).join() === ids.join());
  };
  await choose('odd-10000-steps', 'odd-constant', 'odd-one-step', 'odd-no-numbers');
  check('five are the most', await page.locator('#others-list input:not(:checked)').evaluateAll(all => all.every(b =>
    b.disabled)));
  await waitFor('a line for each', async () => await page.locator('#chart-reward path.s1').count()
    && await page.locator('#chart-reward path.s2').count() && await page.locator('#chart-reward circle.s3').count()
    && await page.locator('#chart-reward path.s4').count());
  for (const [axis, smoothing] of [['clock', '0'], ['step', '0.99'], ['clock', '0.9']]) {
    await page.click(`[data-axis=${axis}]`);
    await page.locator('[data-control=smoothing]').fill(smoothing);
    for (const log of await page.locator('.charts .log').all()) await log.click();
    await waitFor(`drawn over ${axis}, smoothing ${smoothing}, logarithms turned`, async () =>
      await page.locator('.charts svg').count() >= 8 && await page.locator('#chart-reward path.line').count() > 0);
  }
  await choose('odd-empty', 'odd-old-version');
  await page.click('[data-axis=step]');
  await page.locator('[data-control=smoothing]').fill('0.6');
  if (await page.locator('#chart-reward .log[aria-pressed=true]').count()) await page.click('#chart-reward .log');
  await waitFor('smoothed, with what was measured behind it', () => page.locator('#chart-reward path.raw').count());
  const paths = async () => (await page.locator('#chart-reward path.line').evaluateAll(all => all.map(p =>
    p.getAttribute('d')))).join();
  const whole = await paths();
  await page.locator('#chart-reward svg').scrollIntoViewIfNeeded();
  const box = await page.locator('#chart-reward svg').boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 100);
  await waitFor('the tip tells a step', async () => (await page.locator('#chart-reward .tip').textContent()).includes('step'));
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 100);
  await page.mouse.move(box.x + box.width * 0.6, box.y + 100);
  await page.mouse.up();
  await waitFor('drawn across, a part is shown', async () => await page.locator('[data-control=reset]').isVisible()
    && await paths() !== whole);
  await page.click('[data-control=reset]');
  await waitFor('and everything again', async () => await paths() === whole);
  await photograph(page, 'dashboard-compared.png', false);

  for (const [name, start] of [['metrics.csv', 'kind,step,epoch,time,reward_mean'], ['pictures.zip', 'PK'],
    ['adapter.safetensors', '']]) {
    const link = page.locator('#files-list a', { hasText: name });
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    const content = readFileSync(await download.path());
    check(`${name} comes as a file`, content.length > 100 && content.toString('latin1').startsWith(start)
      && download.suggestedFilename().endsWith(`-${name}`), download.suggestedFilename());
  }
  await page.close();
}

/** Report and comparison: files that ask nobody for anything, with the same curves. */
async function files(run) {
  const runs = ['--runs', join(folder, 'runs')];
  for (const [name, ...command] of [['report', 'report', run], ['compare', 'compare', run, run]]) {
    const file = join(folder, `${name}.html`);
    const writing = new AlignProp(root, ...command, ...runs, '--out', file);
    check(`${name} is written`, await writing.exit() === 0, writing.output);
    for (const [width, colours] of [[1280, 'light'], [390, 'dark'], [320, 'light']]) {
      const page = await browser.open(pathToFileURL(file).href, colours, { width, height: 800 });
      await waitFor(`${name}, ${width} pixels: its curves`, async () => await page.locator('#chart-reward path.line').count()
        && await page.locator('#chart-memory path.line').count());
      await fits(page);
      await page.locator('[data-control=smoothing]').fill('0.8');
      await waitFor('smoothed', () => page.locator('#chart-reward path.raw').count());
      await page.locator('.pairs button').first().click();
      await waitFor('pictures, large', () => page.locator('.pairs-dialog').isVisible());
      await fits(page);
      await page.locator('.pairs-dialog').getByText('Close').click();
      await page.locator('[data-control=smoothing]').fill('0');
      if (width === 1280) await photograph(page, `${name}.png`, false);
      await page.close();
    }
  }
}

async function photograph(page, name, fullPage = true) {
  await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
  await page.screenshot({ path: join(pictures, name), fullPage });
}

async function shown(page) {
  await waitFor('pictures beside the base model', async () => await page.locator('#images-grid .pair').count() >= 8
    && await page.locator('#images-grid img').evaluateAll(all => all.some(i => i.naturalWidth > 0)));
  await waitFor('the configuration', async () => (await page.locator('#config-text').textContent()).includes('learning-rate'));
}

async function fits(page) {
  const wide = () => [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => `${e.tagName}.${e.className}`).slice(0, 5).join();
  await waitFor(`nothing is wider than ${page.viewportSize().width} pixels`, async () => {
    if (await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)) return true;
    throw new Error(await page.evaluate(wide));
  }, 60000);
}

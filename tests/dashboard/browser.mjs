import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export function check(what, holds, why = '') {
  if (!holds) throw new Error(`not so: ${what}\n${why}`);
  console.log(`ok  ${what}`);
}

/** Chromium; a page that asks another host for anything, or whose script fails, fails the test. */
export class Browser {
  static async start(folder) {
    const browser = new Browser();
    browser.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS, env: { ...process.env, HOME: join(folder) },
    });
    return browser;
  }

  async open(url, colorScheme, viewport) {
    const context = await this.chromium.newContext({
      colorScheme, viewport, deviceScaleFactor: viewport.width < 500 ? 2 : 1, hasTouch: viewport.width < 500,
    });
    const page = await context.newPage();
    const own = new URL(url).host;
    page.on('request', request => {
      const url = request.url();
      if (!url.startsWith('blob:') && new URL(url).host !== own) this.complain(`the page asked ${url}`);
    });
    page.on('pageerror', error => this.complain(`script: ${error.message}`));
    page.on('console', message => {
      // A run that ends takes its server with it: only that may refuse connections.
      if (message.type() === 'error' && !message.text().includes('ERR_CONNECTION_REFUSED')) {
        this.complain(`console: ${message.text()}`);
      }
    });
    await page.goto(url);
    return page;
  }

  complain(what) {
    this.complaints = [...(this.complaints ?? []), what];
    console.error(what);
  }

  async close() {
    await this.chromium.close();
    if (this.complaints) throw new Error(`the page misbehaved: ${this.complaints.join('; ')}`);
  }
}

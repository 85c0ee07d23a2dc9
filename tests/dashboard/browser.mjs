import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/** A loaded machine of two cores is to pass: nothing here is about how fast it is. */
export const PATIENCE = 180000;

/** Waits until something holds, and says what was waited for where it does not. */
export async function waitFor(what, holds, patience = PATIENCE) {
  const end = Date.now() + patience;
  let why = 'it was not so';
  do {
    try {
      if (await holds()) {
        console.log(`ok  ${what}`);
        return;
      }
    } catch (error) {
      // An element that is drawn anew at this moment: looked at again.
      why = error.message;
    }
    await new Promise(next => setTimeout(next, 200));
  } while (Date.now() < end);
  throw new Error(`waited ${patience / 1000} s for: ${what}\n${why}`);
}

/** Chromium; a page that asks another host for anything, or whose script fails, fails the test. */
export class Browser {
  static async start(folder) {
    const browser = new Browser();
    browser.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS, env: { ...process.env, HOME: join(folder) },
      timeout: PATIENCE,
    });
    return browser;
  }

  async open(url, colorScheme, viewport) {
    const context = await this.chromium.newContext({
      colorScheme, viewport, deviceScaleFactor: viewport.width < 500 ? 2 : 1, hasTouch: viewport.width < 500,
      acceptDownloads: true,
    });
    context.setDefaultTimeout(PATIENCE);
    context.setDefaultNavigationTimeout(PATIENCE);
    const page = await context.newPage();
    const own = new URL(url).host;
    page.on('request', request => {
      const asked = request.url();
      if (!/^(blob|data):/.test(asked) && new URL(asked).host !== own) this.complain(`the page asked ${asked}`);
    });
    page.on('pageerror', error => this.complain(`script: ${error.message}`));
    page.on('console', message => {
      // A run that ends takes its server with it: only that may refuse connections, or break one that is open.
      if (message.type() === 'error' && !/ERR_(CONNECTION_\w+|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)/.test(message.text())) {
        this.complain(`console: ${message.text()}`);
      }
    });
    await this.connect(page, url);
    return page;
  }

  /** The server has said its address, but on a loaded machine the first connection may still fail. */
  async connect(page, url) {
    for (let trial = 1; ; trial++) {
      try {
        await page.goto(url, { waitUntil: 'domcontentloaded' });
        return;
      } catch (error) {
        if (trial === 10) throw error;
        console.log(`    ${url} does not answer yet (${error.message.split('\n')[0]}); again`);
        await new Promise(next => setTimeout(next, 1000));
      }
    }
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

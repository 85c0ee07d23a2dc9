import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** An alignprop command as a process. */
export class AlignProp {
  constructor(root, ...args) {
    this.output = '';
    this.process = spawn(join(root, 'alignprop'), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', data => { this.output += data; });
    this.ended = new Promise(done => this.process.on('exit', code => done(code)));
  }

  /** Waits for a line; the pattern's first group. */
  async says(pattern, seconds = 600) {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await new Promise(next => setTimeout(next, 100))) {
      const found = pattern.exec(this.output);
      if (found) return found[1];
      if (this.process.exitCode !== null) break;
    }
    throw new Error(`${pattern} was not said:\n${this.output}`);
  }

  exit() {
    return this.ended;
  }

  stop() {
    this.process.kill('SIGINT');
  }
}

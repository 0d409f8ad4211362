// SPDX-License-Identifier: Apache-2.0
// Starts the stub as a program of its own, for tests.
import { spawn } from 'node:child_process';
import http from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { readLog } from './log.mjs';

const program = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, 'stub.mjs');

export class Stub {
  /** `folder`: where the log goes (FOLDER/NAME.log). `args`: further flags of stub.mjs. */
  static async start({ folder, name = 'stub', args = [] }) {
    const stub = new Stub();
    stub.logPath = join(folder, `${name}.log`);
    // It ends by itself when this process ends, however that comes: its standard input closes.
    stub.child = spawn(process.execPath, [program, '--log', stub.logPath, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    stub.ended = new Promise((resolve) => stub.child.on('close', resolve));
    const line = await new Promise((resolve, reject) => {
      createInterface({ input: stub.child.stdout }).once('line', resolve);
      stub.ended.then((code) => reject(new Error(`the stub ended with ${code}`)));
    });
    Object.assign(stub, JSON.parse(line));
    return stub;
  }

  /** Starts one that ends with the test or suite `t`. */
  static async for(t, options) {
    const stub = await Stub.start(options);
    t.after(() => stub.stop());
    return stub;
  }

  stop() {
    this.child.stdin.end();
    this.child.kill();
    return this.ended;
  }

  /** Every whole line of its log so far. */
  entries() {
    return readLog(this.logPath);
  }

  /** The creates whose body holds `text`: {received: [lines], accepted: [lines], answered: [lines]}. */
  creates(text) {
    const all = this.entries();
    const creates = all.filter(
      ({ method, path }) => method === 'POST' && /\/(predictions|trainings)$/.test(path ?? ''),
    );
    const received = creates.filter(({ phase, body }) => phase === 'received' && JSON.stringify(body).includes(text));
    const where = new Set(received.map(({ connection, nth }) => `${connection}/${nth}`));
    const of = (phase) => creates.filter((e) => e.phase === phase && where.has(`${e.connection}/${e.nth}`));
    return { received, accepted: of('accepted'), answered: of('answered') };
  }

  /** What was asked of the prediction that the create with `text` made. */
  askedOf(text) {
    const [taken] = this.creates(text).accepted;
    if (!taken) return [];
    return this.entries().filter(({ phase, path }) => phase === 'received' && path.includes(taken.id));
  }

  /** The next `times` requests that match get `do` (words, see README.md). */
  script(script) {
    return this.control_('script', script);
  }

  control_(name, body = {}) {
    return new Promise((resolve, reject) => {
      const request = http.request(`${this.control}/_stub/${name}`, { method: 'POST', agent: false }, (response) => {
        const pieces = [];
        response.on('data', (piece) => pieces.push(piece));
        response.on('end', () => {
          const value = JSON.parse(Buffer.concat(pieces).toString());
          if (response.statusCode === 200) resolve(value);
          else reject(new Error(value.error));
        });
      });
      request.on('error', reject);
      request.end(JSON.stringify(body));
    });
  }

  release() {
    return this.control_('release');
  }
  resetScripts() {
    return this.control_('reset-scripts');
  }
  stopListening() {
    return this.control_('stop-listening');
  }
  listenAgain() {
    return this.control_('listen');
  }
  resetConnections(times = 1) {
    return this.control_('reset-connections', { times });
  }
  async state() {
    return (await this.control_('state')).predictions;
  }
}

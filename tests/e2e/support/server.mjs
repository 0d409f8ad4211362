// SPDX-License-Identifier: Apache-2.0
// Starts the real binary on a free port with a data folder of its own, and stops it by its process.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const binary = process.env.HEKTO_BIN;
if (!binary) throw new Error('HEKTO_BIN must name the hekto program; ctest sets it');

// Generous, because a server under a sanitizer on a busy machine is slow: nothing waits this long when all is well.
export const kPatienceSeconds = 90;

const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** A new empty folder that is removed when the test or suite `t` (anything with after()) has ended. */
export function tempFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'hekto-e2e-'));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Calls `check` until it returns something truthy, and returns that; fails after kPatienceSeconds. */
export async function until(what, check) {
  const end = Date.now() + kPatienceSeconds * 1000;
  for (;;) {
    const result = await check();
    if (result) return result;
    if (Date.now() > end) throw new Error(`waited ${kPatienceSeconds} s in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/**
 * The environment without anything that would configure the program, but for what HEKTO_TEST_PARK_AFTER says of all
 * servers of a run of tests.
 */
function cleanEnvironment(extra) {
  const kept = Object.entries(process.env).filter(([name]) => !/^(HEKTO_|REPLICATE_)/.test(name));
  const parkAfter = process.env.HEKTO_TEST_PARK_AFTER;
  const park = parkAfter ? { HEKTO_PREDICTIONS_PARK_AFTER: parkAfter } : {};
  return { ...Object.fromEntries(kept), ...park, ...extra };
}

/** Runs the program to its end. `cwd` must be given, so that no hekto.yaml of the caller's folder is read. */
export function hekto(args, { cwd, env = {} }) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, args, { cwd, env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      children.delete(child);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

export class Server {
  /** Lines of standard error so far. */
  log = [];
  /** Lines of standard output so far. */
  output = [];

  /** Starts a server without waiting. `ready` resolves once it says where it listens, or rejects if it ends before. */
  static launch({ folder, args = [], env = {}, listen = '127.0.0.1:0' }) {
    const server = new Server();
    server.folder = folder;
    server.data = join(folder, 'data');
    server.child = spawn(binary, ['serve', '--data', server.data, '--listen', listen, ...args], {
      cwd: folder,
      env: cleanEnvironment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(server.child);
    server.ended = new Promise((resolve) => {
      server.child.on('close', (code, signal) => {
        children.delete(server.child);
        resolve({ code, signal });
      });
    });
    createInterface({ input: server.child.stderr }).on('line', (line) => server.log.push(line));
    server.ready = new Promise((resolve, reject) => {
      createInterface({ input: server.child.stdout }).on('line', (line) => {
        server.output.push(line);
        const found = /listening on (https?:\/\/\S+)/.exec(line);
        if (!found || server.origin) return;
        server.origin = found[1].replace(/\/$/, '');
        server.port = Number(new URL(server.origin).port);
        resolve();
      });
      server.child.on('error', reject);
      server.ended.then(({ code, signal }) =>
        reject(new Error(`the server ended (${code ?? signal}) before it listened:\n${server.log.join('\n')}`)),
      );
    });
    server.ready.catch(() => {}); // whoever kills it early may not be waiting
    return server;
  }

  /** Starts a server and waits until it listens. With `key` (default) a key is made for it. */
  static async start({ key = true, ...options }) {
    const server = Server.launch(options);
    await server.ready;
    if (key) server.key = await server.makeKey('e2e');
    return server;
  }

  get pid() {
    return this.child.pid;
  }

  /** Makes a key with the command line and returns its text. */
  async makeKey(name, ...args) {
    const made = await hekto(['keys', 'create', '--name', name, '--data', this.data, ...args], { cwd: this.folder });
    if (made.code !== 0) throw new Error(`keys create ended with ${made.code}: ${made.stderr}`);
    return made.stdout.trimEnd().split('\n').at(-1);
  }

  async makeAccount(name) {
    const made = await hekto(['accounts', 'create', name, '--data', this.data], { cwd: this.folder });
    if (made.code !== 0) throw new Error(`accounts create ended with ${made.code}: ${made.stderr}`);
  }

  /** Throws when a sanitizer that the program was built with has reported something. */
  checkSanitizers() {
    const at = this.log.findIndex((line) => /Sanitizer: |: runtime error: /.test(line));
    if (at < 0) return;
    // A hook that throws keeps later ones from running, and what still ran would keep the test from ending.
    for (const child of children) child.kill('SIGKILL');
    throw new Error(`a sanitizer reported:\n${this.log.slice(at, at + 60).join('\n')}`);
  }

  /** Sends `signal` and resolves with {code, signal} of the end. */
  stop(signal = 'SIGTERM') {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Starts a server in a temporary folder; both go when the test or suite `t` has ended. */
export async function startServer(t, options = {}) {
  let server;
  // Before the folder is removed: hooks run in the order in which they were added.
  t.after(async () => {
    await server?.stop('SIGKILL');
    server?.checkSanitizers();
  });
  server = await Server.start({ ...options, folder: options.folder ?? tempFolder(t) });
  return server;
}

// SPDX-License-Identifier: Apache-2.0
// What the two drivers in Node share. Every driver, in whatever language, is started with
//   CONFORMANCE_ORIGIN, CONFORMANCE_MOUNT   where the server is
//   CONFORMANCE_KEY                         a key of an account that nobody else uses
//   CONFORMANCE_PAGES_KEY, _PAGES_FILE      a key of an account that has so much that its lists have pages, and a JSON
//                                           object of what it has, newest first: `predictions`, `deployments` (names),
//                                           `files`, `models` (owner/name), `trainings`; and without an order the
//                                           `versions` of its model pages/trained
//   CONFORMANCE_LIMITED_ORIGIN, _LIMITED_KEY   a server that soon answers with 429, and a key of one's own for it
//   CONFORMANCE_OPERATIONS                  ids of operations, with commas
// and prints {"version": "…"} for its client, for each operation {"operation": "…", "problem": null or "…"}, and at
// last {"methods": {"…": true or false}}: each public method of the installed client, and whether it was called.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

export const origin = process.env.CONFORMANCE_ORIGIN;
export const mount = process.env.CONFORMANCE_MOUNT;
export const key = process.env.CONFORMANCE_KEY;
export const pagesKey = process.env.CONFORMANCE_PAGES_KEY;
export const limitedOrigin = process.env.CONFORMANCE_LIMITED_ORIGIN;
export const limitedKey = process.env.CONFORMANCE_LIMITED_KEY;
export const secure = origin.startsWith('https:');

export const kImageModel = 'black-forest-labs/flux-schnell';
export const kVersionedModel = 'lucataco/flux-schnell-lora';
export const kVersion = '2a6b576af31790b470f0a8442e1e9791213fa13799cbb65a9fc1436e96389574';
export const kTextModel = 'meta/meta-llama-3-8b-instruct';

export const pageItems = () => JSON.parse(readFileSync(process.env.CONFORMANCE_PAGES_FILE, 'utf8'));

export const kTrainer = ['ostris', 'flux-dev-lora-trainer'];
export const kTrainerVersion = 'e440909d3512c31646ee2e0c7d6f6f4923224863a6a10c494606e79fb5844497';

/** Input of a training that ends at once; `triggerWord` may hold what the sandbox shall do. */
export const training = (triggerWord = 'TOK') => ({
  // The smallest zip file there is.
  input_images: `data:application/zip;base64,${Buffer.from('504b0506'.padEnd(44, '0'), 'hex').toString('base64')}`,
  steps: 3,
  trigger_word: triggerWord,
});

let prompts = 0;
/** A prompt that no other operation uses, followed by what the sandbox shall do. */
export const newPrompt = (directives = '') => `prompt ${++prompts} ${directives}`.trim();

/** Input of an image model that is quick to make: 512x512. */
export const image = (prompt, more = {}) => ({ prompt, megapixels: '0.25', output_format: 'jpg', ...more });

let names = 0;
/** A name that this account has not used. */
export const unique = (name) => `${name}-${Date.now()}-${++names}`;

export function assertWholeJpeg(bytes) {
  assert.equal(Buffer.from(bytes.subarray(0, 3)).toString('hex'), 'ffd8ff', 'the file does not begin as a JPEG does');
  assert.equal(Buffer.from(bytes.subarray(-2)).toString('hex'), 'ffd9', 'the file does not end as a JPEG does');
}

/** Calls `check` until it returns something truthy. */
export async function until(what, check) {
  const end = Date.now() + 30_000;
  for (;;) {
    const result = await check();
    if (result) return result;
    if (Date.now() > end) throw new Error(`waited 30 s in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Uses up what the key for the limited server may ask for, so that the next request there is refused. */
export async function useUpLimit() {
  const path = `${limitedOrigin}${mount}/account`;
  for (let i = 0; i < 500; ++i) {
    const { status, headers } = await fetch(path, { headers: { Authorization: `Bearer ${limitedKey}` } });
    if (status === 429) {
      assert.match(headers.get('retry-after') ?? '', /^\d+$/);
      return;
    }
    assert.equal(status, 200);
  }
  throw new Error('500 requests, and none was refused with 429');
}

/** An opened webhook receiver: {url, received, close()}, where `received` gets {headers, body} of each request. */
export async function openReceiver() {
  const received = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece) => (body += piece));
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}/hook`, received, close };
}

const methods = new Map();

/** Notes that the client has the method `name`, and whether it was called. */
export const note = (name, called = true) => methods.set(name, called || methods.get(name) === true);

/**
 * A stand-in for `target`, a client or a part of one, that notes which of its methods are called. The client itself is
 * not touched, so what it calls of its own does not count.
 */
export function watched(target, names = Object.keys(target), prefix = '') {
  const replaced = new Map();
  for (const name of names) {
    const member = target[name];
    const path = prefix + name;
    if (typeof member === 'function') {
      if (!methods.has(path)) methods.set(path, false);
      replaced.set(name, (...args) => {
        methods.set(path, true);
        return member.apply(target, args);
      });
    } else if (member !== null && typeof member === 'object') {
      replaced.set(name, watched(member, Object.keys(member), `${path}.`));
    }
  }
  return new Proxy(target, { get: (object, name) => replaced.get(name) ?? object[name] });
}

/** Runs what was asked for, one after the other, and reports. */
export async function drive(version, operations) {
  const report = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
  report({ version });
  for (const operation of process.env.CONFORMANCE_OPERATIONS.split(',')) {
    let problem = null;
    try {
      if (!operations[operation]) throw new Error('the driver does not have this operation');
      await operations[operation]();
    } catch (error) {
      problem = error?.stack ?? String(error);
    }
    report({ operation, problem });
  }
  report({ methods: Object.fromEntries(methods) });
}

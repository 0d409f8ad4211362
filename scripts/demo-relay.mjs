// SPDX-License-Identifier: Apache-2.0
// What scripts/demo-relay does once the server is built: node demo-relay.mjs HEKTO PREDICTIONS KILLS
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { join, relative } from 'node:path';

const [, , hekto, ...numbers] = process.argv;
const [kPredictions, kKills] = numbers.map(Number);
const kClients = 8;
const kPatienceMs = 300_000; // for everything to end after the last create
const kModel = 'meta/meta-llama-3-8b-instruct';
const kUnlimited = ['--rate-limits-creates', '0', '--rate-limits-others', '0'];

const folder = mkdtempSync(join(process.cwd(), 'demo-relay-'));
const children = new Set();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const isTerminal = (status) => ['succeeded', 'failed', 'canceled', 'aborted'].includes(status);

process.on('exit', (code) => {
  for (const child of children) child.kill('SIGKILL');
  if (code === 0) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  else console.log(`The data and logs of both servers are in ${folder}`);
});
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

// --- what is printed

function step(text) {
  console.log(`\n==> ${text}`);
}

/** Prints a command so that it can be copied into a shell as it is. */
function show(words, environment = {}) {
  const quoted = words.map((word) => (/^[\w./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  const set = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  clearBar();
  console.log(`$ ${[...set, ...quoted].join(' ')}`);
}

let barShown = false;
let lastTenth = -1;

function clearBar() {
  if (barShown) process.stdout.write('\r\x1b[K');
  barShown = false;
}

/** A bar that is drawn over itself on a terminal, and a line for each tenth elsewhere. */
function bar(word, done, all) {
  if (process.stdout.isTTY) {
    const filled = Math.round((30 * done) / all);
    process.stdout.write(`\r\x1b[K${word} [${'#'.repeat(filled)}${'-'.repeat(30 - filled)}] ${done}/${all}`);
    barShown = true;
  } else if (Math.floor((10 * done) / all) !== lastTenth) {
    lastTenth = Math.floor((10 * done) / all);
    console.log(`${word} ${done}/${all}`);
  }
}

function endBar() {
  if (barShown) console.log();
  barShown = false;
  lastTenth = -1;
}

// --- servers and requests

/** Starts a server and waits until it says where it listens. */
async function serve(name, args, environment = {}) {
  const words = [hekto, 'serve', '--data', join(folder, name), ...args];
  show(
    [relative(process.cwd(), hekto), 'serve', '--data', relative(process.cwd(), join(folder, name)), ...args],
    environment,
  );
  const log = join(folder, `${name}.log`);
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(HEKTO|REPLICATE)_/.test(key)));
  const child = spawn(words[0], words.slice(1), {
    cwd: folder, // where no hekto.yaml is
    env: { ...env, ...environment },
    stdio: ['ignore', 'pipe', openSync(log, 'a')],
  });
  children.add(child);
  const server = { child, ended: new Promise((resolve) => child.on('close', resolve)) };
  server.ended.then(() => children.delete(child));
  server.origin = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece) => {
      text += piece;
      const found = /listening on (http:\S+)\n/.exec(text);
      if (found) resolve(found[1].replace(/\/$/, ''));
    });
    child.on('error', reject);
    server.ended.then(() => reject(new Error(`the server did not start:\n${readFileSync(log, 'utf8')}`)));
  });
  return server;
}

function makeKey(name) {
  const args = ['keys', 'create', '--name', 'demo', '--data', join(folder, name)];
  show([relative(process.cwd(), hekto), ...args.slice(0, -1), relative(process.cwd(), join(folder, name))]);
  const made = spawnSync(hekto, args, { cwd: folder, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`no key could be made: ${made.stderr}`);
  const key = made.stdout.trimEnd().split('\n').at(-1);
  console.log(key);
  return key;
}

/** {status, value}; null when the server is not there, or died under the request. */
function request(origin, key, path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve) => {
    const sent = http.request(
      origin + path,
      {
        method,
        agent: false,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece) => (text += piece));
        response.on('error', () => resolve(null));
        response.on('end', () => resolve({ status: response.statusCode, value: JSON.parse(text) }));
      },
    );
    sent.on('error', () => resolve(null));
    sent.end(body);
  });
}

/** Every prediction that the key sees, by its prompt: Map prompt -> [prediction]. */
async function listAll(origin, key) {
  const all = new Map();
  for (let path = '/v1/predictions'; path;) {
    const page = await request(origin, key, path);
    if (page?.status !== 200) throw new Error(`the list answers ${page?.status}`);
    for (const prediction of page.value.results) {
      const { prompt } = prediction.input;
      all.set(prompt, [...(all.get(prompt) ?? []), prediction]);
    }
    path = page.value.next && page.value.next.slice(new URL(page.value.next).origin.length);
  }
  return all;
}

// --- the demonstration

async function main() {
  step('Starting the upstream: a server with the sandbox, which plays the paid service');
  const upstream = await serve('upstream', ['--listen', '127.0.0.1:0', '--sandbox-speed', '20', ...kUnlimited]);
  console.log(`listening on ${upstream.origin}`);
  const token = makeKey('upstream');

  step('Starting the front: a server that relays to it');
  const relaying = ['--replicate-url', upstream.origin, ...kUnlimited];
  let front = await serve('front', ['--listen', '127.0.0.1:0', ...relaying], { REPLICATE_API_TOKEN: token });
  const { origin } = front;
  console.log(`listening on ${origin}`);
  const key = makeKey('front');

  step(`Creating ${kPredictions} predictions at the front, and killing it ${kKills} times meanwhile`);
  const path = `/v1/models/${kModel}/predictions`;
  const prompt = (i) => `Prediction ${i} of a demonstration`;
  const bodyOf = (i) => JSON.stringify({ input: { prompt: prompt(i), max_tokens: 40 } });
  show(
    ['curl', '-sS', '-X', 'POST', origin + path, '-H', `Authorization: Bearer ${key}`].concat([
      '-H',
      'Content-Type: application/json',
      '-H',
      'Idempotency-Key: demo-0',
      '-d',
      bodyOf(0),
    ]),
  );
  const accepted = new Map(); // prompt -> id in the answer
  let next = 0;
  let brokenOff = 0;
  const client = async () => {
    while (next < kPredictions) {
      const i = next++;
      // As official clients do: until there is an answer, with one key for all attempts.
      for (;;) {
        const headers = { 'idempotency-key': `demo-${i}` };
        const answer = await request(origin, key, path, { method: 'POST', headers, body: bodyOf(i) });
        if (answer?.status === 201) {
          accepted.set(prompt(i), answer.value.id);
          break;
        }
        if (answer && ![409, 429, 503].includes(answer.status)) {
          throw new Error(`a create was answered ${answer.status}: ${JSON.stringify(answer.value)}`);
        }
        if (!answer) ++brokenOff;
        await pause(20);
      }
      bar('created', accepted.size, kPredictions);
    }
  };
  const killer = async () => {
    for (let i = 1; i <= kKills; ++i) {
      const at = Math.floor((kPredictions * i) / (kKills + 1));
      while (accepted.size < at) await pause(1);
      show(['kill', '-9', String(front.child.pid)]);
      front.child.kill('SIGKILL');
      await front.ended;
      front = await serve('front', ['--listen', new URL(origin).host, ...relaying], { REPLICATE_API_TOKEN: token });
    }
  };
  await Promise.all([killer(), ...Array.from({ length: kClients }, client)]);
  endBar();

  step('Waiting until everything has ended');
  let ours;
  for (const until = Date.now() + kPatienceMs; ; await pause(250)) {
    ours = await listAll(origin, key);
    const ended = [...ours.values()].flat().filter(({ status }) => isTerminal(status)).length;
    bar('ended', ended, kPredictions);
    if (ended >= kPredictions || Date.now() > until) break;
  }
  endBar();

  step('Comparing both sides');
  const theirs = await listAll(upstream.origin, token);
  const all = (side, status) => [...side.values()].flat().filter((p) => !status || p.status === status).length;
  const isAmbiguous = ({ status, error }) => status === 'failed' && /\(code: submission_unknown\)/.test(error ?? '');
  let lost = 0;
  let duplicated = 0;
  let different = 0;
  for (let i = 0; i < kPredictions; ++i) {
    const here = ours.get(prompt(i)) ?? [];
    const there = theirs.get(prompt(i)) ?? [];
    const own = here.find(({ id }) => id === accepted.get(prompt(i)));
    if (!own || !isTerminal(own.status)) ++lost;
    duplicated += Math.max(here.length - 1, 0) + Math.max(there.length - 1, 0);
    if (!own || isAmbiguous(own)) continue;
    const same = there.some((p) => p.status === own.status && JSON.stringify(p.output) === JSON.stringify(own.output));
    if (!same) ++different;
  }
  const ambiguous = [...ours.values()].flat().filter(isAmbiguous).length;
  const row = (name, here, there) =>
    console.log(`${name.padEnd(34)}${String(here).padStart(8)}${String(there).padStart(10)}`);
  row('', 'front', 'upstream');
  row('predictions', all(ours), all(theirs));
  row('succeeded', all(ours, 'succeeded'), all(theirs, 'succeeded'));
  row('failed', all(ours, 'failed'), all(theirs, 'failed'));
  row('of these ambiguous', ambiguous, '-');
  row('with another result than upstream', different, '-');
  row('times killed', kKills, 0);
  row('requests of clients that broke off', brokenOff, '-');
  console.log(`\nlost ${lost}, duplicated ${duplicated}, ambiguous ${ambiguous}`);
  process.exit(lost + duplicated + different > 0 ? 1 : 0);
}

main().catch((error) => {
  endBar();
  console.error(`error: ${error.message}`);
  process.exit(1);
});

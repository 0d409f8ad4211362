// SPDX-License-Identifier: Apache-2.0
// Kills the real server (kill -9) again and again while predictions are created, watched and cancelled, and then
// lets the oracle judge whether anything that was accepted is lost, stuck or changed.
//
//   node crash_test.mjs [--kills N] [--seed N]     (or HEKTO_KILLS)
//
// Prints one JSON line of counts and exits 1 when one is not 0 that should be.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { isTerminal, kFlux, kLlama, send } from '../e2e/support/http.mjs';
import { Server } from '../e2e/support/server.mjs';
import { judge } from './oracle.mjs';

const { values: flags } = parseArgs({ options: { kills: { type: 'string' }, seed: { type: 'string' } } });
const kKills = Number(flags.kills ?? process.env.HEKTO_KILLS ?? 50);
const kSeed = Number(flags.seed ?? Date.now() % 1_000_000);
const kCreators = 4;
const kMaxUnfinished = 300; // beyond it the creators wait: the point is kills, not a backlog
const kRecoveryMs = 240_000;
const kServerArgs = [
  '--sandbox-speed',
  '50',
  '--rate-limits-creates',
  '0',
  '--rate-limits-reads',
  '0',
  '--rate-limits-others',
  '0',
  '--log-level',
  'warn',
];

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = makeRandom(kSeed);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const pick = (list) => list[Math.floor(random() * list.length)];

const folder = mkdtempSync(join(tmpdir(), 'hekto-crash-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

let server = await Server.start({ folder, args: kServerArgs });
const headers = { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' };
let stopping = false;
let sent = 0;
let brokenOff = 0; // requests whose outcome the client never learnt

const history = {
  accepted: [],
  prompts: new Set(),
  repeatable: new Map(),
  sightings: [],
  final: new Map(),
  listed: [],
  files: [],
};
const unanswered = []; // creates that may be sent again and were not answered yet
const answered = []; // creates with a key that were
let repeats = 0; // creates that were sent again
let replayed = 0; // and were answered with what an earlier attempt had made
const unfinished = new Set();
const busy = new Set(); // ids with a request under way: two answers at once have no order
const ended = new Map(); // id -> its prediction when first seen terminal
const downloads = new Map(); // path of a link -> hash of the first download
const unexpected = [];

/** One request to the server of the moment; null when there is none, or when it died under it. */
async function request(path, options = {}) {
  const { origin } = server;
  if (!origin) return null;
  try {
    return { origin, ...(await send(origin, path, { headers, ...options })) };
  } catch (error) {
    if (error.code !== 'ECONNREFUSED') ++brokenOff;
    return null;
  }
}

function note(id, answer) {
  const prediction = answer.json();
  const text = answer.text.replaceAll(answer.origin, '');
  const output = prediction.output && JSON.parse(JSON.stringify(prediction.output).replaceAll(answer.origin, ''));
  history.sightings.push({ id, status: prediction.status, output, text });
  if (isTerminal(prediction.status) && !ended.has(id)) {
    ended.set(id, prediction);
    unfinished.delete(id);
  }
}

/** GET or cancel of one prediction, one at a time. */
async function look(id, method = 'GET') {
  if (busy.has(id)) return;
  busy.add(id);
  const answer = await request(`/v1/predictions/${id}${method === 'POST' ? '/cancel' : ''}`, { method });
  busy.delete(id);
  if (answer?.status === 200) note(id, answer);
  else if (answer && answer.status !== 503) unexpected.push(`${method} ${id}: ${answer.status} ${answer.text}`);
}

function nextInput() {
  const prompt = `${kSeed}-${sent++}`;
  history.prompts.add(prompt);
  if (random() < 0.25) {
    const output_format = pick(['jpg', 'png', 'webp']);
    return [kFlux, { prompt, megapixels: '0.25', num_outputs: 1 + Math.floor(random() * 2), output_format }];
  }
  return [kLlama, { prompt, max_tokens: 1 + Math.floor(random() * 20) }];
}

/** A create that was not sent yet: half carry a key, a quarter count their attempts, a quarter are sent once. */
function nextCreate() {
  const [model, input] = nextInput();
  const kind = random();
  const create = { model, input, body: JSON.stringify({ input }), attempts: 0, headers: () => ({}) };
  if (kind < 0.75) history.repeatable.set(input.prompt, new Set());
  if (kind < 0.5) create.headers = () => ({ 'idempotency-key': `create-${input.prompt}` });
  else if (kind < 0.75) create.headers = () => ({ 'x-stainless-retry-count': String(create.attempts) });
  create.keyed = kind < 0.5;
  create.repeatable = kind < 0.75;
  return create;
}

/** Sends a create for the first time or again. */
async function sendCreate(create) {
  const { model, input, body } = create;
  const answer = await request(`/v1/models/${model}/predictions`, {
    method: 'POST',
    body,
    headers: { ...headers, ...create.headers() },
  });
  if (create.attempts > 0) ++repeats;
  ++create.attempts;
  // 409: the first is still being stored, and what it comes to is not known yet.
  if (!answer || answer.status === 503 || (create.keyed && answer.status === 409)) {
    if (create.repeatable) unanswered.push(create);
    return;
  }
  if (answer.status !== 201) {
    unexpected.push(`create: ${answer.status} ${answer.text}`);
    return;
  }
  const { id } = answer.json();
  if (answer.headers['idempotent-replayed']) ++replayed;
  history.repeatable.get(input.prompt)?.add(id);
  if (create.keyed) answered.push(create);
  if (ended.has(id) || unfinished.has(id)) return; // known: what a second answer says has no order with other looks
  history.accepted.push({ id, input });
  unfinished.add(id);
  if (create.attempts === 1) note(id, answer);
  if (random() < 0.1) await look(id, 'POST');
}

async function creator() {
  while (!stopping) {
    if (unanswered.length > 0 && server.origin) await sendCreate(unanswered.shift());
    else if (answered.length > 0 && random() < 0.05) await sendCreate(pick(answered));
    else if (unfinished.size < kMaxUnfinished) await sendCreate(nextCreate());
    await pause(random() * 10);
  }
}

/** Downloads a link and returns what the oracle wants to know; null when the server died under it. */
async function download(id, url) {
  const path = new URL(url).pathname;
  const answer = await request(path);
  if (!answer) return null;
  const hash = sha256(answer.body);
  const before = downloads.get(path) ?? null;
  if (answer.status === 200 && before === null) downloads.set(path, hash);
  return {
    id,
    http: answer.status,
    sha256: hash,
    etag: answer.headers.etag,
    length: answer.body.length,
    declared: Number(answer.headers['content-length']),
    before,
  };
}

/** Looks at what is not finished, again at what is, and into files. */
async function watcher() {
  while (!stopping) {
    if (unfinished.size > 0) await look(pick([...unfinished]));
    if (ended.size > 0 && random() < 0.3) {
      const [id, prediction] = pick([...ended]);
      await look(id);
      if (prediction.status === 'succeeded' && prediction.input.megapixels) await download(id, pick(prediction.output));
    }
    await pause(2);
  }
}

async function killAndRestart(i) {
  await pause(30 + random() * 570);
  const victim = server;
  victim.child.kill('SIGKILL');
  await victim.ended;
  victim.checkSanitizers();
  server = Server.launch({ folder, args: kServerArgs });
  if (random() < 0.1) return pause(random() * 30); // the next kill may come before it listens
  try {
    await server.ready;
  } catch (error) {
    throw new Error(`after kill ${i + 1} the server did not start again: ${error.message}`);
  }
}

async function readList() {
  for (let path = '/v1/predictions'; path;) {
    const answer = await request(path);
    if (answer?.status !== 200) throw new Error(`list: ${answer?.status} ${answer?.text}`);
    const page = answer.json();
    for (const { id, status, input } of page.results) history.listed.push({ id, status, prompt: input.prompt });
    path = page.next && page.next.slice(new URL(page.next).origin.length);
  }
}

async function settle() {
  const end = Date.now() + kRecoveryMs;
  while (unanswered.length > 0 && Date.now() < end) await sendCreate(unanswered.shift());
  if (unanswered.length > 0) throw new Error(`${unanswered.length} creates were never answered`);
  for (;;) {
    for (const id of [...unfinished]) await look(id);
    history.listed = [];
    await readList();
    const open = history.listed.filter(({ status }) => !isTerminal(status)).length;
    if ((unfinished.size === 0 && open === 0) || Date.now() > end) return;
    await pause(100);
  }
}

async function readFinal() {
  for (const { id } of history.accepted) {
    const answer = await request(`/v1/predictions/${id}`);
    if (answer?.status !== 200) {
      history.final.set(id, { http: answer?.status ?? 0 });
      continue;
    }
    const { status, input, output } = answer.json();
    history.final.set(id, {
      http: 200,
      status,
      input,
      output: output && JSON.parse(JSON.stringify(output).replaceAll(answer.origin, '')),
      text: answer.text.replaceAll(answer.origin, ''),
    });
    if (status !== 'succeeded' || !input.megapixels) continue;
    if (output?.length !== input.num_outputs) history.files.push({ id, http: `${output?.length} links` });
    for (const url of output ?? []) history.files.push((await download(id, url)) ?? { id, http: 0 });
  }
}

const begun = Date.now();
const work = [...Array.from({ length: kCreators }, creator), watcher(), watcher()];
let failure = null;
try {
  for (let i = 0; i < kKills; ++i) await killAndRestart(i);
  await server.ready;
  stopping = true;
  await Promise.all(work);
  await settle();
  await readFinal();
  server.checkSanitizers();
} catch (error) {
  stopping = true;
  failure = error.message;
}

const { counts, problems, regrown, bad } = judge(history);
const byStatus = {};
for (const { status } of history.final.values()) byStatus[status] = (byStatus[status] ?? 0) + 1;
const summary = {
  kills: kKills,
  seed: kSeed,
  seconds: Math.round((Date.now() - begun) / 1000),
  accepted: history.accepted.length,
  broken_off: brokenOff,
  repeats,
  replayed,
  ...byStatus,
  files: history.files.length,
  regrown,
  ...counts,
  unexpected: unexpected.length,
};
for (const line of [...problems, ...unexpected].slice(0, 50)) console.error(line);
if (failure) console.error(failure, server.log.slice(-20).join('\n'));
console.log(JSON.stringify(summary));
await server.stop('SIGKILL');
process.exit(bad || failure || unexpected.length > 0 || history.accepted.length === 0 ? 1 : 0);

// SPDX-License-Identifier: Apache-2.0
// Many predictions that are open at one upstream: what following them costs, how soon an end is seen, and what is sent
// for it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../lib/load.mjs';
import { cpuNanoseconds, residentKilobytes, startPinned, stop } from '../lib/process.mjs';
import { relayFlags } from '../lib/relay.mjs';
import { singleRow } from '../lib/report.mjs';
import { askFor, headersOf, makeKey, startHekto, untilReady } from '../lib/servers.mjs';

const PROGRAM = fileURLToPath(new URL('../lib/upstream.mjs', import.meta.url));
const CREATORS = 32;
/// The model of those that stay open.
const LONG = 't3600';
/// Those of the others, in turn, and how often one of them is created: as many a minute as an official account may.
const SHORT = ['t5', 't12', 't30', 'w20'];
const SHORT_EVERY_MILLIS = 100;
/// From the last create to the measurement of memory: nothing was new of any for long enough to be parked, and what runs
/// had has been given back.
const QUIET_MILLIS = 15_000;
/// From the last create of a long one to the beginning of what is measured: run times are known by then, as they are
/// to a server that has been at work for a while.
const SETTLE_MILLIS = 20_000;
/// After an end at the very last moment, what is waited for the front to see it.
const PATIENCE_MILLIS = 10_000;

async function startUpstream(options, document) {
  const file = join(options.temp, 'open-model.json');
  writeFileSync(file, document);
  const child = startPinned(options.loadCore, process.execPath, [PROGRAM, file],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  const origin = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.ended.then(() => reject(new Error('the upstream ended while starting')));
  });
  return { child, origin };
}

/// Creates predictions at the front; each tells the upstream of its end by webhook.
class Creator {
  constructor(hekto, key, upstream) {
    Object.assign(this, { hekto, key, upstream, made: 0, failure: null, timer: null, pending: new Set() });
  }
  async create(model) {
    const body = JSON.stringify({
      input: { prompt: `${this.made++}: a red fox in fresh snow, low winter sun behind birches, wide angle, soft light` },
      webhook: `${this.upstream.origin}/hook`, webhook_events_filter: ['completed'],
    });
    await askFor(201, this.hekto.origin, { method: 'POST', path: `/replicate/v1/models/bench/${model}/predictions`,
      headers: headersOf(this.key, body), body });
  }
  async createMany(model, count) {
    let left = count;
    const one = async () => {
      while (left-- > 0) await this.create(model);
    };
    await Promise.all(Array.from({ length: CREATORS }, one));
  }
  goOn() {
    let turn = 0;
    this.timer = setInterval(() => {
      const created = this.create(SHORT[turn++ % SHORT.length]).catch((error) => { this.failure ??= error; });
      this.pending.add(created);
      created.finally(() => this.pending.delete(created));
    }, SHORT_EVERY_MILLIS);
  }
  async stop() {
    clearInterval(this.timer);
    await Promise.all(this.pending);
    if (this.failure) throw this.failure;
  }
}

async function statsOf(upstream, from = 0, to = Date.now()) {
  return JSON.parse(await askFor(200, upstream.origin, { method: 'GET', path: `/stats?from=${from}&to=${to}` }));
}

/// {from, to, cores, before, after}: one measurement of `seconds`.
async function watch(hekto, upstream, seconds) {
  const before = await statsOf(upstream);
  const from = Date.now();
  const cpu = cpuNanoseconds(hekto.pid);
  await sleep(seconds * 1000);
  const to = Date.now();
  const cores = (cpuNanoseconds(hekto.pid) - cpu) / 1e6 / (to - from);
  return { from, to, cores, before, after: await statsOf(upstream, from, to) };
}

export async function runOpen(options, document) {
  const upstream = await startUpstream(options, document);
  const data = join(options.temp, 'open');
  const key = await makeKey(options, data);
  const hekto = await startHekto(options, data, relayFlags(options, upstream.origin));
  await untilReady(hekto);
  const creator = new Creator(hekto, key, upstream);
  await creator.createMany(LONG, 100);  // what the first ones allocate for good is no part of the price
  await sleep(QUIET_MILLIS);
  const memory = residentKilobytes(hekto.pid);
  await creator.createMany(LONG, options.open - 100);
  await sleep(QUIET_MILLIS);
  const each = (residentKilobytes(hekto.pid) - memory) / (options.open - 100);
  creator.goOn();
  await sleep(SETTLE_MILLIS);

  const { from, to, cores, before, after } = await watch(hekto, upstream, options.openSeconds);
  await creator.stop();
  const ends = () => statsOf(upstream, from, to);
  for (let left = PATIENCE_MILLIS; left > 0 && (await ends()).unseen > 0; left -= 500) await sleep(500);
  const { delays, ended, unseen } = await ends();
  await Promise.all([stop(hekto.child), stop(upstream.child)]);
  if (delays.length === 0) throw new Error('no end was seen: --open-seconds may be too short');

  delays.sort((a, b) => a - b);
  const rate = (kind) => (after[kind].sent - before[kind].sent) * 60_000 / (to - from);
  const details = { before, after, delays };
  const what = `${after.open.toLocaleString('en')} open at one upstream, ${options.openSeconds} s`;
  return [
    singleRow('open.cpu', what, 'cores', cores, 0.5, details),
    singleRow('open.median', `  an end is seen (of ${ended}), median`, 'ms', median(delays), 500),
    singleRow('open.p99', '  the same, p99', 'ms', delays[Math.floor(delays.length * 0.99)]),
    singleRow('open.longest', '  the same, longest', 'ms', delays.at(-1), 2000),
    singleRow('open.unseen', `  not seen after ${PATIENCE_MILLIS / 1000} s more`, 'ends', unseen, 0),
    singleRow('open.reads', '  requests for one prediction', '/minute', rate('reads'), 60_000),
    singleRow('open.others', '  requests for a list', '/minute', rate('others'), 3000),
    singleRow('open.refused', '  refused with 429', 'requests', after.others.refused + after.reads.refused, 0),
    singleRow('open.memory', '  resident memory, each', 'kB', each, 1),
  ];
}

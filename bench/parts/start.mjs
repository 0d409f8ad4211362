// SPDX-License-Identifier: Apache-2.0
// From the start of the process to the first 200 of /readyz, and the memory of a server that does nothing.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../lib/load.mjs';
import { cpuNanoseconds, residentKilobytes, stop } from '../lib/process.mjs';
import { limitRow } from '../lib/report.mjs';
import { multiplyRows } from '../lib/rows.mjs';
import { askFor, headersOf, makeKey, predict, predictionPath, startHekto, untilReady } from '../lib/servers.mjs';

const IDLE_MILLISECONDS = 2000;

async function startOnce(options, data, check) {
  const hekto = await startHekto(options, data);
  const milliseconds = await untilReady(hekto);
  const cpu = cpuNanoseconds(hekto.pid) / 1e6;
  await sleep(IDLE_MILLISECONDS);
  const kilobytes = residentKilobytes(hekto.pid);
  await check?.(hekto);
  await stop(hekto.child);
  return { milliseconds, cpu, kilobytes };
}

/// A data folder whose one prediction is real and whose others are copies of it. {data, key, id of a copy}
async function fullFolder(options) {
  const data = join(options.temp, 'full');
  const key = await makeKey(options, data);
  const hekto = await startHekto(options, data, ['--sandbox-speed', '0']);
  await untilReady(hekto);
  await predict(hekto, key);
  await stop(hekto.child);
  const id = await multiplyRows(join(data, 'hekto.db'), options.rows);
  return { data, key, id };
}

export async function run(options) {
  const empty = join(options.temp, 'empty');
  await makeKey(options, empty);
  const full = await fullFolder(options);
  const isServed = async (hekto) => {
    const request = { method: 'GET', path: predictionPath(full.id), headers: headersOf(full.key) };
    await askFor(200, hekto.origin, request);
  };

  const samples = { none: [], many: [] };
  for (let round = 0; round < options.rounds; ++round) {
    const steps = [
      async () => samples.none.push(await startOnce(options, empty)),
      async () => samples.many.push(await startOnce(options, full.data, isServed)),
    ];
    for (const step of round % 2 === 0 ? steps : steps.reverse()) await step();
    process.stderr.write(`  round ${round + 1} of ${options.rounds}: ` +
      `${samples.none.at(-1).milliseconds.toFixed(0)} ms, ${samples.many.at(-1).milliseconds.toFixed(0)} ms\n`);
  }
  const rows = options.rows.toLocaleString('en');
  const times = (list) => list.map(({ milliseconds }) => milliseconds);
  const cpu = (list) => list.map((sample) => sample.cpu);
  const memory = (list) => list.map(({ kilobytes }) => kilobytes / 1024);
  return [
    limitRow('start.empty', 'start, 0 rows', 'ms', times(samples.none), 100),
    limitRow('start.empty.cpu', '  the same, CPU', 'ms', cpu(samples.none)),
    limitRow('start.full', `start, ${rows} rows`, 'ms', times(samples.many), 2000),
    limitRow('start.full.cpu', '  the same, CPU', 'ms', cpu(samples.many)),
    limitRow('memory.empty', 'idle memory, 0 rows', 'MB', memory(samples.none), 32),
    limitRow('memory.full', `idle memory, ${rows} rows`, 'MB', memory(samples.many), 32),
  ];
}

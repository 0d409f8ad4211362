// SPDX-License-Identifier: Apache-2.0
// wrk as the load, and the rounds in which servers take turns.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuNanoseconds, startPinned } from './process.mjs';

let scripts = 0;

const luaString = (text) => `"${text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`;

/// A wrk script that sends one fixed request and reports in JSON.
function writeScript(folder, request) {
  const headers = Object.entries(request.headers ?? {});
  const lines = [
    `wrk.method = ${luaString(request.method)}`,
    ...headers.map(([name, value]) => `wrk.headers[${luaString(name)}] = ${luaString(value)}`),
    ...(request.body ? [`wrk.body = ${luaString(request.body)}`] : []),
    'done = function(summary, latency, requests)',
    '  local e = summary.errors',
    `  io.write(string.format('\\n{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"failed":%d}\\n', summary.requests,`,
    '    summary.duration, latency:percentile(50), latency:percentile(99),',
    '    e.connect + e.read + e.write + e.status + e.timeout))',
    'end',
  ];
  const file = join(folder, `wrk-${++scripts}.lua`);
  writeFileSync(file, lines.join('\n') + '\n');
  return file;
}

/// One who is measured: a process and the request sent to it.
/// `request` is {method, path, headers, body}.
export function contender(name, server, request, options) {
  return { name, pid: server.pid, url: server.origin + request.path, script: writeScript(options.temp, request) };
}

async function wrk(contender, connections, seconds, core) {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', contender.script, contender.url];
  const child = startPinned(core, 'wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const piece of child.stdout) text += piece;
  await child.ended;
  const line = text.trimEnd().split('\n').at(-1);
  if (!line.startsWith('{')) throw new Error(`wrk said nothing about ${contender.name}:\n${text}`);
  return JSON.parse(line);
}

/// One measurement: requests a second, CPU microseconds of the server a request, p50 and p99 in milliseconds.
async function measure(contender, connections, seconds, options) {
  const before = cpuNanoseconds(contender.pid);
  const result = await wrk(contender, connections, seconds, options.loadCore);
  await sleep(50);  // what the last requests left behind belongs to them
  const cpu = cpuNanoseconds(contender.pid) - before;
  if (result.requests === 0) throw new Error(`${contender.name} answered nothing`);
  if (result.failed > 0) throw new Error(`${contender.name}: ${result.failed} of ${result.requests} requests failed`);
  return {
    rps: result.requests / (result.micros / 1e6),
    cpu: cpu / 1e3 / result.requests,
    p50: result.p50 / 1e3,
    p99: result.p99 / 1e3,
  };
}

/// The same of one that is begun anew for each measurement: it has `begin`, which gives a contender, and `end`.
async function measureFresh(contender, connections, options) {
  const each = await contender.begin();
  await measure(each, connections, 1, options);  // warm-up
  const sample = await measure(each, connections, options.seconds, options);
  await contender.end();
  return sample;
}

/// Every contender once in each round, in turning order, so that what else the machine does hits all alike.
/// Returns for each name its measurements, one a round.
export async function takeTurns(contenders, connections, options) {
  const samples = Object.fromEntries(contenders.map(({ name }) => [name, []]));
  for (const each of contenders.filter(({ begin }) => !begin)) await measure(each, connections, 1, options);  // warm-up
  for (let round = 0; round < options.rounds; ++round) {
    const order = round % 2 === 0 ? contenders : [...contenders].reverse();
    for (const each of order) {
      samples[each.name].push(each.begin ? await measureFresh(each, connections, options)
        : await measure(each, connections, options.seconds, options));
    }
    process.stderr.write(`  round ${round + 1} of ${options.rounds}: ${order
      .map(({ name }) => `${name} ${samples[name].at(-1).cpu.toFixed(1)} us, ${samples[name].at(-1).rps.toFixed(0)}/s`)
      .join('; ')}\n`);
  }
  return samples;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/// Median, lowest and highest of `of(ours, theirs)` over the rounds.
export function compare(ours, theirs, of) {
  const values = ours.map((sample, round) => of(sample, theirs[round]));
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
}

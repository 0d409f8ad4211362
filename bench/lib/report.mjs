// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, release } from 'node:os';
import { compare, median } from './load.mjs';

// Rows of the result: {id, what, unit, hekto, nginx, result, lowest, highest, form, target, ok, rounds}. `result` is
// what the target speaks of; `ok` is absent where there is no target.

export function ratioRow(id, what, samples, ratio, atLeast) {
  return {
    id, what, unit: 'us CPU',
    hekto: median(samples.hekto.map(({ cpu }) => cpu)),
    nginx: median(samples.nginx.map(({ cpu }) => cpu)),
    result: ratio.median, lowest: ratio.lowest, highest: ratio.highest, form: 'ratio',
    target: { at_least: atLeast },
    ok: ratio.median >= atLeast,
    rounds: samples,
  };
}

export function throughputRow(id, samples, ratio) {
  return {
    id, what: '  the same, wall clock', unit: 'req/s',
    hekto: median(samples.hekto.map(({ rps }) => rps)),
    nginx: median(samples.nginx.map(({ rps }) => rps)),
    result: ratio.median, lowest: ratio.lowest, highest: ratio.highest, form: 'ratio',
  };
}

export function memoryRow(id, what, ours, theirs, unit, atMost, details) {
  return {
    id, what, unit, hekto: ours, nginx: theirs, result: ours, form: unit,
    target: { at_most: atMost },
    ok: ours <= atMost,
    rounds: details,
  };
}

export function limitRow(id, what, unit, values, atMost) {
  const result = median(values);
  return {
    id, what, unit, hekto: result, nginx: null, result, lowest: Math.min(...values), highest: Math.max(...values),
    form: unit, rounds: { hekto: values },
    ...(atMost === undefined ? {} : { target: { at_most: atMost }, ok: result <= atMost }),
  };
}

/// What was measured once.
export function singleRow(id, what, unit, result, atMost, details) {
  return {
    id, what, unit, hekto: result, nginx: null, result, form: unit,
    ...(details === undefined ? {} : { rounds: details }),
    ...(atMost === undefined ? {} : { target: { at_most: atMost }, ok: result <= atMost }),
  };
}

/// p50 beyond nginx's.
export function addedRow(id, what, ours, theirs) {
  const added = compare(ours, theirs, (h, n) => h.p50 - n.p50);
  return {
    id, what, unit: 'ms',
    hekto: median(ours.map(({ p50 }) => p50)),
    nginx: median(theirs.map(({ p50 }) => p50)),
    result: added.median, lowest: added.lowest, highest: added.highest, form: 'added ms',
    target: { at_most: 0.5 },
    ok: added.median <= 0.5,
    rounds: { hekto: ours, nginx: theirs },
  };
}

function output(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim().split('\n')[0];
  } catch {
    return 'unknown';
  }
}

export function describeMachine(options) {
  return {
    cpu: cpus()[0]?.model ?? arch(),
    cores: cpus().length,
    kernel: release(),
    load: loadavg().map((value) => Number(value.toFixed(2))),
    filesystem: output('stat', ['-f', '-c', '%T', options.folder]),
    memory: readFileSync('/proc/meminfo', 'utf8').match(/MemTotal:\s+(\d+ kB)/)[1],
    hekto: output(options.hekto, ['version']),
  };
}

const shown = (value) => {
  if (value === null || value === undefined) return '-';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
};

function targetText(target) {
  if (target === undefined) return '';
  return target.at_least !== undefined ? `>= ${target.at_least}x` : `<= ${target.at_most}`;
}

export function printTable(machine, options, rows) {
  const lines = rows.map((row) => [
    row.what, row.unit, shown(row.hekto), shown(row.nginx), shown(row.result) + (row.form === 'ratio' ? 'x' : ''),
    row.lowest === undefined ? '' : `${shown(row.lowest)}-${shown(row.highest)}`,
    targetText(row.target),
    row.ok === undefined ? '' : row.ok ? 'met' : 'MISSED',
  ]);
  lines.unshift(['what', 'unit', 'hekto', 'nginx', 'result', 'rounds', 'target', '']);
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const right = new Set([2, 3, 4, 5, 6]);
  process.stdout.write(
    `${machine.hekto}; ${machine.cpu}, ${machine.cores} cores, kernel ${machine.kernel}, ` +
    `data on ${machine.filesystem}\n` +
    `${options.rounds} rounds of ${options.seconds} s, server on core ${options.serverCore}, load on core ` +
    `${options.loadCore}; load average ${machine.load[0]} before, ${machine.loadAfter[0]} after\n\n`);
  for (const line of lines) {
    process.stdout.write(line.map((text, i) => (right.has(i) ? text.padStart(widths[i]) : text.padEnd(widths[i])))
      .join('  ').trimEnd() + '\n');
  }
}

export function printJson(machine, options, rows) {
  const { rounds, seconds, connections, rows: count, open, openSeconds, serverCore, loadCore, accessLog } = options;
  const settings = { rounds, seconds, connections, rows: count, open, openSeconds, serverCore, loadCore, accessLog };
  process.stdout.write(JSON.stringify({ machine, settings, rows }, null, 2) + '\n');
}

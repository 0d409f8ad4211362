// SPDX-License-Identifier: Apache-2.0
// Child processes: pinned to a core, measured through /proc, ended by pid, whatever way the benchmark ends.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const running = new Set();
const tempFolders = [];

export function makeTempFolder(parent) {
  const folder = mkdtempSync(join(parent, 'hekto-bench-'));
  tempFolders.push(folder);
  return folder;
}

/// Keeps this process off the measured core; children that are not pinned inherit it.
export function pinSelf(core) {
  try {
    execFileSync('taskset', ['-a', '-p', '-c', String(core), String(process.pid)], { stdio: 'pipe' });
  } catch {
    throw new Error(`cannot run on core ${core}: two cores are needed, see --server-core and --load-core`);
  }
}

export function startPinned(core, program, args, options = {}) {
  const child = spawn('taskset', ['-c', String(core), program, ...args], options);
  child.ended = new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
    child.once('error', () => {
      running.delete(child);
      resolve({ code: 127, signal: null });
    });
  });
  running.add(child);
  return child;
}

/// SIGTERM, and SIGKILL for a process that does not end within `grace` milliseconds.
export async function stop(child, grace = 10_000) {
  if (!running.has(child)) return child.ended;
  child.kill('SIGTERM');
  const ended = await Promise.race([child.ended, sleep(grace, null, { ref: false })]);
  if (ended) return ended;
  child.kill('SIGKILL');
  return child.ended;
}

/// Ends every child that still runs.
export const stopAll = () => Promise.all([...running].map((child) => stop(child, 3000)));

export async function cleanUp() {
  await stopAll();
  for (const folder of tempFolders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

let stopping = false;

/// Returns unless a signal has come; then the process ends while the caller waits.
export const unlessStopping = () => (stopping ? new Promise(() => {}) : Promise.resolve());

export function onSignals() {
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]]) {
    process.once(signal, async () => {
      stopping = true;
      await cleanUp();
      process.exit(code);
    });
  }
}

/// Nanoseconds that the threads of a process have been on a CPU. Threads that ended are not in it; the servers
/// measured here keep theirs.
export function cpuNanoseconds(pid) {
  let total = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    total += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  }
  return total;
}

function status(pid, field) {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${field}:\\s+(\\d+)`, 'm'));
  return Number(line[1]);
}

/// Resident memory in kB.
export const residentKilobytes = (pid) => status(pid, 'VmRSS');
export const openDescriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;

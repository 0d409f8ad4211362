// SPDX-License-Identifier: Apache-2.0
// Lets every official client do every operation, on both mounts, over http and https, or through a relay over https, and
// prints what came of it. scripts/conformance installs the clients and starts this.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { clients } from './clients.mjs';
import { testDocument } from './document.mjs';
import { operations } from './operations.mjs';
import { startServers } from './servers.mjs';
import { kAbsent, kFail, kNone, kPass, markdownTable, updatedPage } from './table.mjs';

const kMounts = ['/v1', '/replicate/v1'];
/** A driver that takes longer hangs: all its fast operations together take some ten seconds. */
const kDriverSeconds = 200;
/** Drivers at once. They mostly wait for polling intervals. */
const kAtOnce = 4;

function readArguments() {
  const { values } = parseArgs({
    options: {
      client: { type: 'string', multiple: true },
      mount: { type: 'string', multiple: true },
      relay: { type: 'boolean', default: false },
      'write-docs': { type: 'boolean', default: false },
    },
  });
  const only = (what, wanted, known) => {
    for (const name of wanted ?? []) {
      if (!known.includes(name)) throw new Error(`there is no ${what} '${name}'; there are ${known.join(', ')}`);
    }
    return [...new Set(wanted ?? known)];
  };
  const allNames = clients.map((c) => c.name);
  const kDocument = 'document';
  const names = only('client', values.client, [...allNames, kDocument]);
  const mounts = only('mount', values.mount, kMounts);
  const whole = names.length > allNames.length && mounts.length === kMounts.length;
  if (values['write-docs'] && !whole) throw new Error('--write-docs needs all clients and mounts');
  const writeDocs = values['write-docs'];
  const document = names.includes(kDocument);
  const { relay } = values;
  return { clients: clients.filter((c) => names.includes(c.name)), document, mounts, relay, writeDocs };
}

const drivers = new Set();

/** The environment of a driver: nothing of ours configures the client but what is given here. */
function environment(target, folder, extra) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(HEKTO|REPLICATE|CONFORMANCE|SSL_CERT|NODE_EXTRA_CA)_|_proxy$/i.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    SSL_CERT_FILE: target.authority,
    NODE_EXTRA_CA_CERTS: target.authority,
    TMPDIR: folder,
    PYTHONDONTWRITEBYTECODE: '1',
    ...extra,
  };
}

/**
 * Runs the driver of `client` once and resolves with {version, problems, methods}: a Map from id to null or a text, and
 * one from the name of a method of the client to whether it was called.
 */
async function runDriver(client, target, mount, ids, folder) {
  const account = `${client.name}${mount.replaceAll('/', '-')}-${ids.length}`;
  await target.server.makeAccount(account);
  const key = await target.server.makeKey(account, '--account', account);
  await target.limited.makeAccount(account);
  const limitedKey = await target.limited.makeKey(account, '--account', account);
  const own = join(folder, `${target.scheme}-${account}`);
  mkdirSync(own);
  const [command, ...args] = client.command;
  const child = spawn(command, args, {
    cwd: own,
    env: environment(target, own, {
      CONFORMANCE_ORIGIN: target.server.origin,
      CONFORMANCE_MOUNT: mount,
      CONFORMANCE_KEY: key,
      CONFORMANCE_PAGES_KEY: target.pagesKey,
      CONFORMANCE_PAGES_FILE: target.pagesFile,
      CONFORMANCE_LIMITED_ORIGIN: target.limited.origin,
      CONFORMANCE_LIMITED_KEY: limitedKey,
      ...client.environment?.(own),
      CONFORMANCE_OPERATIONS: ids.join(','),
    }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  drivers.add(child);
  const problems = new Map();
  const methods = new Map();
  let version = '';
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('{')) return;
    const said = JSON.parse(line);
    if (said.version !== undefined) version = said.version;
    for (const [name, called] of Object.entries(said.methods ?? {})) methods.set(name, called);
    if (said.operation !== undefined) problems.set(said.operation, said.problem);
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), kDriverSeconds * 1000);
  const end = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(signal ?? code));
  });
  clearTimeout(timer);
  drivers.delete(child);
  for (const id of ids) {
    if (!problems.has(id)) problems.set(id, `the driver ended (${end}) before this operation did\n${errors}`);
  }
  for (const [name, called] of client.methodsIn?.(own) ?? []) methods.set(name, called);
  return { version, problems, methods };
}

/** Calls the functions of `jobs`, at most `width` at once. */
async function runAll(jobs, width) {
  const queue = [...jobs];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let job = queue.shift(); job; job = queue.shift()) await job();
    }),
  );
}

let chosen;
try {
  chosen = readArguments();
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'hekto-conformance-'));
process.on('exit', () => {
  for (const child of drivers) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

const targets = await startServers(folder, chosen);

// One cell is one client doing one operation; its checks are the mounts and schemes that it was done at.
const cells = new Map();
const versions = new Map();
const methodsOf = new Map();
// Of a cell that failed: the places, and what went wrong at the first of them.
const failures = new Map();
let passed = 0;
let failed = 0;

function record(client, target, mount, { version, problems, methods }) {
  versions.set(client.name, version);
  if (!methodsOf.has(client.name)) methodsOf.set(client.name, new Map());
  const known = methodsOf.get(client.name);
  for (const [name, called] of methods) known.set(name, called || known.get(name) === true);
  for (const [id, problem] of problems) {
    const cell = `${client.name} ${id}`;
    if (problem === null) {
      ++passed;
      if (!cells.has(cell)) cells.set(cell, kPass);
    } else {
      ++failed;
      if (cells.get(cell) !== kFail) failures.set(cell, { where: [], problem, title: `${client.title}, ${id}` });
      cells.set(cell, kFail);
      failures.get(cell).where.push(`${mount} over ${target.scheme}`);
    }
  }
}

const [fast, slow] = [[], []];
for (const client of chosen.clients) {
  if (client.absent) {
    console.log(`${client.title}: left out, since it could not be installed`);
    continue;
  }
  const ids = operations.filter((o) => !client.lacks.includes(o.id));
  const idsOf = (isSlow) => ids.filter((o) => Boolean(o.slow) === isSlow).map((o) => o.id);
  for (const mount of chosen.mounts) {
    const done = [];
    for (const target of targets) {
      fast.push(async () => {
        const result = await runDriver(client, target, mount, idsOf(false), folder);
        record(client, target, mount, result);
        const wrong = [...result.problems.values()].filter((p) => p !== null).length;
        done.push(`${target.scheme}: ${result.problems.size - wrong} of ${result.problems.size}`);
        if (done.length === targets.length) {
          const name = `${client.title} ${result.version}`.trim();
          console.log(`${name.padEnd(28)} ${mount.padEnd(14)} ${done.sort().join(', ')}`);
        }
      });
    }
    if (idsOf(true).length > 0) {
      slow.push(async () =>
        record(client, targets[0], mount, await runDriver(client, targets[0], mount, idsOf(true), folder)),
      );
    }
  }
}
/** What came of the OpenAPI document, as the cells of a table of its own. */
const documented = { title: '', operations: 0, requests: 0 };
if (chosen.document) {
  for (const mount of chosen.mounts) {
    for (const target of targets) {
      fast.push(async () => {
        const { version, operations, requests, problem } = await testDocument(target, mount, folder);
        documented.title = `OpenAPI document by Schemathesis ${version}`;
        documented.operations = operations.size;
        documented.requests += requests;
        const said = problem === null ? 'pass' : 'FAIL';
        console.log(`${documented.title} ${mount} over ${target.scheme}: ${requests} requests, ${said}`);
        if (problem === null) {
          ++passed;
        } else {
          ++failed;
          failures.set(`document ${mount} ${target.scheme}`, {
            where: [`${mount} over ${target.scheme}`],
            problem,
            title: documented.title,
          });
        }
      });
    }
  }
}

const waits = runAll(slow, slow.length);
await runAll(fast, kAtOnce);
if (slow.length > 0) console.log('waiting for the runs of 61 s');
await waits;

/** The last row: that every public method was called, but for those that clients.mjs gives reasons for. */
const methodsRow = ['methods of the client that were called'];
for (const client of chosen.clients) {
  if (client.absent) {
    methodsRow.push(kAbsent);
    continue;
  }
  const known = methodsOf.get(client.name);
  const excused = client.uncalled ?? {};
  const called = [...known].filter(([, was]) => was).map(([name]) => name);
  const missing = [...known.keys()].filter((name) => !called.includes(name) && !(name in excused));
  const wrong = Object.keys(excused).filter((name) => !known.has(name) || called.includes(name));
  if (known.size === 0 && !client.plain) missing.push('all: the driver named no methods');
  const problem = [
    ...(missing.length > 0 ? [`not called: ${missing.join(', ')}`] : []),
    ...(wrong.length > 0 ? [`excused, but called or not there: ${wrong.join(', ')}`] : []),
  ];
  if (problem.length === 0) ++passed;
  else failures.set(client.name, { where: ['all'], problem: problem.join('\n'), title: `${client.title}, methods` });
  failed += problem.length > 0 ? 1 : 0;
  methodsRow.push(client.plain ? kNone : `${called.length} of ${known.size}`);
}

const head = ['operation', ...chosen.clients.map((c) => `${c.title} ${versions.get(c.name) ?? ''}`.trim())];
const rows = operations.map(({ id, title }) => [
  title,
  ...chosen.clients.map((client) => {
    if (client.lacks.includes(id)) return kNone;
    return client.absent ? kAbsent : cells.get(`${client.name} ${id}`);
  }),
]);
const table = chosen.clients.length > 0 ? markdownTable([head, ...rows, methodsRow]) : [];
if (chosen.document) {
  const { title, operations: count, requests } = documented;
  const places = ['', ...chosen.mounts.flatMap((mount) => targets.map(({ scheme }) => `${mount}, ${scheme}`))];
  const cells = chosen.mounts.flatMap((mount) =>
    targets.map(({ scheme }) => (failures.has(`document ${mount} ${scheme}`) ? kFail : kPass)),
  );
  table.push('', ...markdownTable([places, [`${title}: ${count} operations, ${requests} requests`, ...cells]]));
}
console.log(`\n${chosen.relay ? 'Through a relay, to a second server:\n\n' : ''}${table.join('\n')}\n`);
for (const { title, where, problem } of failures.values()) {
  console.log(`${title} (${where.join('; ')}):\n${problem.trimEnd()}\n`);
}

await Promise.all(targets.map((target) => target.stop()));
if (failed > 0) {
  for (const { scheme, server } of targets) {
    const faults = server.log.filter((line) => /\b(warn|error)\b/i.test(line));
    if (faults.length > 0) console.log(`The server over ${scheme} logged:\n${faults.slice(0, 40).join('\n')}\n`);
  }
} else if (chosen.writeDocs) {
  const page = fileURLToPath(new URL('../../docs/compatibility.md', import.meta.url));
  writeFileSync(page, updatedPage(readFileSync(page, 'utf8'), table, chosen.relay));
  console.log('wrote docs/compatibility.md');
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

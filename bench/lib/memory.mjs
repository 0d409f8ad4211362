// SPDX-License-Identifier: Apache-2.0
// What many held connections cost a server in resident memory.
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDescriptors, residentKilobytes, startPinned, stop } from './process.mjs';

const HOLDER = fileURLToPath(new URL('hold.mjs', import.meta.url));
/// A process and a loopback address for so many, far below the ports of an address and the descriptors of a process.
const EACH = 5000;
const MOST_TRIES = 450;  // 90 s

function requestText(server, request) {
  const headers = Object.entries({ Host: new URL(server.origin).host, ...request.headers });
  return `${request.method} ${request.path} HTTP/1.1\r\n` +
    headers.map(([name, value]) => `${name}: ${value}\r\n`).join('') + '\r\n';
}

async function openAll(server, request, count, until, options) {
  const holders = [];
  for (let left = count; left > 0; left -= EACH) {
    holders.push(startPinned(options.loadCore, process.execPath, [
      HOLDER, new URL(server.origin).port, `127.0.0.${2 + holders.length}`, String(Math.min(left, EACH)), until,
      requestText(server, request),
    ], { stdio: ['pipe', 'pipe', 'inherit'] }));
  }
  await Promise.all(holders.map((holder) => new Promise((resolve, reject) => {
    holder.stdout.setEncoding('utf8').on('data', (text) => {
      if (text.startsWith('held')) resolve();
      else reject(new Error(`${server.name} closed a connection that was to stay open`));
    });
    holder.ended.then(() => reject(new Error(`a process that holds connections to ${server.name} ended`)));
    holder.ended.catch(() => {});
  })));
  return holders;
}

/// Opens `options.connections` connections with one `request` each; `until` says whether its answer ends ("body") or
/// goes on ("head"). Returns {before, after} in kB and `each` in kB a connection.
export async function holdConnections(server, request, until, options) {
  // What the first requests allocate for good is no part of a connection's price.
  const unused = openDescriptors(server.pid);
  const warm = await openAll(server, request, Math.min(200, options.connections), until, options);
  await Promise.all(warm.map((holder) => stop(holder)));
  // A server may notice the end of a silent stream only when it next writes to it.
  for (let tries = 0; openDescriptors(server.pid) > unused; ++tries) {
    if (tries > MOST_TRIES) throw new Error(`${server.name} kept connections that had been closed`);
    await sleep(200);
  }
  await sleep(500);
  const before = residentKilobytes(server.pid);
  const descriptors = openDescriptors(server.pid);
  const holders = await openAll(server, request, options.connections, until, options);
  await sleep(1000);
  const after = residentKilobytes(server.pid);
  const open = openDescriptors(server.pid) - descriptors;
  await Promise.all(holders.map((holder) => stop(holder)));
  if (open < options.connections) {
    throw new Error(`${server.name} held ${open} of ${options.connections} connections; is ulimit -n high enough?`);
  }
  return { before, after, each: (after - before) / options.connections };
}

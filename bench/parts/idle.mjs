// SPDX-License-Identifier: Apache-2.0
// Memory of idle keep-alive connections that have had one answer each.
import { join } from 'node:path';
import { holdConnections } from '../lib/memory.mjs';
import { stop } from '../lib/process.mjs';
import { memoryRow } from '../lib/report.mjs';
import {
  askFor, headersOf, makeKey, predict, predictionPath, startHekto, startNginx, untilReady,
} from '../lib/servers.mjs';

export async function run(options) {
  const data = join(options.temp, 'idle');
  const key = await makeKey(options, data);
  const hekto = await startHekto(options, data,
    ['--sandbox-speed', '0', '--limits-idle-timeout', '1h', '--limits-connections', '1000000']);
  await untilReady(hekto);
  const { id } = await predict(hekto, key);
  const request = { method: 'GET', path: predictionPath(id), headers: headersOf(key) };
  const body = await askFor(200, hekto.origin, request);
  const nginx = await startNginx(options, { getBytes: Buffer.byteLength(body) });

  const theirs = await holdConnections(nginx, request, 'body', options);
  const ours = await holdConnections(hekto, request, 'body', options);
  await Promise.all([stop(hekto.child), stop(nginx.child)]);
  return [
    memoryRow('idle.connection', `idle connection, of ${options.connections.toLocaleString('en')}`, ours.each,
      theirs.each, 'kB', 4, { hekto: ours, nginx: theirs }),
  ];
}

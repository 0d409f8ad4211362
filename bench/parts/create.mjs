// SPDX-License-Identifier: Apache-2.0
// Durable create: checked, committed and synced before the 201, and queued. nginx throws the same POST away.
import { join } from 'node:path';
import { compare, contender, takeTurns } from '../lib/load.mjs';
import { stop } from '../lib/process.mjs';
import { ratioRow, throughputRow } from '../lib/report.mjs';
import {
  CREATE_PATH, askFor, createBody, headersOf, makeKey, startHekto, startNginx, untilReady,
} from '../lib/servers.mjs';

const CONNECTIONS = 64;
/// Runs that begin wait for hours, so that what is measured is accepting work, not drawing pictures.
export const WAITING_RUNS = [
  '--sandbox-speed', '0.0001', '--predictions-queue-limit', '10000000', '--drain-grace', '0s',
];

export async function run(options) {
  const data = join(options.temp, 'create');
  const key = await makeKey(options, data);
  const hekto = await startHekto(options, data, WAITING_RUNS);
  await untilReady(hekto);
  const body = createBody();
  const request = { method: 'POST', path: CREATE_PATH, headers: headersOf(key, body), body };
  const answer = await askFor(201, hekto.origin, request);
  const nginx = await startNginx(options, { createBytes: Buffer.byteLength(answer) });
  await askFor(201, nginx.origin, request);

  const contenders = [contender('nginx', nginx, request, options), contender('hekto', hekto, request, options)];
  const samples = await takeTurns(contenders, CONNECTIONS, options);
  await Promise.all([stop(hekto.child), stop(nginx.child)]);
  const what = `durable create (${body.length} B in, ${Buffer.byteLength(answer)} B out), ${CONNECTIONS} connections`;
  return [
    ratioRow('create.cpu', what, samples, compare(samples.hekto, samples.nginx, (h, n) => n.cpu / h.cpu), 0.25),
    throughputRow('create.rps', samples, compare(samples.hekto, samples.nginx, (h, n) => h.rps / n.rps)),
  ];
}

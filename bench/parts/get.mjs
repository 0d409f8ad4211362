// SPDX-License-Identifier: Apache-2.0
// GET of a finished prediction, with authentication, allowances and metrics, against nginx `return 200`.
import { join } from 'node:path';
import { compare, contender, takeTurns } from '../lib/load.mjs';
import { stop } from '../lib/process.mjs';
import { ratioRow, throughputRow } from '../lib/report.mjs';
import {
  askFor, headersOf, makeKey, predict, predictionPath, startHekto, startNginx, untilReady,
} from '../lib/servers.mjs';

const CONNECTIONS = 64;

export async function run(options) {
  const data = join(options.temp, 'get');
  const key = await makeKey(options, data);
  const hekto = await startHekto(options, data, ['--sandbox-speed', '0']);
  await untilReady(hekto);
  const { id } = await predict(hekto, key);
  const request = { method: 'GET', path: predictionPath(id), headers: headersOf(key) };
  const body = await askFor(200, hekto.origin, request);
  const nginx = await startNginx(options, { getBytes: Buffer.byteLength(body) });

  const contenders = [contender('nginx', nginx, request, options), contender('hekto', hekto, request, options)];
  const samples = await takeTurns(contenders, CONNECTIONS, options);
  await Promise.all([stop(hekto.child), stop(nginx.child)]);
  const what = `GET, finished prediction (${Buffer.byteLength(body)} B), ${CONNECTIONS} connections`;
  return [
    ratioRow('get.cpu', what, samples, compare(samples.hekto, samples.nginx, (h, n) => n.cpu / h.cpu), 0.8),
    throughputRow('get.rps', samples, compare(samples.hekto, samples.nginx, (h, n) => h.rps / n.rps)),
  ];
}

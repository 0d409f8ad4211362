// SPDX-License-Identifier: Apache-2.0
// One connection, one request after the other: what hekto adds to the time of an nginx that does nothing.
import { join } from 'node:path';
import { contender, takeTurns } from '../lib/load.mjs';
import { stop } from '../lib/process.mjs';
import { addedRow } from '../lib/report.mjs';
import {
  CREATE_PATH, askFor, createBody, headersOf, makeKey, predict, predictionPath, startHekto, startNginx, untilReady,
} from '../lib/servers.mjs';
import { WAITING_RUNS } from './create.mjs';

export async function run(options) {
  // Two servers, because finished predictions need runs that end and creates need runs that wait. An idle one
  // costs the other nothing.
  const [readData, writeData] = [join(options.temp, 'latency-get'), join(options.temp, 'latency-create')];
  const readKey = await makeKey(options, readData);
  const writeKey = await makeKey(options, writeData);
  const reading = await startHekto(options, readData, ['--sandbox-speed', '0']);
  const writing = await startHekto(options, writeData, WAITING_RUNS);
  await Promise.all([untilReady(reading), untilReady(writing)]);

  const { id } = await predict(reading, readKey);
  const get = { method: 'GET', path: predictionPath(id), headers: headersOf(readKey) };
  const body = createBody();
  const create = { method: 'POST', path: CREATE_PATH, headers: headersOf(writeKey, body), body };
  const nginx = await startNginx(options, {
    getBytes: Buffer.byteLength(await askFor(200, reading.origin, get)),
    createBytes: Buffer.byteLength(await askFor(201, writing.origin, create)),
  });
  const samples = await takeTurns([
    contender('nginx GET', nginx, get, options), contender('hekto GET', reading, get, options),
    contender('nginx create', nginx, create, options), contender('hekto create', writing, create, options),
  ], 1, options);
  await Promise.all([reading, writing, nginx].map(({ child }) => stop(child)));
  return [
    addedRow('latency.get', 'p50 of a GET, 1 connection', samples['hekto GET'], samples['nginx GET']),
    addedRow('latency.create', 'p50 of a durable create, 1 connection', samples['hekto create'],
      samples['nginx create']),
  ];
}

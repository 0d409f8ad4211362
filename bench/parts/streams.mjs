// SPDX-License-Identifier: Apache-2.0
// Memory of clients that listen to the event stream of a prediction in which nothing happens.
import { join } from 'node:path';
import { holdConnections } from '../lib/memory.mjs';
import { stop } from '../lib/process.mjs';
import { memoryRow } from '../lib/report.mjs';
import { STREAM_MODEL_PATH, makeKey, predict, startHekto, untilReady } from '../lib/servers.mjs';
import { WAITING_RUNS } from './create.mjs';

const BUDGET_MB = 100;  // for 10,000

export async function run(options) {
  const data = join(options.temp, 'streams');
  const key = await makeKey(options, data);
  const hekto = await startHekto(options, data, [...WAITING_RUNS, '--limits-connections', '1000000']);
  await untilReady(hekto);
  const { urls } = await predict(hekto, key, {
    path: STREAM_MODEL_PATH, body: JSON.stringify({ input: { prompt: 'Tell me a story.' } }), toTheEnd: false,
  });
  const request = { method: 'GET', path: new URL(urls.stream).pathname, headers: { Accept: 'text/event-stream' } };
  const ours = await holdConnections(hekto, request, 'head', options);
  await stop(hekto.child);
  const megabytes = (ours.after - ours.before) / 1024;
  return [
    memoryRow('streams.all', `${options.connections.toLocaleString('en')} listening clients`, megabytes, null, 'MB',
      BUDGET_MB * options.connections / 10_000, { hekto: ours }),
  ];
}

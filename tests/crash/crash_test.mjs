// SPDX-License-Identifier: Apache-2.0
// Kills the real server (kill -9) again and again while predictions are created, watched and cancelled, and then
// lets the oracle judge whether anything that was accepted is lost, stuck or changed.
//
//   node crash_test.mjs [--kills N] [--seed N]     (or HEKTO_KILLS)
//
// Prints one JSON line of counts and exits 1 when one is not 0 that should be.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { kFlux, kLlama } from '../e2e/support/http.mjs';
import { Server } from '../e2e/support/server.mjs';
import { kServerArgs, Load } from './load.mjs';
import { judge } from './oracle.mjs';

const { values: flags } = parseArgs({ options: { kills: { type: 'string' }, seed: { type: 'string' } } });
const kKills = Number(flags.kills ?? process.env.HEKTO_KILLS ?? 50);
const kSeed = Number(flags.seed ?? Date.now() % 1_000_000);
const kCreators = 4;

const folder = mkdtempSync(join(tmpdir(), 'hekto-crash-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

function input(prompt, random) {
  if (random() < 0.25) {
    const output_format = ['jpg', 'png', 'webp'][Math.floor(random() * 3)];
    return [kFlux, { prompt, megapixels: '0.25', num_outputs: 1 + Math.floor(random() * 2), output_format }];
  }
  return [kLlama, { prompt, max_tokens: 1 + Math.floor(random() * 20) }];
}

const load = new Load({
  seed: kSeed,
  launch: () => Server.launch({ folder, args: kServerArgs }),
  input,
  files: (prediction) => (prediction.input.megapixels ? prediction.input.num_outputs : 0),
});
await load.start();

const begun = Date.now();
const work = [...Array.from({ length: kCreators }, () => load.creator()), load.watcher(), load.watcher()];
let failure = null;
try {
  await load.run(kKills, work);
} catch (error) {
  load.stopping = true;
  failure = error.message;
}

const { counts, problems, regrown, bad } = judge(load.history);
const summary = {
  kills: kKills,
  seed: kSeed,
  seconds: Math.round((Date.now() - begun) / 1000),
  ...load.summary(),
  regrown,
  ...counts,
  unexpected: load.unexpected.length,
};
for (const line of [...problems, ...load.unexpected].slice(0, 50)) console.error(line);
if (failure) console.error(failure, load.server.log.slice(-20).join('\n'));
console.log(JSON.stringify(summary));
await load.server.stop('SIGKILL');
process.exit(bad || failure || load.unexpected.length > 0 || load.history.accepted.length === 0 ? 1 : 0);

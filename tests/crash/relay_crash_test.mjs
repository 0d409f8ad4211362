// SPDX-License-Identifier: Apache-2.0
// Kills a server that relays (kill -9) again and again, while the upstream that it relays to (tests/relay/stub) goes on
// and keeps a synced log of what it was asked for; then lets the oracle judge whether anything was submitted twice, or
// is lost, stuck or changed.
//
//   node relay_crash_test.mjs [--kills N] [--seed N]     (or HEKTO_RELAY_KILLS)
//
// Prints one JSON line of counts and exits 1 when one is not 0 that should be.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { kFlux, kLlama } from '../e2e/support/http.mjs';
import { Server } from '../e2e/support/server.mjs';
import { Stub } from '../relay/stub/start.mjs';
import { kServerArgs, Load, pause } from './load.mjs';
import { judge } from './oracle.mjs';
import { cutOff, readUpstream } from './upstream_side.mjs';

const { values: flags } = parseArgs({ options: { kills: { type: 'string' }, seed: { type: 'string' } } });
const kKills = Number(flags.kills ?? process.env.HEKTO_RELAY_KILLS ?? 200);
const kSeed = Number(flags.seed ?? Date.now() % 1_000_000);
const kRefused = 422;

const folder = mkdtempSync(join(tmpdir(), 'hekto-relay-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
const stub = await Stub.start({ folder });

/** What the upstream does with a create, in words of the stub: [share, word(random)]. It takes and answers the rest. */
const kFaults = [
  // Time for a kill between the first byte and the commit upstream, and between that and its answer.
  [0.1, (random) => `wait=${Math.floor(random() * 300)}`],
  [0.15, (random) => `hold=${Math.floor(random() * 500)}`],
  // Lists that show it late, alone and after an answer that was lost: it must be found all the same.
  [0.05, (random) => `list-delay=${Math.floor(random() * 3000)}`],
  [0.04, () => 'reset-after-accept'],
  [0.02, () => 'half'],
  [0.02, () => 'status-after-accept=502'],
  [0.03, (random) => `reset-after-accept]] [[stub:list-delay=${Math.floor(random() * 3000)}`],
  // Nobody can know of this one.
  [0.005, () => 'reset-after-accept]] [[stub:unlisted'],
  // Nothing was taken: it may be sent again, or is refused.
  [0.05, () => 'status=503*1'],
  [0.03, () => `status=${kRefused}`],
  [0.03, () => 'fail=It broke'],
  // Only a cancel ends it in time.
  [0.03, () => 'delay=30000'],
];

/** The same for two creates of one input, of which the first is cut off: what it made must not be taken for the other's,
 *  nor the other's for what it made. */
const kTwinFaults = [
  [0.3, () => 'reset-after-accept*1'],
  [0.3, () => 'reset*1'],
];

function input(name, random, twin) {
  let prompt = name;
  let choice = random();
  for (const [share, word] of twin ? kTwinFaults : kFaults) {
    if (choice >= 0 && choice < share) prompt += ` [[stub:${word(random)}]]`;
    choice -= share;
  }
  if (random() < 0.2) return [kFlux, { prompt, num_outputs: 1 + Math.floor(random() * 2) }];
  return [kLlama, { prompt }];
}

/** Each other server parks runs as soon as they wait: a kill then finds them parked, woken or in between. */
let starts = 0;
const parking = () => ((starts += 1) % 2 === 0 ? ['--predictions-park-after', '0s'] : []);

const load = new Load({
  seed: kSeed,
  launch: () =>
    Server.launch({
      folder,
      args: [...kServerArgs, ...parking(), '--replicate-url', stub.origin],
      env: { REPLICATE_API_TOKEN: 'the-account-of-the-stub' },
    }),
  input,
  refusal: ({ prompt }) => (prompt.includes(`status=${kRefused}`) ? kRefused : 0),
  twins: 0.1,
  cancels: ({ prompt }) => (prompt.includes('delay=30000') ? 1 : 0.1),
  maxUnfinished: 250,
  files: (prediction) => prediction.input.num_outputs ?? 0,
});
await load.start();

const begun = Date.now();
const workers = [
  ...Array.from({ length: 4 }, () => load.creator()),
  ...Array.from({ length: 2 }, () => load.watcher()),
  ...Array.from({ length: 2 }, () => load.streamer()),
];
let failure = null;
try {
  await load.run(kKills, workers);
} catch (error) {
  load.stopping = true;
  failure = error.message;
}

const { history } = load;
const look = async () => {
  history.upstream = await readUpstream(stub);
  for (const prompt of cutOff(history)) history.interrupted.add(prompt);
  return judge(history);
};
let judged = await look();
// The last cancels may still be on their way. One whose create had a broken answer is looked up two minutes after its
// intent: until then its create, or that of an equal prediction, may be under way.
for (let i = 0; i < 150 && judged.counts.left_running > 0; ++i) {
  await pause(1000);
  judged = await look();
}
const { counts, problems, regrown, ambiguous, bad } = judged;
const { creates } = history.upstream;
const summary = {
  kills: kKills,
  seed: kSeed,
  seconds: Math.round((Date.now() - begun) / 1000),
  ...load.summary(),
  streams: history.streams.length,
  twins: history.asked.size,
  refused: history.refused.size,
  regrown,
  submitted: creates.filter(({ id }) => id !== null).length,
  cut: creates.filter(({ cut }) => cut).length,
  ambiguous,
  ...counts,
  unexpected: load.unexpected.length,
};
for (const line of [...problems, ...load.unexpected].slice(0, 50)) console.error(line);
if (failure) console.error(failure, load.server.log.slice(-20).join('\n'));
console.log(JSON.stringify(summary));
await load.server.stop('SIGKILL');
await stub.stop();
process.exit(bad || failure || load.unexpected.length > 0 || history.accepted.length === 0 ? 1 : 0);

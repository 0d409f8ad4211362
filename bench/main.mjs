// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { readOptions, usage, PARTS } from './lib/options.mjs';
import { cleanUp, makeTempFolder, onSignals, pinSelf, stopAll, unlessStopping } from './lib/process.mjs';
import { describeMachine, printJson, printTable } from './lib/report.mjs';

const parts = {
  get: () => import('./parts/get.mjs'),
  create: () => import('./parts/create.mjs'),
  latency: () => import('./parts/latency.mjs'),
  idle: () => import('./parts/idle.mjs'),
  streams: () => import('./parts/streams.mjs'),
  start: () => import('./parts/start.mjs'),
  relay: () => import('./parts/relay.mjs'),
};

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(usage());
    return 0;
  }
  if (!existsSync(options.hekto)) {
    throw new Error(`there is no ${options.hekto}: run scripts/build first, or set HEKTO_BIN`);
  }
  onSignals();
  pinSelf(options.loadCore);
  options.temp = makeTempFolder(options.folder);
  const machine = describeMachine(options);
  const rows = [];
  let failed = false;
  for (const name of PARTS.filter((part) => options.parts.includes(part))) {
    process.stderr.write(`bench: ${name}\n`);
    try {
      rows.push(...(await (await parts[name]()).run(options)));
    } catch (error) {
      await unlessStopping();
      failed = true;
      process.stderr.write(`bench: ${name} failed: ${error.message}\n`);
    }
    await stopAll();
  }
  machine.loadAfter = describeMachine(options).load;
  if (rows.length === 0) return 1;
  if (options.json) printJson(machine, options, rows);
  else printTable(machine, options, rows);
  return failed || (options.check && rows.some((row) => row.ok === false)) ? 1 : 0;
}

let code = 1;
try {
  code = await main();
} catch (error) {
  process.stderr.write(`bench: ${error.message}\n`);
} finally {
  await cleanUp();
}
process.exit(code);

// SPDX-License-Identifier: Apache-2.0
// A Replicate-compatible service that misbehaves as it is told. A program of its own, so that whatever happens to the
// server that is tested, what was received here is on record.
//
//   node stub.mjs --log FILE [--port 0] [--control-port 0] [--delay-ms 300] [--account NAME=TOKEN[=USERNAME]]…
//                 [--creates-per-minute 600] [--others-per-minute 3000] [--file-lifetime-ms N] [--answers FOLDER]
//
// It prints one line of JSON when it listens: {"origin", "control", "port"}. Directives stand in inputs
// ([[stub:reset-after-accept]]) or come by POST /_stub/script; README.md lists them. /_stub/ is served on both ports,
// and needs no key.
import { parseArgs } from 'node:util';

import { Answers } from './answers.mjs';
import { Api } from './api.mjs';
import { Control } from './control.mjs';
import { Front } from './front.mjs';
import { SyncedLog } from './log.mjs';

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'control-port': { type: 'string', default: '0' },
    log: { type: 'string' },
    'delay-ms': { type: 'string', default: '300' },
    account: { type: 'string', multiple: true, default: [] },
    'creates-per-minute': { type: 'string', default: '0' },
    'others-per-minute': { type: 'string', default: '0' },
    'file-lifetime-ms': { type: 'string', default: String(24 * 3600 * 1000) },
    answers: { type: 'string' },
  },
});
if (!flags.log) throw new Error('--log FILE is missing');

const log = await SyncedLog.open(flags.log);
const api = new Api({
  log,
  delayMs: Number(flags['delay-ms']),
  accounts: flags.account.map((text) => {
    const [name, token, username = name] = text.split('=');
    return { name, token, username };
  }),
  createsPerMinute: Number(flags['creates-per-minute']),
  othersPerMinute: Number(flags['others-per-minute']),
  fileLifetimeMs: Number(flags['file-lifetime-ms']),
  answers: flags.answers ? await Answers.load(flags.answers) : null,
});
const front = new Front(api, log);
const control = new Control(api, front);
front.control = control;
const port = await front.listen(Number(flags.port));
const controlPort = await control.listen(Number(flags['control-port']));
console.log(JSON.stringify({ origin: `http://127.0.0.1:${port}`, control: `http://127.0.0.1:${controlPort}`, port }));

// Whoever started it holds its standard input; when that ends, so does it.
process.stdin.on('end', () => process.exit(0)).resume();

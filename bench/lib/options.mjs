// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';

export const PARTS = ['get', 'create', 'latency', 'idle', 'streams', 'start', 'relay'];

export function usage() {
  return `usage: bench/run [PART…] [OPTION…]

Measures build/release/hekto (or $HEKTO_BIN) against nginx in interleaved rounds, the server on one core and the load on
another. Without a PART all of them run.

parts:
  get       GET of a finished prediction, 64 connections, against nginx "return 200"
  create    durable create, 64 connections, against nginx answering the same POST
  latency   what a request takes on one connection, create and GET, beyond nginx
  idle      memory of idle keep-alive connections
  streams   memory of clients that listen to an event stream
  start     time to /readyz with no rows and with many, and idle memory
  relay     creates that are relayed to an upstream, against nginx "proxy_pass", and many predictions open there

options:
  --rounds N         rounds, each with every server once (5)
  --seconds N        length of one measurement (2)
  --connections N    connections of idle and streams (10000)
  --rows N           rows of the full start (1000000)
  --open N           predictions that are open at the upstream in relay; 0 leaves that out (10000)
  --open-seconds N   how long they are watched (60)
  --no-relay-tls     leaves creates over TLS out of relay
  --server-core N    core of the server under test (0)
  --load-core N      core of the load and of nothing else (1)
  --access-log       both servers write a line for each request
  --folder DIR       where data folders are made; on the disk to be measured (/var/tmp)
  --json             the result as JSON on standard output
  --check            exit 1 when a target is missed
  --help
`;
}

function number(values, name, lowest, highest) {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < lowest || value > highest) {
    throw new Error(`--${name} takes a whole number from ${lowest} to ${highest}, got '${values[name]}'`);
  }
  return value;
}

export function readOptions(argv) {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      connections: { type: 'string', default: '10000' },
      rows: { type: 'string', default: '1000000' },
      open: { type: 'string', default: '10000' },
      'open-seconds': { type: 'string', default: '60' },
      'no-relay-tls': { type: 'boolean', default: false },
      'server-core': { type: 'string', default: '0' },
      'load-core': { type: 'string', default: '1' },
      'access-log': { type: 'boolean', default: false },
      folder: { type: 'string', default: '/var/tmp' },
      json: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  for (const part of positionals) {
    if (!PARTS.includes(part)) throw new Error(`unknown part '${part}'; there are ${PARTS.join(', ')}`);
  }
  const options = {
    parts: positionals.length > 0 ? positionals : PARTS,
    rounds: number(values, 'rounds', 1, 1000),
    seconds: number(values, 'seconds', 1, 600),
    connections: number(values, 'connections', 1, 100_000),
    rows: number(values, 'rows', 1, 100_000_000),
    open: number(values, 'open', 0, 1_000_000),
    openSeconds: number(values, 'open-seconds', 1, 3600),
    relayTls: !values['no-relay-tls'],
    serverCore: number(values, 'server-core', 0, 4095),
    loadCore: number(values, 'load-core', 0, 4095),
    accessLog: values['access-log'],
    folder: values.folder,
    json: values.json,
    check: values.check,
    help: values.help,
    hekto: process.env.HEKTO_BIN ?? 'build/release/hekto',
  };
  if (options.serverCore === options.loadCore) throw new Error('server and load need a core each');
  return options;
}

// SPDX-License-Identifier: Apache-2.0
// Relayed creates against nginx that passes them on to the same upstream, and many predictions that are open there.
import { compare, contender, takeTurns } from '../lib/load.mjs';
import { stop } from '../lib/process.mjs';
import { freshRelay, makeCertificate, modelDocument, startProxy, startUpstream } from '../lib/relay.mjs';
import { addedRow, ratioRow, throughputRow } from '../lib/report.mjs';
import { CREATE_PATH, askFor, createBody, headersOf } from '../lib/servers.mjs';
import { runOpen } from './relay_open.mjs';

const CONNECTIONS = 64;

/// nginx, hekto as it is, and hekto to an upstream that is declared idempotent; over TLS when `tls` is given.
async function contendersFor(options, document, tls) {
  const upstream = await startUpstream(options, document, tls);
  const proxy = await startProxy(options, upstream, tls);
  const body = createBody();
  const request = { method: 'POST', path: CREATE_PATH, headers: headersOf('r8_bench', body), body };
  await askFor(201, proxy.origin, request);
  const of = (name, server, what) => contender(name, server, what, options);
  const trust = tls ? [`ca_file: ${tls.certificate}`] : [];
  return {
    servers: [proxy, upstream],
    list: [
      of('nginx', proxy, request),
      freshRelay('hekto', options, upstream.origin, trust, of),
      freshRelay('idempotent', options, upstream.origin, [...trust, 'idempotent: true'], of),
    ],
  };
}

const ratio = (samples, name) => compare(samples[name], samples.nginx, (h, n) => n.cpu / h.cpu);
const rate = (samples, name) => compare(samples[name], samples.nginx, (h, n) => h.rps / n.rps);
const pair = (samples, name) => ({ hekto: samples[name], nginx: samples.nginx });

function createRows(id, what, samples) {
  return ['hekto', 'idempotent'].flatMap((name) => {
    const [suffix, kind] = name === 'hekto' ? ['', ''] : ['.idempotent', ', idempotent upstream'];
    return [
      ratioRow(`${id}${suffix}.cpu`, what + kind, pair(samples, name), ratio(samples, name), 0.5),
      throughputRow(`${id}${suffix}.rps`, pair(samples, name), rate(samples, name)),
    ];
  });
}

export async function run(options) {
  const document = await modelDocument(options);
  const rows = [];
  const plain = await contendersFor(options, document, null);
  rows.push(...createRows('relay', `relayed create, ${CONNECTIONS} connections`,
    await takeTurns(plain.list, CONNECTIONS, options)));
  const alone = await takeTurns(plain.list, 1, options);
  rows.push(addedRow('relay.latency', 'p50 of a relayed create, 1 connection', alone.hekto, alone.nginx),
    addedRow('relay.idempotent.latency', '  the same, idempotent upstream', alone.idempotent, alone.nginx));
  await Promise.all(plain.servers.map(({ child }) => stop(child)));
  if (options.relayTls) {
    const tls = await makeCertificate(options);
    const secure = await contendersFor(options, document, tls);
    rows.push(...createRows('relay.tls', `relayed create over TLS, ${CONNECTIONS} connections`,
      await takeTurns(secure.list, CONNECTIONS, options)));
    await Promise.all(secure.servers.map(({ child }) => stop(child)));
  }
  if (options.open > 0) rows.push(...await runOpen(options, document));
  return rows;
}

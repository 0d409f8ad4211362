// SPDX-License-Identifier: Apache-2.0
// What relaying is measured with: an nginx that answers as an upstream, an nginx that passes requests on to it, and a
// hekto that relays to it.
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CREATE_PATH, askFor, createBody, headersOf, makeKey, runNginx, startHekto, untilReady } from './servers.mjs';
import { stop } from './process.mjs';

const run = promisify(execFile);
const TOKEN = 'r8_bench';
const MODEL = '/replicate/v1/models/black-forest-labs/flux-schnell';

/// The document of the model that is created with, as an upstream would show it.
export async function modelDocument(options) {
  const data = join(options.temp, 'model');
  const key = await makeKey(options, data);
  const hekto = await startHekto(options, data);
  await untilReady(hekto);
  const document = await askFor(200, hekto.origin, { method: 'GET', path: MODEL, headers: headersOf(key) });
  await stop(hekto.child);
  return document;
}

/// A certificate for 127.0.0.1 that is trusted where its file is named: {certificate, key}.
export async function makeCertificate(options) {
  const [certificate, key] = ['upstream.pem', 'upstream.key'].map((name) => join(options.temp, name));
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days',
    '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate]);
  return { certificate, key };
}

/// What a create is answered with; nginx puts in an id of its own and the second it is in.
function createdDocument() {
  const url = 'https://upstream.example/v1/predictions/$request_id';
  return JSON.stringify({
    id: '$request_id', model: 'black-forest-labs/flux-schnell', version: 'hidden', ...JSON.parse(createBody()),
    logs: '', output: null, data_removed: false, error: null, source: 'api', status: 'starting', created_at: '$now',
    urls: { cancel: `${url}/cancel`, get: url, stream: 'https://stream.upstream.example/v1/files/$request_id',
      web: 'https://upstream.example/p/$request_id' },
  });
}

/// The upstream, on the core of the load: {origin, child}. Every create is taken. Looks at predictions are put off for
/// an hour, so that what is measured is the create.
export async function startUpstream(options, document, tls) {
  const file = join(options.temp, 'model.json');
  writeFileSync(file, document);
  const listen = tls ? 'ssl http2' : '';
  return runNginx(options, options.loadCore, tls ? 'https' : 'http', (port) => `
  map $time_iso8601 $now { "~^(?<second>[^+]+)" "\${second}Z"; }
  server {
    listen 127.0.0.1:${port} ${listen} backlog=4096;
    ${tls ? `ssl_certificate ${tls.certificate}; ssl_certificate_key ${tls.key};` : ''}
    location ~ ^/v1/models/[^/]+/[^/]+/predictions$ { return 201 '${createdDocument()}'; }
    location ~ ^/v1/models/[^/]+/[^/]+$ { alias ${file}; }
    location /v1/predictions { add_header Retry-After 3600 always; return 429 '{"detail":"later","status":429}'; }
    location = /ready { return 200; }
  }`, '/ready', tls);
}

/// nginx between the client and the upstream, on the core of the servers that are measured.
export async function startProxy(options, upstream, tls) {
  return runNginx(options, options.serverCore, 'http', (port) => `
  upstream there { server ${new URL(upstream.origin).host}; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    proxy_http_version 1.1; proxy_set_header Connection "";
    ${tls ? `proxy_ssl_verify on; proxy_ssl_trusted_certificate ${tls.certificate}; proxy_ssl_name 127.0.0.1;` : ''}
    location /replicate/ { proxy_pass ${tls ? 'https' : 'http'}://there/; }
    location = /ready { return 200; }
  }`, '/ready');
}

/// Flags with which hekto relays everything to `origin`. `more` are lines for the upstream's section.
export function relayFlags(options, origin, more = []) {
  const file = join(mkdtempSync(join(options.temp, 'config-')), 'hekto.yaml');
  const lines = [
    'upstreams:', '  bench:', `    url: ${origin}`, '    outputs: pass', ...more.map((line) => `    ${line}`),
    '    accounts:', '      - name: main', `        token: ${TOKEN}`, '        creates_per_minute: 10000000',
  ];
  writeFileSync(file, lines.join('\n') + '\n');
  return ['--config', file, '--predictions-queue-limit', '10000000', '--predictions-relayed', '1000000',
    '--drain-grace', '0s'];
}

/// A contender of takeTurns that is a new hekto each time, so that none carries what another has begun.
export function freshRelay(name, options, origin, more, contenderOf) {
  let current = null;
  return {
    name,
    async begin() {
      const data = mkdtempSync(join(options.temp, 'relay-'));
      const key = await makeKey(options, data);
      const hekto = await startHekto(options, data, relayFlags(options, origin, more));
      current = hekto.child;
      await untilReady(hekto);
      const body = createBody();
      const request = { method: 'POST', path: CREATE_PATH, headers: headersOf(key, body), body };
      await askFor(201, hekto.origin, request);
      return contenderOf(name, hekto, request);
    },
    end: () => stop(current),
  };
}

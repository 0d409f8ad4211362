// SPDX-License-Identifier: Apache-2.0
// Upstreams that speak TLS with an authority of their own: whom the front trusts, and what its requests share there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { join } from 'node:path';
import { test } from 'node:test';

import { Api } from './support/http.mjs';
import { startServer, tempFolder, until } from './support/server.mjs';

const kAtOnce = 20;

function makeCertificate(folder) {
  const [certificate, key] = ['upstream.pem', 'upstream.key'].map((name) => join(folder, name));
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject];
  execFileSync('openssl', [...args, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  return { certificate, key };
}

/**
 * An upstream for HTTP/1.1 and HTTP/2 that answers creates only when `together` of them are waiting, so that those that
 * share a connection must be under way on it at once. Notes connections, handshakes that failed, and the HTTP version of
 * each create.
 */
async function startUpstream(t, { certificate, key }, together = 1) {
  const upstream = { connections: [], creates: [], refused: 0 };
  const waiting = [];
  const known = new Map();
  const answer = (response, status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  const options = { key: readFileSync(key), cert: readFileSync(certificate), allowHTTP1: true };
  const server = createSecureServer(options, (request, response) => {
    request.resume();
    const { pathname } = new URL(request.url, 'https://upstream');
    const [, , kind, id] = pathname.split('/');
    if (kind === 'models' && request.method === 'GET') {
      return answer(response, 200, { owner: 'any', name: 'thing', latest_version: null });
    }
    if (request.method === 'GET' && id) {
      return known.has(id) ? answer(response, 200, known.get(id)) : answer(response, 404, {});
    }
    if (request.method === 'GET') return answer(response, 200, { next: null, previous: null, results: [] });
    upstream.creates.push(request.httpVersion);
    waiting.push(response);
    if (waiting.length < together) return;
    for (const held of waiting.splice(0)) {
      const made = { id: `up${known.size}`, created_at: new Date().toISOString(), input: {}, logs: '', output: null };
      known.set(made.id, { ...made, status: 'succeeded', output: 'done', completed_at: new Date().toISOString() });
      answer(held, 201, { ...made, status: 'starting' });
    }
  });
  server.on('secureConnection', (socket) => {
    upstream.connections.push({ protocol: socket.alpnProtocol, resumed: socket.isSessionReused() });
  });
  server.on('tlsClientError', () => ++upstream.refused);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sessions = new Set();
  server.on('session', (session) => sessions.add(session));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  upstream.origin = `https://127.0.0.1:${server.address().port}`;
  return upstream;
}

async function startFront(t, upstream, more) {
  const folder = tempFolder(t);
  const accounts = ['accounts:', '  - token: r8_secret'];
  const lines = [`url: ${upstream.origin}`, ...accounts, ...more].map((line) => `    ${line}`);
  writeFileSync(join(folder, 'hekto.yaml'), ['upstreams:', '  own:', ...lines].join('\n') + '\n');
  return new Api(await startServer(t, { folder }));
}

const createMany = (api) =>
  Promise.all(
    Array.from({ length: kAtOnce }, (_, i) => api.post('/models/any/thing/predictions', { input: { i } })),
  );

async function assertAllEnd(api, answers) {
  for (const answer of answers) {
    assert.equal(answer.status, 201, answer.text);
    const { id } = answer.json();
    assert.equal((await api.finished(id)).status, 'succeeded');
  }
}

test('creates at an idempotent upstream share one connection by HTTP/2, and so do polls', async (t) => {
  const tls = makeCertificate(tempFolder(t));
  const upstream = await startUpstream(t, tls, kAtOnce);
  const api = await startFront(t, upstream, [`ca_file: ${tls.certificate}`, 'idempotent: true']);
  await assertAllEnd(api, await createMany(api));
  assert.deepEqual(upstream.creates, Array(kAtOnce).fill('2.0'));
  assert.deepEqual(upstream.connections.map(({ protocol }) => protocol), ['h2']);
});

test('creates at any other have a connection each, and TLS sessions are taken up again', async (t) => {
  const tls = makeCertificate(tempFolder(t));
  const upstream = await startUpstream(t, tls);
  const api = await startFront(t, upstream, [`ca_file: ${tls.certificate}`]);
  const answers = [];
  for (let i = 0; i < 3; ++i) answers.push(await api.post('/models/any/thing/predictions', { input: { i } }));
  await assertAllEnd(api, answers);
  assert.deepEqual(upstream.creates, Array(3).fill('1.1'));
  const own = upstream.connections.filter(({ protocol }) => protocol !== 'h2');
  assert.equal(own.length, 3);
  // Not every time: whether a connection leaves another session is the server's choice.
  assert.ok(own.some(({ resumed }) => resumed), 'no TLS session of an earlier connection was taken up');
  assert.equal(upstream.connections.length - own.length, 1, 'all that may be repeated shares a connection');
});

test('an upstream with an authority that is not trusted is sent nothing', async (t) => {
  const upstream = await startUpstream(t, makeCertificate(tempFolder(t)));
  const api = await startFront(t, upstream, []);
  const created = await api.post('/models/any/thing/predictions', { input: {} });
  assert.equal(created.status, 201, created.text); // it waits for an upstream that can be reached
  await until('handshakes that fail', () => upstream.refused >= 5);
  assert.deepEqual(upstream.creates, []);
  assert.equal((await api.prediction(created.json().id)).status, 'starting');
});

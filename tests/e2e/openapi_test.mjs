// SPDX-License-Identifier: Apache-2.0
// The OpenAPI document as it is served.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { send } from './support/http.mjs';
import { hekto, startServer, tempFolder } from './support/server.mjs';

const server = await startServer({ after }, { key: false });

test('the document is served without a key, with the server that was asked', async () => {
  const printed = await hekto(['openapi'], { cwd: tempFolder({ after }) });
  assert.equal(printed.code, 0, printed.stderr);
  for (const [path, url] of [
    ['/openapi.json', '/v1'],
    ['/v1/openapi.json', '/v1'],
    ['/replicate/v1/openapi.json', '/replicate/v1'],
  ]) {
    const answer = await send(server.origin, path);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'application/json');
    const document = answer.json();
    assert.deepEqual(document.servers, [{ url: server.origin + url }]);
    assert.deepEqual({ ...document, servers: [{ url: '/v1' }] }, JSON.parse(printed.stdout));
  }
});

test('the document says what a proxy in front is called', async () => {
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'hekto.example' };
  const answer = await send(server.origin, '/replicate/v1/openapi.json', { headers });
  assert.deepEqual(answer.json().servers, [{ url: 'https://hekto.example/replicate/v1' }]);
});

test('who has the document already gets no body', async () => {
  const first = await send(server.origin, '/openapi.json');
  const etag = first.headers.etag;
  assert.match(etag, /^"[0-9a-f]{32}"$/);
  assert.equal(first.headers['cache-control'], 'no-cache');
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const again = await send(server.origin, '/openapi.json', { headers: { 'if-none-match': known } });
    assert.deepEqual([again.status, again.headers.etag, again.text], [304, etag, '']);
  }
  const other = await send(server.origin, '/openapi.json', { headers: { 'if-none-match': '"other"' } });
  assert.equal(other.status, 200);
  const elsewhere = await send(server.origin, '/replicate/v1/openapi.json');
  assert.notEqual(elsewhere.headers.etag, etag, 'another document has another tag');
});

test('the document is gzipped for those who take that', async () => {
  const plain = await send(server.origin, '/openapi.json');
  const packed = await send(server.origin, '/openapi.json', { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.equal(packed.headers.etag, `W/${plain.headers.etag}`);
  assert.equal(gunzipSync(packed.body).toString(), plain.text);
  const head = await send(server.origin, '/openapi.json', { method: 'HEAD' });
  assert.deepEqual([head.status, head.text], [200, '']);
});

// SPDX-License-Identifier: Apache-2.0
// How the server is reached: TLS, IPv6, compression, and the addresses for operators.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { Api, kFlux, send, smallImage } from './support/http.mjs';
import { hekto, startServer, tempFolder } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0'] });
const api = new Api(server);

/** Makes a certificate for localhost and returns the paths of its files and its text. */
function makeCertificate(folder) {
  const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      certificate,
    ],
    { stdio: 'ignore' },
  );
  return { certificate, key, ca: readFileSync(certificate) };
}

test('with a certificate everything goes over TLS, and the official client gets files', async (t) => {
  const folder = tempFolder(t);
  const { certificate, key, ca } = makeCertificate(folder);
  const args = ['--sandbox-speed', '0', '--tls-certificate', certificate, '--tls-key', key];
  const secure = await startServer(t, { args });
  assert.match(secure.origin, /^https:/);
  const secureApi = new Api(secure, { ca });
  const p = await secureApi.run(kFlux, smallImage('a private fox'));
  assert.match(p.output[0], /^https:/);
  const file = await send(secure.origin, p.output[0], { ca });
  assert.equal(file.status, 200);
  assert.equal(Number(file.headers['content-length']), file.body.length);
  await assert.rejects(
    send(secure.origin.replace('https', 'http'), '/healthz').then((a) => assert.equal(a.status, 200)),
  );

  // Over https the client hands out objects that fetch themselves. The certificate must be known when Node starts.
  const program = `
    import Replicate from 'replicate';
    const replicate = new Replicate({ auth: '${secure.key}', baseUrl: '${secure.origin}/v1' });
    const [file] = await replicate.run('${kFlux}', { input: ${JSON.stringify(smallImage('fox'))} });
    const bytes = Buffer.from(await (await file.blob()).arrayBuffer());
    console.log(file.constructor.name, bytes.subarray(0, 3).toString('hex'));`;
  const output = await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: dirname(fileURLToPath(import.meta.url)),
      env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece) => (text += piece));
    child.on('error', reject);
    child.on('close', () => resolve(text.trim()));
  });
  assert.equal(output, 'FileOutput ffd8ff');
});

test('a certificate that cannot be used is said when the server starts', async (t) => {
  const folder = tempFolder(t);
  const { key } = makeCertificate(folder);
  writeFileSync(join(folder, 'bad.pem'), 'not a certificate');
  const args = ['serve', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--tls-key', key];
  const bad = await hekto([...args, '--tls-certificate', join(folder, 'bad.pem')], { cwd: folder });
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /bad\.pem/);
});

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((address) => address.address === '::1');
test('IPv6 works, and links carry the address in brackets', { skip: hasIpv6 ? false : 'no ::1 here' }, async (t) => {
  const six = await startServer(t, { listen: '[::1]:0', args: ['--sandbox-speed', '0'] });
  assert.match(six.origin, /^http:\/\/\[::1\]:\d+$/);
  const p = await new Api(six).run(kFlux, smallImage('a wide fox'));
  assert.ok(p.output[0].startsWith(`${six.origin}/`));
  assert.equal((await send(six.origin, p.output[0])).status, 200);
});

test('several addresses may be listened on', async (t) => {
  const two = await startServer(t, { args: ['--listen', 'localhost:0'] });
  const urls = two.output.join('\n').match(/http:\/\/127\.0\.0\.1:\d+/g) ?? [];
  assert.equal(new Set(urls).size, 2, two.output.join('\n'));
  for (const url of urls) assert.equal((await send(url, '/healthz')).status, 200);
});

test('a large answer is compressed for those who say that they can read it, and only for them', async () => {
  const plain = await api.get('/models');
  assert.equal(plain.headers['content-encoding'], undefined);
  const packed = await api.get('/models', { 'accept-encoding': 'gzip, deflate' });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.match(packed.headers.vary, /accept-encoding/i);
  assert.ok(packed.body.length < plain.body.length);
  assert.ok(gunzipSync(packed.body).equals(plain.body));
  for (const refusal of ['identity', 'gzip;q=0', 'br']) {
    const answer = await api.get('/models', { 'accept-encoding': refusal });
    assert.equal(answer.headers['content-encoding'], undefined, refusal);
  }
});

test('an image is never compressed a second time', async () => {
  const p = await api.run(kFlux, smallImage('fox'));
  const file = await send(server.origin, p.output[0], { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(file.headers['content-encoding'], undefined);
});

test('an empty body with a JSON content type is no error', async () => {
  const { id } = await api.create(kFlux, smallImage('fox'));
  assert.equal((await api.post(`/predictions/${id}/cancel`, '')).status, 200);
  assert.equal((await api.get('/account', { 'content-type': 'application/json' })).status, 200);
});

test('health, readiness and metrics need no key', async () => {
  for (const path of ['/healthz', '/readyz']) assert.equal((await send(server.origin, path)).status, 200, path);
  await api.run(kFlux, smallImage('a counted fox'));
  const metrics = await send(server.origin, '/metrics');
  assert.equal(metrics.status, 200);
  assert.match(metrics.headers['content-type'], /^text\/plain/);
  const names = metrics.text.split('\n').filter((line) => line && !line.startsWith('#'));
  assert.ok(names.length > 0);
  for (const line of names) assert.match(line, /^[a-zA-Z_:][\w:]*(\{.*\})? \S+$/);
  assert.ok(names.every((line) => line.startsWith('hekto_') || line.startsWith('process_')));
});

test("every answer carries a request id, the caller's own when it has one", async () => {
  const one = await api.get('/account');
  const two = await api.get('/account');
  assert.ok(one.headers['x-request-id'] && two.headers['x-request-id']);
  assert.notEqual(one.headers['x-request-id'], two.headers['x-request-id']);
  assert.equal((await api.get('/account', { 'x-request-id': 'mine-1.2_3' })).headers['x-request-id'], 'mine-1.2_3');
  const long = 'x'.repeat(65);
  assert.notEqual((await api.get('/account', { 'x-request-id': long })).headers['x-request-id'], long);
});

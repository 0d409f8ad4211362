// SPDX-License-Identifier: Apache-2.0
// Files that inputs name by URL: fetched for the model, from where they may be fetched from.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { after, test } from 'node:test';

import { Api, kFlux, smallImage } from './support/http.mjs';
import { Server, startServer, tempFolder, until } from './support/server.mjs';

const kModel = 'stability-ai/sdxl';
const kPng = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** A web server on loopback. `answer(request, response)` answers; `requests` are those that came. */
async function website(t, answer) {
  const site = { requests: [], connections: 0 };
  const server = http.createServer((request, response) => {
    site.requests.push({ path: request.url, headers: request.headers });
    answer(request, response);
  });
  server.on('connection', () => (site.connections += 1));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  site.origin = `http://127.0.0.1:${server.address().port}`;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return site;
}
const picture = (request, response) => response.writeHead(200, { 'content-type': 'image/png' }).end(kPng);

const server = await startServer({ after }, { args: ['--sandbox-speed', '0', '--inputs-max-size', '64KiB'] });
const api = new Api(server);
const input = (image) => ({ prompt: 'a fox', width: 64, height: 64, image });
const failure = (why) => `Input file input.image cannot be used: ${why}`;

test('a file on the web reaches the model byte for byte, and its server learns nothing about who asks', async (t) => {
  const site = await website(t, picture);
  const done = await api.run(kModel, input(`${site.origin}/pictures/red%20fox.png?size=1`));
  assert.equal(done.status, 'succeeded', done.error);
  assert.match(done.logs, /input\/image is .*fox\.png \(image\/png, /);
  assert.ok(done.logs.includes(`${kPng.length} bytes, sha256 ${sha256(kPng)})`), done.logs);
  assert.equal(done.input.image, `${site.origin}/pictures/red%20fox.png?size=1`, 'the input is shown as it was sent');
  assert.equal(site.requests.length, 1);
  const { headers } = site.requests[0];
  assert.equal(headers.authorization, undefined);
  assert.equal(headers.cookie, undefined);
  assert.ok(!JSON.stringify(headers).includes(server.key));
});

test('redirects are followed, and the name that the server gives is taken', async (t) => {
  const site = await website(t, (request, response) => {
    if (request.url === '/a') return response.writeHead(302, { location: '/b' }).end('moved');
    if (request.url === '/b') return response.writeHead(307, { location: `${site.origin}/c` }).end('moved');
    const headers = { 'content-disposition': 'attachment; filename="../kite.png"' };
    response.writeHead(200, { ...headers, 'content-type': 'application/octet-stream' }).end(kPng);
  });
  const done = await api.run(kModel, input(`${site.origin}/a`));
  assert.equal(done.status, 'succeeded', done.error);
  assert.match(done.logs, new RegExp(`input/image is kite\\.png \\(image/png, ${kPng.length} bytes`));
  assert.deepEqual(site.requests.map((r) => r.path), ['/a', '/b', '/c']);
});

test('what cannot be fetched fails the prediction with the reason, and the model does not run', async (t) => {
  const site = await website(t, (request, response) => {
    if (request.url === '/loop') return response.writeHead(302, { location: '/loop' }).end();
    if (request.url === '/file') return response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    if (request.url === '/large') return response.writeHead(200).end(Buffer.alloc(65 * 1024));
    response.writeHead(404).end();
  });
  for (const [path, why] of [
    ['/gone', /^it could not be fetched: the server answered 404$/],
    ['/loop', /^it could not be fetched: it redirects more than 5 times$/],
    ['/file', /^it could not be fetched: it redirects to what is no http or https URL$/],
    ['/large', /^it could not be fetched: it has more than 65536 bytes$/],
  ]) {
    const done = await api.run(kModel, input(site.origin + path));
    assert.equal(done.status, 'failed', path);
    assert.ok(done.error.startsWith(failure('')), done.error);
    assert.match(done.error.slice(failure('').length), why);
    assert.ok(!done.error.includes('127.0.0.1'), done.error);
    assert.equal(done.started_at ?? null, null);
  }
});

test('a server that has trouble for a moment is asked again', async (t) => {
  const site = await website(t, (request, response) => {
    if (site.requests.length === 1) return response.writeHead(503).end();
    picture(request, response);
  });
  const done = await api.run(kModel, input(`${site.origin}/fox.png`));
  assert.equal(done.status, 'succeeded', done.error);
  assert.equal(site.requests.length, 2);
});

test('a prediction is starting while its file comes, and a cancel ends the wait', async (t) => {
  const site = await website(t, () => {});
  const created = await api.create(kModel, input(`${site.origin}/never.png`));
  await until('the fetch', () => site.requests.length === 1);
  assert.equal((await api.prediction(created.id)).status, 'starting');
  const answer = await api.post(`/predictions/${created.id}/cancel`);
  assert.equal(answer.json().status, 'canceled');
});

test('an output link of this server is read where it lies, and nothing else of this server is', async () => {
  const first = await api.run(kFlux, smallImage('a fox'));
  const bytes = Buffer.from(await (await fetch(first.output[0])).arrayBuffer());
  const second = await api.run(kModel, input(first.output[0]));
  assert.equal(second.status, 'succeeded', second.error);
  assert.ok(second.logs.includes(`${bytes.length} bytes, sha256 ${sha256(bytes).slice(0, 8)}`), second.logs);

  const change = (found) => (found.endsWith('a') ? '/delivery/b' : '/delivery/a');
  const forged = await api.run(kModel, input(first.output[0].replace(/\/delivery\/./, change)));
  assert.equal(forged.status, 'failed');
  const itself = await api.run(kModel, input(`${server.origin}/healthz`));
  assert.equal(itself.status, 'failed');
  assert.equal(itself.error, failure('it could not be fetched: the address is not allowed'));
});

test('private networks are not called, however they are written', async () => {
  for (const host of ['10.0.0.1', '192.168.1.1:8080', '[::ffff:10.0.0.1]', '0x0a000001']) {
    const url = `http://${host}/x`;
    const done = await api.run(kModel, input(url));
    assert.equal(done.status, 'failed', url);
    assert.ok(done.error.startsWith(failure('it could not be fetched: ')), done.error);
  }
});

test('with inputs.fetch off, URLs are handed on as they are', async (t) => {
  const site = await website(t, picture);
  const other = await startServer(t, { args: ['--sandbox-speed', '0', '--inputs-fetch', 'off'] });
  const done = await new Api(other).run(kModel, input(`${site.origin}/fox.png`));
  assert.equal(done.status, 'succeeded', done.error);
  assert.equal(site.connections, 0);
});

test('once a request has come through a proxy, this machine is called no longer, nor after a restart', async (t) => {
  const site = await website(t, picture);
  const folder = tempFolder(t);
  const args = ['--sandbox-speed', '0'];
  const first = await Server.start({ folder, args });
  const there = new Api(first);
  assert.equal((await there.run(kModel, input(`${site.origin}/fox.png`))).status, 'succeeded');
  assert.equal((await there.get('/account', { 'x-forwarded-for': '192.0.2.7' })).status, 200);
  const refused = await there.run(kModel, input(`${site.origin}/fox.png`));
  assert.equal(refused.error, failure('it could not be fetched: the address is not allowed'));
  await first.stop();

  const second = await Server.start({ folder, args, key: false });
  second.key = first.key;
  t.after(() => second.stop());
  const after = await new Api(second).run(kModel, input(`${site.origin}/fox.png`));
  assert.equal(after.error, failure('it could not be fetched: the address is not allowed'));
  assert.equal(site.requests.length, 1);
});

test('a server that names itself to the world does not call its own machine', async (t) => {
  const site = await website(t, picture);
  const known = await startServer(t, { args: ['--sandbox-speed', '0', '--public-url', 'https://hekto.example'] });
  const done = await new Api(known).run(kModel, input(`${site.origin}/fox.png`));
  assert.equal(done.error, failure('it could not be fetched: the address is not allowed'));
  assert.equal(site.connections, 0);
});

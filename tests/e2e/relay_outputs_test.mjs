// SPDX-License-Identifier: Apache-2.0
// Output files of relayed predictions: read while they still come, whole or visibly not, whatever the upstream does.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';

import { Api, kFlux, send } from './support/http.mjs';
import { Receiver } from './support/receiver.mjs';
import { startServer, tempFolder, until } from './support/server.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const content = (size) => randomBytes(size);

/** Something to wait for that a test brings about. */
function gate() {
  const it = {};
  it.opened = new Promise((resolve) => (it.open = resolve));
  return it;
}

/** As much of the official API as a relay needs, and output files that are served as a test says. */
class Upstream {
  predictions = new Map();
  inputs = [];
  uploads = [];
  fileRequests = [];
  atOnce = 0;
  peak = 0;
  files = new Map(); // name -> (request, response, count) => promise
  refuse = () => null; // of a create: {status, body}

  static async start(t) {
    const upstream = new Upstream();
    upstream.server = http.createServer((request, response) => {
      const pieces = [];
      request.on('data', (piece) => pieces.push(piece));
      request.on('end', () => upstream.answer(request, response, Buffer.concat(pieces)));
    });
    await new Promise((resolve) => upstream.server.listen(0, '127.0.0.1', resolve));
    upstream.origin = `http://127.0.0.1:${upstream.server.address().port}`;
    t.after(() => {
      upstream.server.closeAllConnections?.();
      upstream.server.close();
    });
    return upstream;
  }

  /** What every prediction comes to: links of these files, or anything else. */
  output = [];
  url(name) {
    return `${this.origin}/out/${name}`;
  }

  serve(name, handler) {
    this.files.set(name, handler);
    return this.url(name);
  }

  async answer(request, response, body) {
    const json = (status, value) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const path = request.url.split('?')[0];
    if (path.startsWith('/out/')) {
      const name = path.slice(5);
      this.fileRequests.push({ name, authorization: request.headers.authorization });
      this.peak = Math.max(this.peak, ++this.atOnce);
      response.on('close', () => (this.atOnce -= 1));
      const count = this.fileRequests.filter((entry) => entry.name === name).length;
      return this.files.get(name)(request, response, count);
    }
    if (request.method === 'POST' && path === '/v1/files') {
      const id = `upload${randomBytes(8).toString('hex')}`;
      this.uploads.push({ id, body });
      return json(201, { id, urls: { get: `${this.origin}/v1/files/${id}` } });
    }
    if (request.method === 'POST' && /\/predictions$/.test(path)) {
      const { input } = JSON.parse(body);
      this.inputs.push(input);
      const refusal = this.refuse(input);
      if (refusal) return json(refusal.status, refusal.body);
      const now = new Date().toISOString();
      const prediction = {
        id: randomBytes(13).toString('hex'),
        model: kFlux,
        version: 'hidden',
        input,
        logs: '',
        output: null,
        error: null,
        status: 'starting',
        created_at: now,
        urls: {},
      };
      this.predictions.set(prediction.id, prediction);
      json(201, prediction);
      const ended = { status: 'succeeded', output: this.output, started_at: now, completed_at: now };
      this.predictions.set(prediction.id, { ...prediction, ...ended, metrics: { predict_time: 1 } });
      return undefined;
    }
    const found = this.predictions.get(/^\/v1\/predictions\/(\w+)$/.exec(path)?.[1]);
    return found ? json(200, found) : json(404, { detail: 'not found' });
  }

  /** Starts a server that relays to this. */
  async front(t, { folder = tempFolder(t), options = '', ...more } = {}) {
    const config = join(folder, 'hekto.yaml');
    writeFileSync(
      config,
      `upstreams:\n  there:\n    url: ${this.origin}\n    accounts: [{name: main, token: r8_secret_of_the_test}]\n${options}`,
    );
    return startServer(t, { folder, args: ['--config', config], ...more });
  }
}

/** A handler that sends `bytes` up to `stop`, then waits for `held` before the rest. */
const slowly =
  (bytes, stop, held, headers = { 'content-length': bytes.length }) =>
  async (_request, response) => {
    response.writeHead(200, { 'content-type': 'image/png', ...headers });
    response.write(bytes.subarray(0, stop));
    await held.opened;
    response.end(bytes.subarray(stop));
  };
const whole = (bytes) => (_request, response) =>
  response.writeHead(200, { 'content-type': 'image/png', 'content-length': bytes.length }).end(bytes);

/** A GET that shows what has come so far: {response, bytes(), ended: Promise of {complete, body}}. */
function openLink(origin, url) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const path = new URL(url).pathname;
    const request = http.get({ hostname, port, path, agent: false }, (response) => {
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('error', () => {}); // the end says whether it was complete
      const ended = new Promise((done) =>
        response.on('close', () => done({ complete: response.complete, body: Buffer.concat(pieces) })),
      );
      resolve({ response, bytes: () => Buffer.concat(pieces), ended });
    });
    request.on('error', reject);
  });
}

/** Creates a prediction and waits until its first link is shown. */
async function shownLink(api) {
  const created = await api.create(kFlux, { prompt: 'a relayed fox' });
  const p = await api.finished(created.id, (now) => now.output !== null);
  return { id: created.id, link: Array.isArray(p.output) ? p.output[0] : p.output, p };
}

test('a reader has the first bytes while the upstream still holds the last back', async (t) => {
  const upstream = await Upstream.start(t);
  const bytes = content(300_000);
  const held = gate();
  let released = false;
  let early = 0;
  const receiver = await Receiver.start(t, (entry) => {
    if (entry.prediction.output !== null && !released) early += 1;
    return 200;
  });
  upstream.output = upstream.serve('fox.png', slowly(bytes, 200_000, held));
  const server = await upstream.front(t);
  const api = new Api(server);
  const answer = await api.post(`/models/${kFlux}/predictions`, {
    input: { prompt: 'a relayed fox' },
    webhook: receiver.url(),
    webhook_events_filter: ['start', 'output', 'completed'],
  });
  assert.equal(answer.status, 201, answer.text);
  const { id } = answer.json();
  const shown = await api.finished(id, (now) => now.output !== null);
  assert.equal(shown.status, 'processing');
  assert.match(shown.output, /\/delivery\/[0-9a-z]{56}\/fox\.png$/);

  const reader = await openLink(server.origin, shown.output);
  await until('the first bytes', () => reader.bytes().length >= 200_000);
  assert.ok(reader.bytes().equals(bytes.subarray(0, 200_000)));
  const { headers, statusCode } = reader.response;
  assert.equal(statusCode, 200);
  assert.equal(headers['content-length'], '300000');
  assert.equal(headers['content-type'], 'image/png');
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.match(headers['content-security-policy'], /sandbox/);
  assert.equal(headers.etag, undefined);
  assert.equal(headers['accept-ranges'], undefined);
  const head = await send(server.origin, shown.output, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '300000', 0]);
  const part = await openLink(server.origin, shown.output);
  assert.equal((await api.prediction(id)).status, 'processing');
  assert.deepEqual((await api.get('/predictions')).json().results[0].output, null, 'a list shows what is kept');

  released = true;
  held.open();
  const end = await reader.ended;
  assert.ok(end.complete && end.body.equals(bytes));
  assert.ok((await part.ended).body.equals(bytes));
  const p = await api.finished(id);
  assert.deepEqual([p.status, p.output], ['succeeded', shown.output]);
  const kept = await send(server.origin, p.output);
  assert.ok(kept.body.equals(bytes));
  assert.equal(kept.headers.etag, `"${sha256(bytes)}"`);
  await until('the last webhook', () => receiver.got.some((entry) => entry.prediction.status === 'succeeded'));
  assert.equal(early, 0, 'webhooks tell of what is kept');
  assert.equal(upstream.fileRequests.length, 1);
});

test('a file without a length comes in chunks, and a range of it is the whole', async (t) => {
  const upstream = await Upstream.start(t);
  const bytes = content(150_000);
  const held = gate();
  upstream.output = [upstream.serve('fox.png', slowly(bytes, 100_000, held, {}))];
  const server = await upstream.front(t);
  const api = new Api(server);
  const { id, link } = await shownLink(api);
  const reader = await openLink(server.origin, link);
  assert.equal(reader.response.headers['transfer-encoding'], 'chunked');
  const ranged = send(server.origin, link, { headers: { range: 'bytes=0-9' } });
  await until('the first bytes', () => reader.bytes().length === 100_000);
  held.open();
  const end = await reader.ended;
  assert.ok(end.complete && end.body.equals(bytes));
  const answer = await ranged;
  assert.equal(answer.status, 200);
  assert.ok(answer.body.equals(bytes));
  assert.equal((await api.finished(id)).output[0], link);
});

test('a download that breaks off begins anew, and a reader goes on where it was', async (t) => {
  const upstream = await Upstream.start(t);
  const bytes = content(400_000);
  const held = gate();
  upstream.output = upstream.serve('fox.png', async (request, response, count) => {
    if (count > 1) return whole(bytes)(request, response);
    response.writeHead(200, { 'content-type': 'image/png', 'content-length': bytes.length });
    response.write(bytes.subarray(0, 250_000));
    await held.opened;
    response.destroy();
    return undefined;
  });
  const server = await upstream.front(t);
  const api = new Api(server);
  const { id, link } = await shownLink(api);
  const reader = await openLink(server.origin, link);
  await until('the first bytes', () => reader.bytes().length >= 250_000);
  held.open();
  const end = await reader.ended;
  assert.ok(end.complete);
  assert.equal(sha256(end.body), sha256(bytes));
  const p = await api.finished(id);
  assert.deepEqual([p.status, p.output], ['succeeded', link]);
  const kept = await send(server.origin, link);
  assert.equal(kept.headers.etag, `"${sha256(bytes)}"`);
  assert.equal(upstream.fileRequests.length, 2);
});

for (const [how, headers] of [
  ['with a length', { 'content-length': 400_000 }],
  ['in chunks', {}],
]) {
  test(`when other bytes come the second time, no reader takes a mixture for whole: ${how}`, async (t) => {
    const upstream = await Upstream.start(t);
    const [first, second] = [content(400_000), content(400_000)];
    const held = gate();
    upstream.output = upstream.serve('fox.png', async (_request, response, count) => {
      response.writeHead(200, { 'content-type': 'image/png', ...headers });
      if (count > 1) return response.end(second);
      response.write(first.subarray(0, 250_000));
      await held.opened;
      return response.destroy();
    });
    const server = await upstream.front(t);
    const api = new Api(server);
    const { id, link } = await shownLink(api);
    const reader = await openLink(server.origin, link);
    await until('the first bytes', () => reader.bytes().length >= 250_000);
    held.open();
    const end = await reader.ended;
    assert.equal(end.complete, false);
    assert.ok(end.body.equals(first.subarray(0, end.body.length)));
    const p = await api.finished(id);
    assert.deepEqual([p.status, p.output], ['succeeded', link]);
    const kept = await send(server.origin, link);
    assert.ok(kept.body.equals(second));
    assert.equal(kept.headers.etag, `"${sha256(second)}"`);
  });
}

test('killed in the middle of a download, the same link serves the whole file after the start', async (t) => {
  const upstream = await Upstream.start(t);
  const bytes = content(400_000);
  const held = gate();
  upstream.output = [upstream.serve('fox.png', slowly(bytes, 250_000, held))];
  const folder = tempFolder(t);
  const first = await upstream.front(t, { folder });
  const api = new Api(first);
  const { id, link } = await shownLink(api);
  const reader = await openLink(first.origin, link);
  await until('the first bytes', () => reader.bytes().length >= 250_000);
  await first.stop('SIGKILL');
  assert.equal((await reader.ended).complete, false);

  const second = await upstream.front(t, { folder, key: false });
  // Asked for before anything of it is known again.
  const early = openLink(second.origin, link);
  held.open();
  const end = await (await early).ended;
  assert.ok(end.complete && end.body.equals(bytes));
  const p = await new Api(second, { key: first.key }).finished(id);
  assert.deepEqual([p.status, p.output], ['succeeded', [link.replace(first.origin, second.origin)]]);
  const kept = await send(second.origin, link);
  assert.equal(kept.headers.etag, `"${sha256(bytes)}"`);
  assert.equal(upstream.inputs.length, 1, 'it was submitted once');
});

test('a link whose file has not begun to come again is told to come back, for as long as that lasts', async (t) => {
  const upstream = await Upstream.start(t);
  const bytes = content(50_000);
  const [first, later] = [gate(), gate()];
  upstream.output = [
    upstream.serve('fox.png', async (request, response, count) => {
      if (count > 1) {
        await later.opened;
        return whole(bytes)(request, response);
      }
      return slowly(bytes, 20_000, first)(request, response);
    }),
  ];
  const folder = tempFolder(t);
  const before = await upstream.front(t, { folder });
  const { id, link } = await shownLink(new Api(before));
  await before.stop('SIGKILL');

  const after = await upstream.front(t, { folder, key: false });
  const [got, head] = await Promise.all([
    send(after.origin, link),
    send(after.origin, link, { method: 'HEAD' }),
  ]);
  assert.deepEqual([got.status, got.headers['retry-after'], got.headers['cache-control']], [503, '2', 'no-store']);
  assert.equal(JSON.parse(got.body).detail, 'This file is on its way. Please try again shortly.');
  assert.deepEqual([head.status, head.body.length], [503, 0]);
  later.open();
  const p = await new Api(after, { key: before.key }).finished(id);
  assert.equal(p.status, 'succeeded');
  assert.ok((await send(after.origin, link)).body.equals(bytes));
});

test('files of one prediction come side by side, four at a time, and in their order', async (t) => {
  const upstream = await Upstream.start(t);
  const files = Array.from({ length: 6 }, (_, i) => ({ name: `out-${i}.png`, bytes: content(1000 + i), held: gate() }));
  upstream.output = files.map(({ name, bytes, held }) => upstream.serve(name, slowly(bytes, 500, held)));
  const server = await upstream.front(t);
  const api = new Api(server);
  const { id } = await shownLink(api);
  await until('four files at once', () => upstream.fileRequests.length === 4);
  const four = await api.finished(id, (now) => now.output?.length === 4);
  assert.equal(four.status, 'processing');
  // The last that are under way end first.
  for (const file of files.slice(1, 4).reverse()) file.held.open();
  await until('the others to begin', () => upstream.fileRequests.length === 6);
  for (const file of files) file.held.open();
  const p = await api.finished(id);
  assert.equal(p.status, 'succeeded');
  assert.deepEqual(
    p.output.map((url) => url.split('/').at(-1)),
    files.map((file) => file.name),
  );
  for (const [i, url] of p.output.entries()) {
    assert.ok((await send(server.origin, url)).body.equals(files[i].bytes), `file ${i}`);
  }
  assert.deepEqual(p.output.slice(0, 4), four.output);
  assert.equal(upstream.peak, 4);
});

test('a prediction that is canceled takes its links back, and cuts off who reads', async (t) => {
  const upstream = await Upstream.start(t);
  const bytes = content(200_000);
  upstream.output = upstream.serve('fox.png', slowly(bytes, 100_000, gate()));
  const server = await upstream.front(t);
  const api = new Api(server);
  const { id, link } = await shownLink(api);
  const reader = await openLink(server.origin, link);
  await until('the first bytes', () => reader.bytes().length >= 100_000);
  const canceled = (await api.post(`/predictions/${id}/cancel`, {})).json();
  assert.deepEqual([canceled.status, canceled.output], ['canceled', null]);
  assert.equal((await reader.ended).complete, false);
  await until('the link to end', async () => (await send(server.origin, link)).status === 403);
});

test('a server that stops lets go of a reader whose file does not come', async (t) => {
  const upstream = await Upstream.start(t);
  upstream.output = upstream.serve('fox.png', slowly(content(200_000), 100_000, gate()));
  const server = await upstream.front(t);
  const { link } = await shownLink(new Api(server));
  const reader = await openLink(server.origin, link);
  await until('the first bytes', () => reader.bytes().length >= 99_999);
  const { code } = await server.stop();
  assert.equal(code, 0);
  assert.equal((await reader.ended).complete, false);
});

test('a part where the whole was asked for, and a length that is not kept, are tried again', async (t) => {
  const upstream = await Upstream.start(t);
  const bytes = content(5_000);
  upstream.output = upstream.serve('fox.png', (request, response, count) => {
    if (count === 1) {
      response.writeHead(206, { 'content-range': 'bytes 0-99/5000', 'content-length': 100 });
      return response.end(bytes.subarray(0, 100));
    }
    if (count === 2) {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 4_000));
      return response.destroy();
    }
    if (count === 3) return response.writeHead(503).end('not now');
    return whole(bytes)(request, response);
  });
  const server = await upstream.front(t);
  const api = new Api(server);
  const { id } = await shownLink(api);
  const p = await api.finished(id);
  assert.equal(p.status, 'succeeded');
  assert.ok((await send(server.origin, p.output)).body.equals(bytes));
  assert.equal(upstream.fileRequests.length, 4);
  assert.ok(upstream.fileRequests.every((entry) => entry.authorization === 'Bearer r8_secret_of_the_test'));
});

test('with outputs: pass, links go on as they are and nothing is fetched', async (t) => {
  const upstream = await Upstream.start(t);
  const elsewhere = 'https://replicate.delivery/pbxt/abc/out-0.png?x=1&y=r8%5Fother';
  upstream.output = [elsewhere, upstream.url('fox.png')];
  const server = await upstream.front(t, { options: '    outputs: pass\n' });
  const api = new Api(server);
  const { id } = await api.create(kFlux, { prompt: 'a passing fox' });
  const p = await api.finished(id);
  assert.equal(p.status, 'succeeded');
  assert.deepEqual(p.output, upstream.output);
  assert.equal(upstream.fileRequests.length, 0);
});

test('an input file is uploaded once, however many runs want it, and anew when it is gone', async (t) => {
  const upstream = await Upstream.start(t);
  upstream.output = 'done';
  const server = await upstream.front(t);
  const api = new Api(server);
  const form = new FormData();
  form.append('content', new Blob([content(50_000)], { type: 'image/png' }), 'fox.png');
  const uploaded = await fetch(`${server.origin}/v1/files`, { method: 'POST', headers: api.headers, body: form });
  assert.equal(uploaded.status, 201);
  const { urls } = await uploaded.json();
  const create = async () => api.finished((await api.create(kFlux, { prompt: 'a fox', image: urls.get })).id);
  const ends = await Promise.all(Array.from({ length: 8 }, create));
  assert.ok(ends.every((p) => p.status === 'succeeded' && p.input.image === urls.get));
  assert.equal(upstream.uploads.length, 1);
  const [{ id: gone }] = upstream.uploads;
  assert.ok(upstream.inputs.every((input) => input.image === `${upstream.origin}/v1/files/${gone}`));

  upstream.refuse = (input) =>
    input.image.endsWith(gone)
      ? { status: 422, body: { title: 'Input validation failed', detail: `file ${input.image} was not found` } }
      : null;
  assert.equal((await create()).status, 'succeeded');
  assert.equal(upstream.uploads.length, 2);
  assert.ok(upstream.inputs.at(-1).image.endsWith(upstream.uploads[1].id));

  upstream.refuse = (input) => ({ status: 422, body: { detail: `file ${input.image} was not found`, status: 422 } });
  const before = upstream.inputs.length;
  const refused = await api.post(`/models/${kFlux}/predictions`, { input: { prompt: 'a fox', image: urls.get } });
  assert.equal(refused.status, 422, refused.text);
  assert.ok(!refused.text.includes(upstream.origin));
  assert.equal(upstream.inputs.length - before, 2, 'once more, and no oftener');
});

// SPDX-License-Identifier: Apache-2.0
// What the official clients rely on without saying so, numbered: whoever breaks one of these breaks a client that
// nobody here can change. What only another language's client does is written as what it must see on the wire.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import Replicate from 'replicate';

import { Api, isTerminal, kFlux, kFluxLoraVersion, kLlama, send, sendRaw, smallImage } from './support/http.mjs';
import { Receiver } from './support/receiver.mjs';
import { readStream } from './support/sse.mjs';
import { startServer, tempFolder, until } from './support/server.mjs';

const kSdxlVersion = '39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b';
const folder = tempFolder({ after });
writeFileSync(
  join(folder, 'counter.yaml'),
  `owner: acme
name: counter
created_at: 2026-01-01T00:00:00Z
version:
  created_at: 2026-01-01T00:00:00Z
  input: {properties: {prompt: {type: string}}}
  output: value
`,
);
const args = ['--sandbox-speed', '0', '--models', folder];
// Some tests ask for other host names, after which only what is listed on this machine is called.
const reach = ['--egress-allow', '127.0.0.0/8'];
const server = await startServer({ after }, { args: [...args, ...reach, '--rate-limits-creates', '0'] });
const api = new Api(server);
const kCreate = `/models/${kFlux}/predictions`;
const client = (options = {}) => new Replicate({ auth: server.key, baseUrl: `${server.origin}/v1`, ...options });
const cancel = (id, at = api) => at.post(`/predictions/${id}/cancel`, '');
const ids = (page) => page.results.map((item) => item.id);
const wordByWord = (pause) => ({ prompt: `Word by word. [sandbox:pause=${pause}]`, max_tokens: 400 });

/** One of each of the ways in which a prediction ends, by how it ended. */
async function ended() {
  const canceled = await api.create(kFlux, smallImage('[sandbox:delay=300s] fox'));
  await api.finished(canceled.id, (p) => p.status === 'processing');
  return {
    'succeeded with files': await api.run(kFlux, smallImage('fox')),
    'succeeded with text': await api.run(kLlama, { prompt: 'x', max_tokens: 3 }),
    'succeeded with a value': await api.run('acme/counter', { prompt: 'x' }),
    'failed by the model': await api.run(kLlama, { prompt: '[sandbox:fail=lost]', max_tokens: 3 }),
    'failed after output': await api.run(kLlama, { prompt: '[sandbox:fail-after=2]', max_tokens: 9 }),
    'failed before the model had it': await api.run('stability-ai/sdxl', { prompt: 'x', image: 'data:broken' }),
    canceled: (await cancel(canceled.id)).json(),
  };
}

test('01 a waiting create that runs out of time answers starting, though the model has begun', async () => {
  const answer = await api.post(`/models/${kLlama}/predictions`, { input: wordByWord('30ms') }, { prefer: 'wait=1' });
  const { id, status, output } = answer.json();
  assert.deepEqual([answer.status, status, output], [202, 'starting', null]);
  const now = await api.finished(id, (p) => p.output !== null);
  assert.equal(now.status, 'processing');
  await cancel(id);
});

test('02 a waiting create that ends in time answers with the whole output', async () => {
  const input = { prompt: 'x', max_tokens: 12 };
  const answer = await api.post(`/models/${kLlama}/predictions`, { input }, { prefer: 'wait' });
  const done = answer.json();
  assert.equal(answer.status, 201);
  assert.ok(['processing', 'succeeded'].includes(done.status), done.status);
  assert.deepEqual(done.output, (await api.finished(done.id)).output);
});

test('03 a waiting create is answered before the client gives up, so that nothing is created twice', async () => {
  await server.makeAccount('patient');
  const own = new Api(server, { key: await server.makeKey('patient', '--account', 'patient') });
  const held = { input: smallImage('[sandbox:delay=300s] fox') };
  // The client says how long it reads. This one gives up long before the run ends, and before a wait of 59 s would.
  for (const [prefer, seconds] of [
    ['wait', '3'],
    ['wait=60', '3.0'],
    ['wait=2', '60'],
  ]) {
    const answer = await fetch(`${server.origin}/v1${kCreate}`, {
      method: 'POST',
      headers: { ...own.headers, prefer, 'x-stainless-read-timeout': seconds },
      body: JSON.stringify(held),
      signal: AbortSignal.timeout(45_000),
    });
    assert.equal(answer.status, 202, `${prefer} ${seconds}`);
  }
  const { results } = (await own.get('/predictions')).json();
  assert.equal(results.length, 3);
  for (const { id } of results) await cancel(id, own);
});

test('04 202 is only for those who sent Prefer: wait', async () => {
  const held = smallImage('[sandbox:delay=300s] fox');
  for (const [body, headers] of [
    [{ input: held }, {}],
    [{ input: held, stream: true }, {}],
    [{ input: held }, { prefer: 'respond-async' }],
    [{ input: held }, { prefer: 'wait=soon' }],
    [{ input: held }, { 'cancel-after': '60s' }],
    [{ input: smallImage('fox') }, { 'x-stainless-read-timeout': '60' }],
  ]) {
    const answer = await api.post(kCreate, body, headers);
    assert.deepEqual([answer.status, answer.json().status], [201, 'starting'], JSON.stringify(headers));
    await cancel(answer.json().id);
  }
});

test('05 a stream opens without a key by an address that cannot be guessed', async () => {
  for (const [model, input] of [
    [kLlama, { prompt: 'x', max_tokens: 3 }],
    [kFlux, smallImage('fox')],
  ]) {
    const [{ urls }, { urls: other }] = [await api.run(model, input), await api.run(model, input)];
    const token = urls.stream.split('/').at(-1);
    assert.ok(token.length >= 52, 'an id of 26 characters and 128 bits at least');
    assert.notEqual(token.slice(26), other.stream.split('/').at(-1).slice(26));
    for (const headers of [{}, { authorization: 'Bearer of another service' }]) {
      const answer = await readStream(urls.stream, { headers });
      assert.equal(answer.status, 200);
      assert.match(answer.text, /event: done/);
    }
    const guess = urls.stream.slice(0, -4) + (urls.stream.endsWith('0000') ? '1111' : '0000');
    assert.equal((await readStream(guess)).status, 404);
  }
});

test('06 an output file is fetched without a key, and with any', async () => {
  const { output } = await api.run(kFlux, smallImage('fox'));
  for (const authorization of [undefined, `Bearer ${server.key}`, 'Bearer wrong', 'Basic eA==']) {
    const answer = await send(server.origin, output[0], { headers: authorization ? { authorization } : {} });
    assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'image/jpeg'], authorization);
    assert.ok(answer.body.length > 0);
  }
});

test('07 an output file is answered with 200 at once, never with a redirect', async () => {
  const { output } = await api.run(kFlux, { ...smallImage('fox'), num_outputs: 2 });
  assert.equal(output.length, 2);
  for (const url of output) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await send(server.origin, url, { method });
      assert.deepEqual([answer.status, answer.headers.location], [200, undefined]);
      assert.ok(Number(answer.headers['content-length']) > 0);
    }
  }
});

test('08 outputs are https links where the client came by https, which it makes files of; http links stay texts', async () => {
  const input = smallImage('fox');
  const [plain] = await client().run(kFlux, { input });
  assert.equal(typeof plain, 'string');
  assert.match(plain, /^http:/);
  // What a proxy in front does: https outside, http inside.
  const proxied = (url, init = {}) => {
    const headers = new Headers(init.headers ?? url.headers);
    headers.set('x-forwarded-proto', 'https');
    return fetch(String(url.url ?? url).replace(/^https:/, 'http:'), { ...init, headers });
  };
  const [file] = await client({ fetch: proxied }).run(kFlux, { input });
  assert.equal(typeof file, 'object');
  assert.equal(file.url().protocol, 'https:');
  assert.equal((await file.blob()).type, 'image/jpeg');
});

test('09 every event has a known name, an id and LF ends, and comments come between events alone', async () => {
  // The comments in between come every few seconds while nothing else does.
  const running = await api.create(kLlama, wordByWord('300s'));
  const failed = await api.run(kLlama, { prompt: '[sandbox:fail-after=2]', max_tokens: 9 });
  const done = await api.run(kLlama, { prompt: 'Two\nlines, \u{1f999}\r\nthree.', max_tokens: 60 });
  const files = await api.run(kFlux, smallImage('fox'));
  const texts = {};
  for (const [name, p] of Object.entries({ running, failed, done, files })) {
    const answer = await readStream(p.urls.stream, {
      onText: (sofar) => {
        if (name === 'running' && /^:/m.test(sofar)) cancel(running.id);
      },
    });
    assert.match(answer.headers['content-type'], /^text\/event-stream/);
    texts[name] = answer.text;
  }
  const kEvent = /event: (output|error|done)\nid: \S+\n(?:data: [^\n]*\n)+\n/y;
  const kComment = /:[^\n]*\n(?!\n)/y;
  const names = {};
  for (const [name, text] of Object.entries(texts)) {
    assert.ok(!text.includes('\r'), name);
    const seen = (names[name] = []);
    for (let at = 0; at < text.length;) {
      kEvent.lastIndex = kComment.lastIndex = at;
      const found = kEvent.exec(text) ?? kComment.exec(text);
      assert.ok(found, `${name}: ${JSON.stringify(text.slice(at, at + 80))}`);
      seen.push(found[1] ?? 'comment');
      at += found[0].length;
    }
  }
  assert.ok(names.running.includes('comment'));
  assert.deepEqual(names.failed, ['output', 'output', 'error', 'done']);
  assert.equal(names.running.at(-1), 'done');
  assert.deepEqual(names.files, ['output', 'done']);
});

test('10 a search body may be bare text or a JSON text, under any content type', async () => {
  // The escape is what a client makes of a letter beyond ASCII.
  for (const body of ['llama', '"llama"', ' "llama"\n', '"\\u006clama"']) {
    for (const type of ['text/plain', 'text/plain; charset=utf-8', 'application/json', undefined]) {
      const answer = await send(server.origin, '/v1/models', {
        method: 'QUERY',
        headers: { ...api.headers, ...(type ? { 'content-type': type } : {}) },
        body,
      });
      assert.equal(answer.status, 200, `${type} ${body}`);
      assert.equal(answer.json().results[0].name, kLlama.split('/')[1], `${type} ${body}`);
    }
  }
});

/** Sends the parts of a form as they are given, each [headers, text]. */
function upload(...parts) {
  const body = parts.map(([head, text]) => `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n`).join('');
  return api.post('/files', `${body}--b--\r\n`, { 'content-type': 'multipart/form-data; boundary=b' });
}

test('11 a file object has a name and an etag, wherever it is shown', async () => {
  const made = (await upload(['name="content"; filename="a.txt"', 'hello'])).json();
  const read = (await api.get(`/files/${made.id}`)).json();
  const listed = (await api.get('/files')).json().results.find((file) => file.id === made.id);
  for (const file of [made, read, listed]) {
    assert.equal(file.name, 'a.txt');
    assert.ok(typeof file.etag === 'string' && file.etag !== '');
  }
});

test('12 aborted is only for those who sent Cancel-After', async (t) => {
  const one = new Api(await startServer(t, { args: [...args, '--predictions-concurrency', '1'] }));
  const busy = await one.create(kFlux, smallImage('[sandbox:delay=300s] fox'));
  await one.finished(busy.id, (p) => p.status === 'processing');
  const silent = await one.create(kFlux, smallImage('fox'));
  const asked = await one.create(kFlux, smallImage('fox'), { 'cancel-after': '5s' });
  assert.equal((await one.finished(asked.id)).status, 'aborted');
  assert.equal((await one.prediction(silent.id)).status, 'starting');
  assert.equal((await cancel(silent.id, one)).json().status, 'canceled');
});

test('13 urls hold no null: where there is no stream the member is absent', async (t) => {
  const receiver = await Receiver.start(t);
  const created = (
    await api.post('/models/acme/counter/predictions', { input: { prompt: 'x' }, webhook: receiver.url() })
  ).json();
  const done = await api.finished(created.id);
  const listed = (await api.get('/predictions')).json().results.find((p) => p.id === created.id);
  const sent = await until('the webhook', () => receiver.got.find(({ prediction }) => prediction.id === created.id));
  for (const p of [created, done, listed, sent.prediction]) {
    assert.deepEqual(Object.keys(p.urls), ['cancel', 'get', 'web']);
  }
  for (const [how, p] of Object.entries(await ended())) {
    for (const [name, url] of Object.entries(p.urls)) assert.equal(typeof url, 'string', `${how}: ${name}`);
  }
});

test('14 error is null unless a prediction failed, and then it is a text', async () => {
  for (const [how, p] of Object.entries(await ended())) {
    assert.ok(isTerminal(p.status));
    if (how.startsWith('failed')) {
      assert.deepEqual([p.status, typeof p.error], ['failed', 'string'], how);
      assert.notEqual(p.error, '', how);
    } else {
      assert.strictEqual(p.error, null, how);
    }
  }
  const created = await api.create(kFlux, smallImage('fox'));
  assert.strictEqual(created.error, null);
});

test('15 logs are a text in every state, also of a prediction that failed before it could log', async () => {
  for (const [how, p] of Object.entries(await ended())) assert.equal(typeof p.logs, 'string', how);
  assert.strictEqual((await api.create(kFlux, smallImage('fox'))).logs, '');
});

test('16 next and previous are absolute, their cursor is enough by itself, and keeps the filters', async () => {
  await server.makeAccount('pager');
  const own = new Api(server, { key: await server.makeKey('pager', '--account', 'pager') });
  const made = [];
  for (let i = 0; i < 103; ++i) made.push(await own.create(kLlama, { prompt: `${i}`, max_tokens: 1 }));
  const older = made.filter((p) => p.created_at < made.at(-1).created_at).map((p) => p.id);
  const first = (await own.get(`/predictions?created_before=${made.at(-1).created_at}`)).json();
  assert.equal(new URL(first.next).origin, server.origin);
  const cursor = new URL(first.next).searchParams.get('cursor');
  const second = (await own.get(`/predictions?cursor=${encodeURIComponent(cursor)}`)).json();
  assert.deepEqual([...ids(first), ...ids(second)], older.reverse());
  assert.equal(second.next, null);
  const back = new URL(second.previous).searchParams.get('cursor');
  assert.deepEqual(ids((await own.get(`/predictions?cursor=${encodeURIComponent(back)}`)).json()), ids(first));
  // The same link behind a base URL, as one client's pager writes it.
  assert.deepEqual(ids((await own.get(`/${first.next}`)).json()), ids(second));
});

test('17 Authorization: Token is as good as Bearer', async () => {
  for (const scheme of ['Token', 'token', 'Bearer', 'bearer', 'BEARER']) {
    const answer = await api.post(kCreate, { input: smallImage('fox') }, { authorization: `${scheme} ${server.key}` });
    assert.equal(answer.status, 201, scheme);
  }
});

test('18 a base URL with one /v1 too many or too few reaches the same place', async () => {
  for (const base of ['/v1/v1', '/replicate/v1/v1', '/replicate']) {
    const output = await client({ baseUrl: server.origin + base }).run(kFlux, { input: smallImage('fox') });
    assert.equal((await send(server.origin, String(output[0]))).status, 200, base);
  }
});

test('19 Content-Type: application/json without a body is no malformed JSON', async () => {
  const headers = { ...api.headers, 'content-type': 'application/json' };
  const call = async (method, path, more = {}) =>
    (await send(server.origin, `/v1${path}`, { method, headers: { ...headers, ...more } })).status;
  const { id } = await api.create(kFlux, smallImage('[sandbox:delay=300s] fox'));
  assert.equal(await call('GET', `/predictions/${id}`), 200);
  assert.equal(await call('POST', `/predictions/${id}/cancel`, { 'content-length': '0' }), 200);
  assert.equal(await call('POST', `/predictions/${id}/cancel`, { 'transfer-encoding': 'chunked' }), 200);
  const file = (await upload(['name="content"; filename="a.txt"', 'hello'])).json();
  assert.equal(await call('DELETE', `/files/${file.id}`), 204);
  const other = await api.create(kFlux, smallImage('[sandbox:delay=300s] fox'));
  const bare = await sendRaw(
    server,
    `POST /v1/predictions/${other.id}/cancel HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.key}\r\n` +
      'Content-Type: application/json\r\nConnection: close\r\n\r\n',
  );
  assert.match(bare, /^HTTP\/1\.1 200 /);
});

test('20 a client that repeats a refused create at once, five times over, creates nothing and loses nothing', async (t) => {
  const tight = await startServer(t, { args: [...args, '--rate-limits-creates', '2'] });
  const answers = [];
  const watched = async (...request) => {
    const answer = await fetch(...request);
    answers.push([answer.status, Number(answer.headers.get('retry-after'))]);
    return answer;
  };
  const replicate = new Replicate({ auth: tight.key, baseUrl: `${tight.origin}/v1`, fetch: watched });
  const create = () => replicate.predictions.create({ model: kFlux, input: smallImage('fox') });
  await create();
  await create();
  await assert.rejects(create(), (error) => error.response.status === 429);
  assert.deepEqual(answers.map(([status]) => status), [201, 201, 429, 429, 429, 429, 429, 429]);
  // What was refused is not counted, so the time to wait does not grow.
  const waits = answers.slice(2).map(([, seconds]) => seconds);
  assert.ok(waits.every((seconds) => Number.isInteger(seconds) && seconds >= 1 && seconds <= waits[0]), String(waits));
  assert.equal((await replicate.predictions.list()).results.length, 2);
});

test('21 metadata may be bracketed fields, or a part with a file name', async () => {
  for (const parts of [
    [
      ['name="content"; filename="upload"\r\nContent-Type: application/octet-stream', 'hello'],
      ['name="metadata[team]"', 'fox'],
      ['name="metadata[size][width]"', '3'],
    ],
    [
      ['name="content"; filename="blob_1"\r\nContent-Type: text/plain', 'hello'],
      ['name="metadata"; filename="blob"\r\nContent-Type: application/json', '{"team":"fox","size":{"width":"3"}}'],
    ],
  ]) {
    const answer = await upload(...parts);
    assert.equal(answer.status, 201, answer.text);
    assert.deepEqual(answer.json().metadata, { team: 'fox', size: { width: '3' } });
    assert.deepEqual([answer.json().content_type, answer.json().size], ['text/plain', 5]);
  }
});

test('22 a trained version is named in full, owner/name:hash, and runs by that name', async () => {
  const trainer = (await api.get('/models/ostris/flux-dev-lora-trainer')).json();
  const owner = (await api.get('/account')).json().username;
  const model = { owner, name: 'trained', visibility: 'private', hardware: 'cpu' };
  assert.equal((await api.post('/models', model)).status, 201);
  const path = `/models/${trainer.owner}/${trainer.name}/versions/${trainer.latest_version.id}/trainings`;
  const input = { input_images: 'data:application/zip;base64,UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==', steps: 3 };
  const created = await api.post(path, { destination: `${owner}/trained`, input });
  assert.equal(created.status, 201, created.text);
  const { id } = created.json();
  const done = await until('the training to end', async () => {
    const training = (await api.get(`/trainings/${id}`)).json();
    assert.equal(typeof training.logs, 'string');
    assert.ok(Object.values(training.urls).every((url) => typeof url === 'string'));
    return isTerminal(training.status) ? training : null;
  });
  assert.deepEqual([done.status, done.error], ['succeeded', null]);
  const [, full, hash] = /^([^/:]+\/[^/:]+):([0-9a-f]{64})$/.exec(done.output.version);
  assert.equal(full, `${owner}/trained`);
  const listed = (await api.get('/trainings')).json().results.find((training) => training.id === id);
  assert.deepEqual(listed.output, done.output);

  const version = (await api.get(`/models/${full}/versions/${hash}`)).json();
  assert.match(version.cog_version, /^\d+\.\d+\.\d+$/);
  assert.ok(version.openapi_schema.components.schemas.Input);
  for (const reference of [done.output.version, hash]) {
    const made = await api.post('/predictions', { version: reference, input: smallImage('fox') }, { prefer: 'wait=50' });
    assert.deepEqual([made.status, made.json().status, made.json().version], [201, 'succeeded', hash]);
  }
});

test('23 every version says its Cog version and its schema, also inside a model', async () => {
  const models = [
    ...(await api.get('/models')).json().results,
    ...(await send(server.origin, '/v1/models', { method: 'QUERY', headers: api.headers, body: '' })).json().results,
    ...(await api.get('/search?query=image')).json().models.map((hit) => hit.model),
    (await api.get('/models/acme/counter')).json(),
  ];
  assert.ok(models.length > 8);
  for (const { owner, name, latest_version: latest } of models) {
    const { results } = (await api.get(`/models/${owner}/${name}/versions`)).json();
    const one = (await api.get(`/models/${owner}/${name}/versions/${latest.id}`)).json();
    for (const version of [latest, one, ...results]) {
      const [major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)$/.exec(version.cog_version).slice(1).map(Number);
      assert.ok(major > 0 || minor > 3 || (minor === 3 && patch >= 9), version.cog_version);
      assert.ok(version.openapi_schema.components.schemas.Input.properties);
      assert.ok(version.openapi_schema.components.schemas.Output);
    }
  }
});

test('24 a body is closed: an unknown member is refused by its name, and nothing is created', async () => {
  const model = (await api.get(`/models/${kFlux}`)).json();
  const deployment = { name: 'closed', model: kFlux, version: model.latest_version.id, hardware: 'cpu' };
  const made = await api.post('/deployments', { ...deployment, min_instances: 0, max_instances: 1 });
  assert.equal(made.status, 200, made.text);
  await server.makeAccount('closed');
  const own = new Api(server, { key: await server.makeKey('closed', '--account', 'closed') });
  for (const [at, path, body, unknown] of [
    [own, '/predictions', { version: kFluxLoraVersion, input: { prompt: 'x' }, wait: true }, 'wait'],
    [own, '/predictions', { version: kSdxlVersion, input: { prompt: 'x' }, model: kFlux }, 'model'],
    [own, kCreate, { input: { prompt: 'x' }, version: kFluxLoraVersion }, 'version'],
    [api, `/deployments/${made.json().owner}/closed/predictions`, { input: { prompt: 'x' }, wait: 1 }, 'wait'],
  ]) {
    const answer = await at.post(path, body);
    assert.equal(answer.status, 422, path);
    assert.deepEqual(answer.json().invalid_fields, [
      {
        type: 'additional_property_not_allowed',
        field: '',
        description: `Additional property ${unknown} is not allowed`,
      },
    ]);
  }
  assert.deepEqual((await own.get('/predictions')).json().results, []);
});

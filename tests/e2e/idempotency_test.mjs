// SPDX-License-Identifier: Apache-2.0
// Creates that are sent again: by Idempotency-Key, and by a client that counts its attempts.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, test } from 'node:test';

import { Api, kFlux, kFluxLoraVersion, kLlama, smallImage } from './support/http.mjs';
import { Server, startServer, tempFolder, until } from './support/server.mjs';

const kHold = { prompt: 'a long story [sandbox:pause=60s]', max_tokens: 5 };
const server = await startServer({ after }, { args: ['--sandbox-speed', '0'] });
const api = new Api(server);
let keys = 0;
const newKey = () => `key-${++keys}`;
const kPath = `/models/${kLlama}/predictions`;
const words = (prompt) => ({ input: { prompt, max_tokens: 3 } });

/** How many predictions there are whose prompt is `prompt`. */
async function countOf(prompt, from = api) {
  let count = 0;
  for (let path = '/predictions'; path;) {
    const page = (await from.get(path)).json();
    count += page.results.filter((p) => p.input.prompt === prompt).length;
    path = page.next && page.next.slice(page.next.indexOf('/v1/') + 3);
  }
  return count;
}

/** Sends a create and cuts the connection as soon as it has left, without waiting for the answer. */
function sendAndLeave(origin, path, headers, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(origin + path, { method: 'POST', headers, agent: false });
    request.on('error', reject);
    request.end(body, () => {
      request.off('error', reject).on('error', () => {});
      request.destroy();
      resolve();
    });
  });
}

test('a repeat with the same key is answered with the prediction of the first, as it is now', async () => {
  const headers = { 'idempotency-key': newKey() };
  const first = await api.post(kPath, words('one'), headers);
  assert.equal(first.status, 201);
  assert.equal(first.headers['idempotent-replayed'], undefined);
  const done = await api.finished(first.json().id);

  const again = await api.post(kPath, words('one'), headers);
  assert.equal(again.status, 201);
  assert.equal(again.headers['idempotent-replayed'], 'true');
  assert.equal(again.headers.location, first.headers.location);
  assert.deepEqual(again.json(), done);
  assert.equal(await countOf('one'), 1);
});

test('every way to create a prediction takes a key, and on another path the key is another request', async () => {
  const deployment = {
    name: 'keyed',
    model: kFlux,
    version: (await api.get(`/models/${kFlux}`)).json().latest_version.id,
    hardware: 'cpu',
    min_instances: 0,
    max_instances: 1,
  };
  assert.equal((await api.post('/deployments', deployment)).status, 200);
  const owner = (await api.get('/account')).json().username;
  const input = smallImage('keyed');
  const headers = { 'idempotency-key': newKey() };
  const routes = [
    [`/models/${kFlux}/predictions`, { input }],
    ['/predictions', { version: kFluxLoraVersion, input: { ...input, hf_lora: 'a/b' } }],
    [`/deployments/${owner}/keyed/predictions`, { input }],
  ];
  for (const [path, body] of routes) {
    const own = { 'idempotency-key': newKey() };
    const first = await api.post(path, body, own);
    assert.equal(first.status, 201, first.text);
    const again = await api.post(path, body, own);
    assert.deepEqual([again.status, again.json().id], [201, first.json().id], path);
  }
  assert.equal((await api.post(...routes[0], headers)).status, 201);
  for (const route of routes.slice(1)) {
    const refused = await api.post(...route, headers);
    assert.equal(refused.status, 422, route[0]);
    assert.match(refused.json().detail, /Idempotency-Key/);
  }
});

test('the mount makes no difference', async () => {
  const headers = { 'idempotency-key': newKey() };
  const first = await api.create(kLlama, words('mount').input, headers);
  const other = new Api(server, { mount: '/replicate/v1' });
  assert.equal((await other.create(kLlama, words('mount').input, headers)).id, first.id);
});

test('a repeat waits when it asks to, and a wait that runs out is 202 and starting', async () => {
  const headers = { 'idempotency-key': newKey() };
  const body = { input: { prompt: 'wait [sandbox:pause=300ms]', max_tokens: 3 } };
  const first = await api.post(kPath, body, headers);
  const waited = await api.post(kPath, body, { ...headers, prefer: 'wait=30' });
  assert.deepEqual([waited.status, waited.json().status], [201, 'succeeded']);
  assert.equal(waited.headers['preference-applied'], 'wait=30');
  assert.equal(waited.json().id, first.json().id);

  const slow = { 'idempotency-key': newKey() };
  const held = await api.post(kPath, { input: kHold }, slow);
  const late = await api.post(kPath, { input: kHold }, { ...slow, prefer: 'wait=1' });
  assert.deepEqual([late.status, late.json().status, late.json().output], [202, 'starting', null]);
  assert.equal(late.json().id, held.json().id);
  await api.post(`/predictions/${held.json().id}/cancel`, '');
});

test('another body, another Cancel-After or Hekto-Sandbox: 422, and nothing is made', async () => {
  const headers = { 'idempotency-key': newKey() };
  await api.create(kLlama, words('body').input, headers);
  for (const [body, extra] of [
    [words('another body'), {}],
    [words('body'), { 'cancel-after': '60s' }],
    [words('body'), { 'hekto-sandbox': 'delay=1ms' }],
  ]) {
    const refused = await api.post(kPath, body, { ...headers, ...extra });
    assert.equal(refused.status, 422);
    assert.equal(refused.headers['content-type'], 'application/problem+json');
    assert.equal(refused.json().title, 'Idempotency key reused');
  }
  assert.equal(await countOf('another body'), 0);
  assert.equal(await countOf('body'), 1);
});

test('a key is 1 to 255 characters of printable ASCII', async () => {
  for (const key of ['x', 'k'.repeat(255), '"a quoted key, with blanks"']) {
    assert.equal((await api.post(kPath, words('fine'), { 'idempotency-key': key })).status, 201, key);
  }
  for (const key of ['', 'k'.repeat(256), 'a\tb']) {
    const refused = await api.post(kPath, words('malformed'), { 'idempotency-key': key });
    assert.equal(refused.status, 400, JSON.stringify(key));
    assert.equal(refused.json().detail, 'Idempotency-Key must be 1 to 255 characters of printable ASCII');
  }
  assert.equal(await countOf('malformed'), 0);
});

test('a refused create leaves no record', async () => {
  const headers = { 'idempotency-key': newKey() };
  const refused = await api.post(kPath, { input: { prompt: 7 } }, headers);
  assert.equal(refused.status, 422);
  const made = await api.post(kPath, words('after a refusal'), headers);
  assert.equal(made.status, 201);
  assert.equal(made.headers['idempotent-replayed'], undefined);
});

test('of many creates with one key at once exactly one is made', async () => {
  const headers = { 'idempotency-key': newKey() };
  const answers = await Promise.all(Array.from({ length: 20 }, () => api.post(kPath, words('at once'), headers)));
  const ids = new Set();
  for (const answer of answers) {
    if (answer.status === 409) {
      assert.match(answer.json().detail, /still being processed/);
      continue;
    }
    assert.equal(answer.status, 201, answer.text);
    ids.add(answer.json().id);
  }
  assert.equal(ids.size, 1);
  assert.equal(await countOf('at once'), 1);
});

test('a key belongs to its account, whichever of its API keys sends it, and test keys have their own', async (t) => {
  const own = await startServer(t, { args: ['--sandbox-speed', '0'] });
  await own.makeAccount('stranger');
  const first = new Api(own);
  const owner = (await first.get('/account')).json().username;
  const make = async (...args) => new Api(own, { key: await own.makeKey('another', ...args) });
  const second = await make('--account', owner);
  const testing = await make('--account', owner, '--test');
  const stranger = await make('--account', 'stranger');
  const headers = { 'idempotency-key': 'shared' };
  const ids = [];
  for (const caller of [first, second, testing, stranger]) {
    ids.push((await caller.create(kLlama, words('whose').input, headers)).id);
  }
  assert.equal(ids[1], ids[0]);
  assert.equal(new Set(ids).size, 3);
});

test('a key counts for as long as idempotency.lifetime says', async (t) => {
  const short = await startServer(t, { args: ['--sandbox-speed', '0', '--idempotency-lifetime', '1s'] });
  const own = new Api(short);
  const headers = { 'idempotency-key': 'short' };
  const first = await own.create(kLlama, words('short').input, headers);
  const other = await until('the key to expire', async () => {
    const { id } = await own.create(kLlama, words('short').input, headers);
    return id === first.id ? null : id;
  });
  assert.ok(other);
  assert.equal((await own.post(kPath, words('short, for something new'), { 'idempotency-key': 'new' })).status, 201);
});

test('a key survives kill -9: a create whose answer was lost is not made twice', async (t) => {
  const folder = tempFolder(t);
  const args = ['--sandbox-speed', '0'];
  let running = await Server.start({ folder, args });
  t.after(() => running.stop('SIGKILL'));
  const headers = { authorization: `Bearer ${running.key}`, 'content-type': 'application/json' };
  const creates = Array.from({ length: 8 }, (_, i) => [`lost-${i}`, JSON.stringify(words(`lost ${i}`))]);
  for (const [key, body] of creates) {
    await sendAndLeave(running.origin, `/v1${kPath}`, { ...headers, 'idempotency-key': key }, body);
  }
  const { key } = running;
  await running.stop('SIGKILL');
  running = await Server.start({ folder, args });
  const again = new Api(running, { key });
  for (const [name, body] of creates) {
    const one = await again.post(kPath, body, { 'idempotency-key': name });
    const two = await again.post(kPath, body, { 'idempotency-key': name });
    assert.deepEqual([one.status, two.status], [201, 201]);
    assert.equal(two.json().id, one.json().id);
    assert.equal(await countOf(JSON.parse(body).input.prompt, again), 1);
  }
});

test('two identical creates of a client that counts its attempts are two predictions', async () => {
  const first = await api.create(kLlama, words('twice').input, { 'x-stainless-retry-count': '0' });
  const second = await api.create(kLlama, words('twice').input, { 'x-stainless-retry-count': '0' });
  assert.notEqual(first.id, second.id);
});

test('a later attempt of such a client is answered with what the one before made', async () => {
  const body = JSON.stringify(words('retried'));
  const headers = { ...api.headers, 'content-type': 'application/json', 'x-stainless-retry-count': '0' };
  await sendAndLeave(server.origin, `/v1${kPath}`, headers, body);
  await until('the create without an answer', () => countOf('retried'));
  const ids = new Set();
  for (const count of ['1', '2']) {
    const again = await api.post(kPath, body, { 'x-stainless-retry-count': count });
    assert.equal(again.status, 201);
    assert.equal(again.headers['idempotent-replayed'], 'true');
    ids.add(again.json().id);
  }
  assert.equal(ids.size, 1);
  assert.equal(await countOf('retried'), 1);
});

test('a later attempt makes the prediction when no earlier one arrived, or its body was another', async () => {
  for (const prompt of ['never seen', 'never seen either']) {
    const made = await api.post(kPath, words(prompt), { 'x-stainless-retry-count': '1' });
    assert.equal(made.status, 201);
    assert.equal(made.headers['idempotent-replayed'], undefined);
  }
  const odd = { 'x-stainless-retry-count': 'many' };
  const ids = [await api.create(kLlama, words('odd').input, odd), await api.create(kLlama, words('odd').input, odd)];
  assert.notEqual(ids[0].id, ids[1].id);
});

test('what follows a refused attempt is a create of its own, not the repeat of an identical one', async (t) => {
  const args = ['--sandbox-speed', '0', '--predictions-concurrency', '1', '--predictions-queue-limit', '1'];
  const own = new Api(await startServer(t, { args }));
  const attempt = (count) => own.post(kPath, { input: kHold }, { 'x-stainless-retry-count': String(count) });
  const first = (await attempt(0)).json().id;
  await own.finished(first, (p) => p.status === 'processing');
  const second = (await attempt(0)).json().id;
  assert.equal((await attempt(0)).status, 503, 'the queue is full');
  assert.equal((await attempt(1)).status, 503);
  await own.post(`/predictions/${first}/cancel`, '');
  await own.finished(second, (p) => p.status === 'processing');
  const third = (await attempt(2)).json().id;
  assert.ok(third !== first && third !== second, 'the third create was wanted besides the two before');
  assert.equal((await attempt(3)).status, 503, 'with a full queue a repeat waits, too');
  await own.post(`/predictions/${second}/cancel`, '');
  await own.finished(third, (p) => p.status === 'processing');
  assert.equal((await attempt(4)).json().id, third);
});

test('what follows a throttled attempt is a create of its own, too', async (t) => {
  const own = new Api(await startServer(t, { args: ['--sandbox-speed', '0', '--rate-limits-creates', '60'] }));
  const attempt = (count) => own.post(kPath, words('often'), { 'x-stainless-retry-count': String(count) });
  const ids = new Set();
  for (let answer = await attempt(0); answer.status !== 429; answer = await attempt(0)) ids.add(answer.json().id);
  let count = 0;
  const made = await until('room for another create', async () => {
    const answer = await attempt(++count);
    return answer.status === 201 ? answer.json() : null;
  });
  assert.equal(ids.has(made.id), false);
});

test('a later attempt is recognised after kill -9 as well', async (t) => {
  const folder = tempFolder(t);
  let running = await Server.start({ folder });
  t.after(() => running.stop('SIGKILL'));
  const { key } = running;
  const before = new Api(running);
  const created = await before.create(kLlama, kHold, { 'x-stainless-retry-count': '0' });
  await running.stop('SIGKILL');
  running = await Server.start({ folder });
  const again = new Api(running, { key });
  assert.equal((await again.create(kLlama, kHold, { 'x-stainless-retry-count': '1' })).id, created.id);
});

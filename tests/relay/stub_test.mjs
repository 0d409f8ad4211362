// SPDX-License-Identifier: Apache-2.0
// The stub itself: what it is asked to do, it does, and its log says so.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { Api, send } from '../e2e/support/http.mjs';
import { tempFolder, until } from '../e2e/support/server.mjs';
import { Stub } from './stub/start.mjs';

const kLlama = 'meta/meta-llama-3-8b-instruct';
const kArgs = ['--account', 'main=r8_main=jane', '--account', 'other=r8_other', '--delay-ms', '120'];
const start = (t, args = kArgs) => Stub.for(t, { folder: tempFolder(t), args });
const apiOf = (stub, key = 'r8_main') => new Api(stub, { key });
const gone = (promise) =>
  promise.then(
    (answer) => assert.fail(`answered ${answer.status}`),
    (error) => error.code,
  );

test('a prediction is taken, runs, and is shown in the list with its input', async (t) => {
  const stub = await start(t);
  const api = apiOf(stub);
  const p = await api.create(kLlama, { prompt: 'rain' });
  assert.equal(p.status, 'starting');
  assert.equal(p.output, null);
  const ended = await api.finished(p.id);
  assert.equal(ended.status, 'succeeded');
  assert.equal(ended.output.join(''), 'Rain taps on the roof.');
  const page = (await api.get('/predictions')).json();
  assert.deepEqual(
    page.results.map(({ id, input }) => [id, input]),
    [[p.id, { prompt: 'rain' }]],
  );
  const { received, accepted } = stub.creates('rain');
  assert.deepEqual([received.length, accepted.length], [1, 1]);
  assert.equal(accepted[0].token, 'main');
  assert.equal((await apiOf(stub, 'r8_other').get(`/predictions/${p.id}`)).status, 404);
  assert.equal((await apiOf(stub, 'r8_wrong').get('/account')).status, 401);
});

test('lists have a hundred a page, newest first, between two times', async (t) => {
  const stub = await start(t);
  const api = apiOf(stub);
  const made = [];
  for (let i = 0; i < 103; ++i) made.push(await api.create(kLlama, { prompt: `n${i}` }));
  const first = (await api.get('/predictions')).json();
  assert.equal(first.results.length, 100);
  const second = (await api.get(first.next.slice(first.next.indexOf('/v1') + 3))).json();
  const all = [...first.results, ...second.results].map(({ id }) => id);
  assert.deepEqual(all, made.map(({ id }) => id).reverse());
  assert.equal(second.next, null);
  const between = `/predictions?created_after=${made[10].created_at}&created_before=${made[13].created_at}`;
  const some = (await api.get(between)).json().results.map(({ id }) => id);
  assert.deepEqual(
    some,
    [12, 11, 10].map((i) => made[i].id),
  );
});

test('each way of breaking off a create is what it is called, and is in the log', async (t) => {
  const stub = await start(t);
  const api = apiOf(stub);
  const create = (prompt) => api.post(`/models/${kLlama}/predictions`, { input: { prompt } });
  for (const [word, accepted] of [
    ['reset', 0],
    ['fin', 0],
    ['reset-after-accept', 1],
    ['fin-after-accept', 1],
    ['half', 1],
  ]) {
    assert.equal(await gone(create(`${word}! [[stub:${word}]]`)), 'ECONNRESET', word);
    const log = stub.creates(`${word}!`);
    assert.deepEqual([log.received.length, log.accepted.length], [1, accepted], word);
  }
  const answer = await create('[[stub:status-after-accept=502]]');
  assert.equal(answer.status, 502);
  assert.equal(stub.creates('status-after').accepted.length, 1);
  assert.equal((await create('[[stub:status=503]][[stub:retry-after=2]]')).headers['retry-after'], '2');
  assert.equal((await create('x [[stub:status=429*1]]')).status, 429);
  assert.equal((await create('x [[stub:status=429*1]]')).status, 201);
});

test('scripts hold for the next requests that match, and ports can be shut', async (t) => {
  const stub = await start(t);
  const api = apiOf(stub);
  await stub.script({ match: { path: '/hardware' }, times: 2, after: 1, do: ['status=500'] });
  const seen = [];
  for (let i = 0; i < 4; ++i) seen.push((await api.get('/hardware')).status);
  assert.deepEqual(seen, [200, 500, 500, 200]);
  await stub.script({ match: { method: 'POST' }, do: 'reset-before-read' });
  assert.equal(await gone(api.post('/predictions', {})), 'ECONNRESET');
  assert.equal(stub.entries().at(-1).phase, 'head');
  await stub.stopListening();
  assert.equal(await gone(api.get('/hardware')), 'ECONNREFUSED');
  await stub.listenAgain();
  assert.equal((await api.get('/hardware')).status, 200);
  await stub.resetConnections();
  assert.equal(await gone(api.get('/hardware')), 'ECONNRESET');
});

test('a held answer comes with the release', async (t) => {
  const stub = await start(t);
  const held = apiOf(stub).post(`/models/${kLlama}/predictions`, { input: { prompt: '[[stub:hold]]' } });
  await until('the create is taken', () => stub.creates('hold').accepted.length === 1);
  await stub.release();
  assert.equal((await held).status, 201);
});

test('a connection that is closed behind an answer did not say so', async (t) => {
  const stub = await start(t);
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  await stub.script({ match: { path: '/hardware' }, do: 'close-after-response' });
  const headers = await new Promise((resolve, reject) => {
    http
      .get(`${stub.origin}/v1/hardware`, { agent, headers: { authorization: 'Bearer r8_main' } }, (response) => {
        response.resume().on('end', () => resolve(response.headers));
      })
      .on('error', reject);
  });
  assert.notEqual(headers.connection, 'close');
});

test('what must not get out is echoed everywhere when asked for', async (t) => {
  const stub = await start(t);
  const api = apiOf(stub);
  const p = await api.create(kLlama, { prompt: '[[stub:echo]]' });
  const ended = await api.finished(p.id);
  for (const secret of ['r8_main', 'jane', stub.origin]) assert.ok(ended.logs.includes(secret), ended.logs);
  for (const secret of ['r8_main', stub.origin]) assert.ok(ended.output.join('').includes(secret), 'the output');
  const answer = await api.get(`/predictions/${p.id}`);
  assert.equal(answer.headers['x-token'], 'r8_main');
  const files = await send(stub.origin, '/v1/search?query=flux');
  assert.equal(files.status, 200);
});

// SPDX-License-Identifier: Apache-2.0
// Creates that wait for their outcome: every form of the preference, what it is answered with, and when.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, kFlux, kLlama, send, sendRaw, smallImage } from './support/http.mjs';
import { startServer } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0', '--rate-limits-creates', '0'] });
const api = new Api(server);
const kPath = `/models/${kFlux}/predictions`;
const kQuick = { input: smallImage('a quick fox') };
// Five minutes: whoever gets an answer about such a run before its end did not wait for it.
const kHeld = { input: smallImage('a fox that is held back [sandbox:delay=300s]') };
const cancel = (id) => api.post(`/predictions/${id}/cancel`, '');

/** Creates a run that cannot end by itself and checks that the answer is the one for a wait that ran out. */
async function ranOut(headers, applied) {
  const answer = await api.post(kPath, kHeld, headers);
  const created = answer.json();
  const now = await api.prediction(created.id);
  await cancel(created.id);
  assert.equal(answer.status, 202, JSON.stringify(headers));
  assert.equal(answer.headers['preference-applied'], applied);
  assert.equal(answer.headers.location, created.urls.get);
  assert.deepEqual([created.status, created.output, created.logs, created.error], ['starting', null, '', null]);
  assert.ok(['starting', 'processing'].includes(now.status), now.status);
}

test('without a preference a create is answered at once, with 201 and starting', async () => {
  const answer = await api.post(kPath, kHeld);
  assert.equal(answer.status, 201);
  assert.equal(answer.headers['preference-applied'], undefined);
  assert.equal(answer.headers.location, answer.json().urls.get);
  assert.equal(answer.json().status, 'starting');
  await cancel(answer.json().id);
});

for (const [sent, applied] of [
  ['wait', 'wait'],
  ['Wait', 'wait'],
  ['wait=5', 'wait=5'],
  ['wait = 5', 'wait=5'],
  ['wait="5"', 'wait=5'],
  ['return=minimal, wait=5', 'wait=5'],
  ['wait=5;unknown=1', 'wait=5'],
  ['wait=60', 'wait=60'],
  ['wait=300', 'wait=60'],
  ['wait=0', 'wait=1'],
]) {
  test(`Prefer: ${sent} waits, and the answer says ${applied}`, async () => {
    const answer = await api.post(kPath, kQuick, { prefer: sent });
    assert.equal(answer.headers['preference-applied'], applied);
    assert.equal(answer.headers.location, answer.json().urls.get);
    // On a busy machine the run may not be over in time. Both answers are those of a wait; 201 and starting would be not.
    const { status, output } = answer.json();
    assert.deepEqual([answer.status, status], answer.status === 202 ? [202, 'starting'] : [201, 'succeeded']);
    assert.equal(output?.length, status === 'succeeded' ? 1 : undefined);
  });
}

for (const sent of ['', 'respond-async', 'wait=abc', 'wait=', 'wait=1.5', 'return=minimal', 'waiting', 'no-wait=5']) {
  test(`Prefer: ${sent || '(empty)'} asks for no wait`, async () => {
    const answer = await api.post(kPath, kHeld, { prefer: sent });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers['preference-applied'], undefined);
    assert.deepEqual([answer.json().status, answer.json().output], ['starting', null]);
    await cancel(answer.json().id);
  });
}

test('the preference may stand in a header line of its own beside another one', async () => {
  const body = JSON.stringify(kQuick);
  const text = await sendRaw(
    server,
    `POST /v1${kPath} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.key}\r\nConnection: close\r\n` +
      `Prefer: return=minimal\r\nPrefer: wait=30\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  assert.match(text, /^HTTP\/1\.1 201 /);
  assert.match(text, /\r\npreference-applied: wait=30\r\n/i);
  assert.match(text, /"status":"succeeded"/);
});

test('wait=1 is answered although the run goes on for minutes: 202 and starting', () =>
  ranOut({ prefer: 'wait=1' }, 'wait=1'));

test('wait=0 waits for a second at most', () => ranOut({ prefer: 'wait=0' }, 'wait=1'));

for (const timeout of ['2', '2.0', '1', '0.5']) {
  test(`a client that reads for ${timeout} s has its answer before it gives up, and sends nothing twice`, async () => {
    const before = (await api.get('/predictions')).json().results.length;
    await ranOut({ prefer: 'wait', 'x-stainless-read-timeout': timeout }, 'wait');
    assert.equal((await api.get('/predictions')).json().results.length, before + 1);
  });
}

test('a read timeout that makes no sense does not shorten the wait', async () => {
  for (const timeout of ['0', '-1', 'soon', 'NaN', '1e400']) {
    const input = smallImage('a fox after a moment [sandbox:delay=300ms]');
    const answer = await api.post(kPath, { input }, { prefer: 'wait=50', 'x-stainless-read-timeout': timeout });
    assert.deepEqual([answer.status, answer.json().status], [201, 'succeeded'], timeout);
  }
});

test('a wait that ran out shows nothing of what the model has already written', async () => {
  const input = { prompt: 'Word by word. [sandbox:pause=50ms]', max_tokens: 400 };
  const answer = await api.post(`/models/${kLlama}/predictions`, { input }, { prefer: 'wait=1' });
  const created = answer.json();
  assert.equal(answer.status, 202);
  assert.deepEqual([created.status, created.output, created.logs], ['starting', null, '']);
  assert.deepEqual(
    ['started_at', 'completed_at', 'metrics'].filter((name) => name in created),
    [],
  );
  const now = await api.finished(created.id, (p) => p.output?.length > 0);
  assert.equal(now.status, 'processing');
  assert.notEqual(now.logs, '');
  await cancel(created.id);
});

test('a wait that ended in time shows the whole list of chunks, and the metrics', async () => {
  const input = { prompt: 'All at once.', max_tokens: 20 };
  const answer = await api.post(`/models/${kLlama}/predictions`, { input }, { prefer: 'wait' });
  const done = answer.json();
  assert.deepEqual([answer.status, done.status, done.error], [201, 'succeeded', null]);
  assert.ok(done.output.length > 1);
  assert.deepEqual(await api.prediction(done.id), done);
});

test('a failure, a cancel and a deadline within the wait are answered with 201 and what happened', async () => {
  const failing = { input: smallImage('[sandbox:fail=out of paint]') };
  const failed = await api.post(kPath, failing, { prefer: 'wait' });
  assert.deepEqual([failed.status, failed.json().status, failed.json().error], [201, 'failed', 'out of paint']);

  await server.makeAccount('waiters');
  const own = new Api(server, { key: await server.makeKey('waiter', '--account', 'waiters') });
  const waiting = own.post(kPath, kHeld, { prefer: 'wait=50' });
  const under = await own.finished(await firstOf(own), (p) => p.status === 'processing');
  await own.post(`/predictions/${under.id}/cancel`, '');
  const canceled = await waiting;
  assert.deepEqual([canceled.status, canceled.json().id, canceled.json().status], [201, under.id, 'canceled']);

  const late = await api.post(kPath, kHeld, { prefer: 'wait=50', 'cancel-after': '5s' });
  assert.deepEqual([late.status, late.json().status], [201, 'canceled']);
});

/** The id of the only prediction of an account, once there is one. */
async function firstOf(own) {
  for (;;) {
    const [first] = (await own.get('/predictions')).json().results;
    if (first) return first.id;
  }
}

test('all three ways of creating understand the preference', async () => {
  const model = (await api.get(`/models/${kFlux}`)).json();
  const deployment = await api.post('/deployments', {
    name: 'waiting',
    model: kFlux,
    version: model.latest_version.id,
    hardware: 'cpu',
    min_instances: 0,
    max_instances: 1,
  });
  assert.equal(deployment.status, 200, deployment.text);
  const { owner, name } = deployment.json();
  for (const [path, body] of [
    [kPath, kQuick],
    ['/predictions', { version: model.latest_version.id, ...kQuick }],
    [`/deployments/${owner}/${name}/predictions`, kQuick],
  ]) {
    const answer = await api.post(path, body, { prefer: 'wait=50' });
    assert.deepEqual(
      [answer.status, answer.json().status, answer.headers['preference-applied'], answer.headers.location],
      [201, 'succeeded', 'wait=50', answer.json().urls.get],
      path,
    );
  }
});

test('Location is absolute and leads to the prediction on the mount that was asked', async () => {
  for (const mount of ['/v1', '/replicate/v1']) {
    const answer = await new Api(server, { mount }).post(kPath, kQuick);
    const { location } = answer.headers;
    assert.equal(location, `${server.origin}${mount}/predictions/${answer.json().id}`);
    const got = await send(server.origin, location, { headers: api.headers });
    assert.equal(got.json().id, answer.json().id);
  }
});

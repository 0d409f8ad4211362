// SPDX-License-Identifier: Apache-2.0
// kill -9 of the server at the moments that matter: what was submitted is taken up where it stands.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { until } from '../e2e/support/server.mjs';
import { kFlux, startRelay, unique } from './relay.mjs';

const kText = 'Rain taps on the roof.';
const counts = ({ received, accepted }) => [received.length, accepted.length];

/** A create whose answer never comes: the server is killed under it. */
const broken = (relay, prompt) =>
  relay.create(prompt).then(
    (answer) => answer.status,
    () => 'broken off',
  );

describe('kill -9', { concurrency: true }, () => {
  test('after the upstream has accepted: it is followed by its id, and not submitted again', async (t) => {
    const relay = await startRelay(t);
    const prompt = unique('[[stub:delay=1500]]');
    const { id } = (await relay.create(prompt)).json();
    await relay.restart(t);
    const last = await relay.api.finished(id);
    assert.equal(last.status, 'succeeded');
    assert.equal(last.output.join(''), kText);
    assert.deepEqual(counts(relay.seen(prompt)), [1, 1]);
    const [taken] = relay.seen(prompt).accepted;
    assert.ok(relay.stub.askedOf(prompt).every(({ path }) => path.endsWith(taken.id)));
  });

  test('while the upstream holds its answer: what it has taken is found in its list', async (t) => {
    const relay = await startRelay(t);
    const prompt = unique('[[stub:hold]][[stub:delay=500]]');
    const answer = broken(relay, prompt);
    await until('the create', () => relay.seen(prompt).accepted.length === 1);
    await relay.restart(t);
    assert.equal(await answer, 'broken off');
    const [id] = await relay.listed();
    const last = await relay.api.finished(id);
    assert.deepEqual([last.status, last.output.join('')], ['succeeded', kText]);
    assert.deepEqual(counts(relay.seen(prompt)), [1, 1]);
    await relay.stub.release();
  });

  test('while the upstream holds it, and it is in no list: it ends as unknown', async (t) => {
    const relay = await startRelay(t, { upstream: { submit_limit: '1s' } });
    const prompt = unique('[[stub:hold]][[stub:unlisted]]');
    broken(relay, prompt);
    await until('the create', () => relay.seen(prompt).accepted.length === 1);
    await relay.restart(t);
    const [id] = await relay.listed();
    const last = await relay.api.finished(id);
    assert.equal(last.status, 'failed');
    assert.match(last.error, /\(code: submission_unknown\)$/);
    assert.deepEqual(counts(relay.seen(prompt)), [1, 1]);
  });

  test('while work waits its turn: it is submitted after the start, once', async (t) => {
    const relay = await startRelay(t);
    await relay.stub.stopListening();
    const prompt = unique('waits');
    const { id } = (await relay.create(prompt)).json();
    await relay.restart(t);
    await relay.stub.listenAgain();
    assert.equal((await relay.api.finished(id)).status, 'succeeded');
    assert.deepEqual(counts(relay.seen(prompt)), [1, 1]);
  });

  test('while outputs are fetched: they are whole after the start', async (t) => {
    const relay = await startRelay(t);
    const prompt = unique('[[stub:out-slow=15*1]][[stub:delay=50]]');
    const { id } = (await relay.create(prompt, { model: kFlux })).json();
    await until('the download', () => relay.stub.askedOf(prompt).some(({ path }) => path.startsWith('/out/')));
    await relay.restart(t);
    const last = await relay.api.finished(id);
    assert.equal(last.status, 'succeeded');
    const file = Buffer.from(await (await fetch(last.output[0])).arrayBuffer()).toString('latin1');
    assert.ok(file.includes(`${relay.seen(prompt).accepted[0].id}-0`));
    assert.deepEqual(counts(relay.seen(prompt)), [1, 1]);
  });

  test('with a cancel that the upstream was not told of yet: it is told', async (t) => {
    const relay = await startRelay(t);
    const prompt = unique('[[stub:never]]');
    const { id } = (await relay.create(prompt)).json();
    await relay.stub.stopListening();
    assert.equal((await relay.api.post(`/predictions/${id}/cancel`, '')).json().status, 'canceled');
    await relay.restart(t);
    await relay.stub.listenAgain();
    await until('the cancel', async () => (await relay.stub.state())[0].status === 'canceled');
    assert.equal((await relay.api.prediction(id)).status, 'canceled');
  });

  test('and again and again: each prediction is submitted once', async (t) => {
    const relay = await startRelay(t);
    const prompts = [];
    for (let round = 0; round < 3; ++round) {
      const some = Array.from({ length: 5 }, () => unique('[[stub:delay=1200]]'));
      prompts.push(...some);
      await Promise.all(some.map((prompt) => relay.create(prompt)));
      await relay.restart(t);
    }
    for (const id of await relay.listed()) assert.equal((await relay.api.finished(id)).status, 'succeeded');
    for (const prompt of prompts) assert.deepEqual(counts(relay.seen(prompt)), [1, 1], prompt);
  });
});

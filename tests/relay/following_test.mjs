// SPDX-License-Identifier: Apache-2.0
// What was taken is followed through whatever its upstream says or does not say. D22 to D24 of the reliability contract.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { until } from '../e2e/support/server.mjs';
import { kEcho, startRelay, unique } from './relay.mjs';

const kText = 'Rain taps on the roof.';

function isWhole({ last, received, accepted }, what) {
  assert.equal(last.status, 'succeeded', `${what}: ${last.error}`);
  assert.equal(last.output.join(''), kText, what);
  assert.equal(last.error, null);
  assert.deepEqual([received.length, accepted.length], [1, 1], what);
}

/** Bytes of memory that a process has had at most. */
const peakMemory = (pid) => Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

/** Every state that a client sees of `id` until its end. */
async function watch(relay, id) {
  const seen = [];
  await relay.api.finished(id, (p) => {
    seen.push(p);
    return ['succeeded', 'failed', 'canceled'].includes(p.status);
  });
  return seen;
}

function onlyForwards(seen, what) {
  const rank = { starting: 0, processing: 1, succeeded: 2, failed: 2, canceled: 2 };
  for (let i = 1; i < seen.length; ++i) {
    const [before, now] = [seen[i - 1], seen[i]];
    assert.ok(rank[now.status] >= rank[before.status], `${what}: ${before.status}, then ${now.status}`);
    assert.ok(now.logs.startsWith(before.logs), `${what}: logs shrank`);
    assert.ok((now.output ?? []).length >= (before.output ?? []).length, `${what}: the output shrank`);
  }
}

describe('following', { concurrency: true }, () => {
  describe('D22 and D23: a poll that goes wrong costs time, and nothing else', { concurrency: true }, () => {
    for (const words of [
      ['poll-status=500*3', 'poll-status=404*1', 'poll-status=429*2'],
      ['poll-reset*2', 'poll-fin*2', 'poll-half*2', 'poll-cut=3*2'],
      ['poll-garbage*2', 'poll-html*2', 'poll-wrong-id*3', 'poll-type=text/html'],
      ['poll-endless*1', 'poll-bomb*1', 'poll-redirect*2', 'poll-status=401*1'],
    ]) {
      test(words.join(', '), async (t) => {
        const relay = await startRelay(t);
        await Promise.all(
          words.map(async (word) => {
            const prompt = unique(`[[stub:no-stream]][[stub:${word}]][[stub:delay=600]]`);
            isWhole(await relay.run(prompt), word);
          }),
        );
        // A bomb unpacks to a GiB, and an endless answer to more.
        assert.ok(peakMemory(relay.server.pid) < 700e6, `${peakMemory(relay.server.pid)} bytes`);
      });
    }

    test('one that is never answered, or a byte a second, is asked again', async (t) => {
      const relay = await startRelay(t);
      const prompts = ['poll-hang*1', 'poll-slow*1'].map((word) => unique(`[[stub:no-stream]][[stub:${word}]]`));
      for (const [i, run] of (await Promise.all(prompts.map((prompt) => relay.run(prompt)))).entries()) {
        isWhole(run, prompts[i]);
        assert.ok(relay.stub.askedOf(prompts[i]).length >= 2);
      }
    });

    test('an event stream that fails, breaks off or falls silent adds nothing wrong', async (t) => {
      const relay = await startRelay(t);
      const words = ['stream-status=404', 'stream-cut=2', 'stream-stall=1', 'stream-reset', 'stream-hang'];
      await Promise.all(
        words.map(async (word) => {
          const prompt = unique(`[[stub:${word}]][[stub:delay=1500]][[stub:start=100]]`);
          isWhole(await relay.run(prompt), word);
        }),
      );
    });

    test('a status that goes backwards is not shown', async (t) => {
      const relay = await startRelay(t);
      const prompt = unique(
        '[[stub:no-stream]][[stub:backwards]][[stub:delay=9000]][[stub:start=100]][[stub:chunks=40]]',
      );
      const { id } = (await relay.create(prompt)).json();
      const seen = await watch(relay, id);
      onlyForwards(seen, prompt);
      assert.ok(relay.stub.askedOf(prompt).length >= 4, 'it went backwards at least twice');
      assert.equal(seen.at(-1).status, 'succeeded');
      assert.equal(seen.at(-1).output.length, 40);
    });

    test('a status that nobody knows is work that goes on, and with an end it is an end', async (t) => {
      const relay = await startRelay(t);
      const [during, ending] = ['unknown-status', 'unknown-end'].map((word) =>
        unique(`[[stub:no-stream]][[stub:${word}]]`),
      );
      const [run, end] = await Promise.all([relay.run(during), relay.run(ending)]);
      isWhole(run, during);
      assert.equal(end.last.status, 'failed');
      assert.ok(end.last.error.length > 0);
      assert.equal(end.accepted.length, 1);
    });
  });

  describe('D24: an upstream that forgets, or never ends', { concurrency: true }, () => {
    test('404 for a moment is not believed', async (t) => {
      const relay = await startRelay(t);
      const prompt = unique('[[stub:forget-for=3000]][[stub:delay=100]]');
      isWhole(await relay.run(prompt), prompt);
    });

    test('404 for half a minute is', async (t) => {
      const relay = await startRelay(t);
      const prompt = unique('[[stub:forget=1]][[stub:never]]');
      const { last, received } = await relay.run(prompt);
      assert.equal(last.status, 'failed');
      assert.match(last.error, /\(code: prediction_lost\)$/);
      assert.equal(received.length, 1);
    });

    test('what runs over its time limit fails, and the upstream is told to stop', async (t) => {
      const relay = await startRelay(t, { upstream: { time_limit: '2s' } });
      const prompt = unique('[[stub:never]]');
      const { last } = await relay.run(prompt);
      assert.equal(last.status, 'failed');
      assert.match(last.error, /^Prediction timed out/);
      await until('the cancel', async () => (await relay.stub.state())[0].status === 'canceled');
    });

    test('a client that cancels, and a deadline, are passed on', async (t) => {
      const relay = await startRelay(t);
      const prompts = [unique('[[stub:never]]'), unique('[[stub:never]]')];
      const canceled = (await relay.create(prompts[0])).json();
      const late = (await relay.create(prompts[1], { headers: { 'cancel-after': '5s' } })).json();
      await relay.api.finished(canceled.id, (p) => p.status === 'processing');
      const answer = await relay.api.post(`/predictions/${canceled.id}/cancel`, '');
      assert.deepEqual([answer.status, answer.json().status], [200, 'canceled']);
      const ended = await relay.api.finished(late.id);
      assert.ok(['canceled', 'aborted'].includes(ended.status), ended.status);
      await until('both cancels', async () => (await relay.stub.state()).every(({ status }) => status === 'canceled'));
    });

    test('a cancel that fails is told again', async (t) => {
      const relay = await startRelay(t);
      const prompt = unique('[[stub:never]][[stub:cancel-status=500*1]][[stub:cancel-reset*2]]');
      const { id } = (await relay.create(prompt)).json();
      await relay.api.post(`/predictions/${id}/cancel`, '');
      await until('the cancel', async () => (await relay.stub.state())[0].status === 'canceled');
      assert.equal((await relay.api.prediction(id)).status, 'canceled');
      const asked = relay.stub.askedOf(prompt).filter(({ path }) => path.endsWith('/cancel'));
      assert.ok(asked.length >= 3, `${asked.length} cancels`);
    });
  });

  test('what an upstream says of a failure is what the client reads', async (t) => {
    const relay = await startRelay(t);
    const { last } = await relay.run(unique('[[stub:fail=Out of paint (code: E1234)]]'));
    assert.deepEqual([last.status, last.error], ['failed', 'Out of paint (code: E1234)']);
    assert.ok(kText.startsWith((last.output ?? []).join('')), 'what came before stays');
    assert.ok(last.metrics.predict_time >= 0);
  });

  test('a value that is no list is delivered whole at the end', async (t) => {
    const relay = await startRelay(t);
    const prompt = unique('value');
    const { last } = await relay.run(prompt, { model: kEcho });
    assert.deepEqual(last.output, { said: { prompt }, echo: '' });
  });
});

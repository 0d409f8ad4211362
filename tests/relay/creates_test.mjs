// SPDX-License-Identifier: Apache-2.0
// Creates whose answer is bad, or never comes: what the upstream has taken is followed, what it has not is sent again
// only when it said so, and nothing is ever submitted twice. D17 to D21 of the reliability contract.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Api, send } from '../e2e/support/http.mjs';
import { hekto, until } from '../e2e/support/server.mjs';
import { kLlama, sleep, startRelay, unique } from './relay.mjs';

const counts = ({ received, accepted }) => [received.length, accepted.length];
const kText = 'Rain taps on the roof.';

function isWhole({ last }, what) {
  assert.equal(last.status, 'succeeded', `${what}: ${last.error}`);
  assert.equal(last.output.join(''), kText, what);
}

function isUnknown({ last }, what) {
  assert.equal(last.status, 'failed', what);
  assert.match(last.error, /\(code: submission_unknown\)$/, what);
  assert.equal(last.output, null);
}

describe('creates', { concurrency: true }, () => {
  describe('D17: an upstream that takes nothing now', { concurrency: true }, () => {
    for (const words of [['status=429*1'], ['status=503*1'], ['status=529*1'], ['status=503*3']]) {
      test(`${words}: the client is answered at once, and the work is sent again`, async (t) => {
        const relay = await startRelay(t);
        const prompt = unique(words.map((word) => `[[stub:${word}]]`).join(''));
        const run = await relay.run(prompt);
        assert.equal(run.first.status, 'starting');
        isWhole(run, prompt);
        const refused = Number(words[0].slice(-1));
        assert.deepEqual(counts(run), [refused + 1, 1]);
      });
    }

    for (const status of [429, 503]) {
      test(`Retry-After of ${status} is kept`, async (t) => {
        const relay = await startRelay(t);
        const prompt = unique(`[[stub:status=${status}*1]][[stub:retry-after=2*1]]`);
        const run = await relay.run(prompt);
        isWhole(run, prompt);
        const [first, second] = run.received.map(({ time }) => Date.parse(time));
        assert.ok(second - first >= 1900, `${second - first} ms`);
      });
    }

    test('500 and 502 prove nothing: they are looked up, not sent again', async (t) => {
      const relay = await startRelay(t);
      const prompts = [500, 502, 504].map((status) => unique(`[[stub:status=${status}]]`));
      for (const [i, run] of (await Promise.all(prompts.map((prompt) => relay.run(prompt)))).entries()) {
        isUnknown(run, prompts[i]);
        assert.deepEqual(counts(run), [1, 0], prompts[i]);
      }
      const lists = relay.stub
        .entries()
        .filter(({ method, path }) => method === 'GET' && /^\/v1\/predictions\?/.test(path));
      assert.ok(lists.length >= 3, `${lists.length} look-ups`);
    });
  });

  describe('D18: an upstream that refuses', { concurrency: true }, () => {
    for (const status of [400, 402, 403, 404, 422]) {
      test(`${status} is passed on byte for byte, and nothing is left behind`, async (t) => {
        const relay = await startRelay(t);
        const prompt = unique(`[[stub:status=${status}]]`);
        const answer = await relay.create(prompt);
        assert.equal(answer.status, status);
        assert.equal(answer.headers['content-type'], 'application/problem+json');
        const direct = await fetch(`${relay.stub.origin}/v1/models/${kLlama}/predictions`, {
          method: 'POST',
          headers: { authorization: 'Bearer r8_one_main', 'content-type': 'application/json' },
          body: JSON.stringify({ input: { prompt } }),
        });
        assert.equal(answer.text, await direct.text());
        assert.equal(relay.seen(prompt).received.length, 2); // ours and the one just made
        assert.deepEqual(await relay.listed(), []);
      });
    }

    test('what the upstream does not have or take comes out in its words', async (t) => {
      const relay = await startRelay(t);
      const direct = new Api(relay.stub, { key: 'r8_one_main' });
      for (const [path, body, status] of [
        ['/models/nobody/nothing/predictions', { input: { prompt: 'x' } }, 404],
        ['/predictions', { version: 'ab'.repeat(32), input: { prompt: 'x' } }, 422],
        [`/models/${kLlama}/predictions`, { input: { max_tokens: 3 } }, 422],
      ]) {
        const [ours, theirs] = [await relay.api.post(path, body), await direct.post(path, body)];
        assert.deepEqual([ours.status, ours.text], [status, theirs.text], path);
      }
      assert.deepEqual(await relay.listed(), []);
    });

    test('401 concerns the account: the work waits, and is not sent again and again', async (t) => {
      const relay = await startRelay(t);
      const prompt = unique('[[stub:status=401]]');
      const answer = await relay.create(prompt);
      assert.equal(answer.status, 201);
      const { id } = answer.json();
      await sleep(1500);
      assert.equal((await relay.api.prediction(id)).status, 'starting');
      assert.deepEqual(counts(relay.seen(prompt)), [1, 0]);
      const ended = (await relay.api.post(`/predictions/${id}/cancel`, '')).json();
      assert.equal(ended.status, 'canceled');
    });
  });

  test('D19: while connections are refused work waits, and is sent once when they are not', async (t) => {
    const relay = await startRelay(t);
    await relay.stub.stopListening();
    const prompts = [unique('refused'), unique('refused')];
    const answers = await Promise.all(prompts.map((prompt) => relay.create(prompt)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 201],
    );
    await sleep(700);
    await relay.stub.listenAgain();
    for (const [i, answer] of answers.entries()) {
      const last = await relay.api.finished(answer.json().id);
      assert.equal(last.status, 'succeeded');
      assert.deepEqual(counts(relay.seen(prompts[i])), [1, 1]);
    }
  });

  describe('D20: an answer that is lost', { concurrency: true }, () => {
    const upstream = { submit_limit: '1s' };
    const kLost = [
      ['reset-after-accept', 'fin-after-accept', 'hang-after-accept', 'half'],
      ['garbage', 'html', 'slow', 'endless'],
      ['bomb', 'status-after-accept=502', 'status-after-accept=500', 'status-after-accept=504'],
      ['status-after-accept=408', 'cut=0', 'cut=1', 'redirect'],
    ];
    for (const words of kLost) {
      test(`${words.join(', ')}: what was taken is found and followed`, async (t) => {
        const relay = await startRelay(t, { upstream });
        for (const word of words) {
          const prompt = unique(`[[stub:${word}]]`);
          const run = await relay.run(prompt);
          isWhole(run, word);
          assert.deepEqual(counts(run), [1, 1], word);
          assert.deepEqual(await relay.listed().then((ids) => ids.filter((id) => id === run.first.id)), [run.first.id]);
        }
      });
    }

    test('a create that is not taken ends as unknown, and is not sent again', async (t) => {
      const relay = await startRelay(t, { upstream });
      const prompts = ['reset', 'fin', 'hang'].map((word) => unique(`[[stub:${word}]]`));
      for (const [i, run] of (await Promise.all(prompts.map((prompt) => relay.run(prompt)))).entries()) {
        isUnknown(run, prompts[i]);
        assert.deepEqual(counts(run), [1, 0], prompts[i]);
      }
      const shown = await hekto(['upstreams', 'unknown', '--data', relay.server.data], { cwd: relay.server.folder });
      assert.equal(shown.code, 0, shown.stderr);
      for (const id of await relay.listed()) assert.ok(shown.stdout.includes(id), 'the operator is told of each');
      // Counted from time to time.
      await until('the count of them', async () => {
        const { text } = await send(relay.server.origin, '/metrics');
        return /^hekto_submissions_unknown_total 3$/m.test(text);
      });
    });

    test('one that is broken off before it is read may have been read for all we know', async (t) => {
      const relay = await startRelay(t, { upstream });
      const ids = [];
      for (const word of ['reset-before-read', 'fin-before-read', 'hang-before-read']) {
        await relay.stub.script({ match: { method: 'POST', path: '/predictions$' }, do: word });
        ids.push((await relay.create(unique(word))).json().id);
      }
      for (const id of ids) isUnknown({ last: await relay.api.finished(id) }, id);
      const heads = relay.stub.entries().filter(({ phase }) => phase === 'head');
      assert.equal(heads.length, 3, 'none was sent again');
      assert.deepEqual(await relay.stub.state(), []);
    });

    test('one that no list shows ends as unknown; one that is shown late is found', async (t) => {
      const relay = await startRelay(t, { upstream });
      const never = unique('[[stub:reset-after-accept]][[stub:unlisted]]');
      const late = unique('[[stub:reset-after-accept]][[stub:list-delay=2500]]');
      const [hidden, found] = await Promise.all([relay.run(never), relay.run(late)]);
      isUnknown(hidden, never);
      isWhole(found, late);
      assert.deepEqual(counts(hidden), [1, 1]);
      assert.deepEqual(counts(found), [1, 1]);
    });

    test('one that is canceled while it is in doubt is found, and the upstream is told', async (t) => {
      const relay = await startRelay(t, { upstream });
      const prompt = unique('[[stub:reset-after-accept]][[stub:list-delay=2500]][[stub:never]]');
      const answer = await relay.create(prompt);
      assert.equal(answer.status, 201, answer.text);
      const ended = (await relay.api.post(`/predictions/${answer.json().id}/cancel`, '')).json();
      assert.equal(ended.status, 'canceled');
      await until('the cancel upstream', async () => (await relay.stub.state())[0].status === 'canceled');
      assert.deepEqual(counts(relay.seen(prompt)), [1, 1]);
    });

    test('two equal ones that are both lost cannot be told apart, and are not sent again', async (t) => {
      const relay = await startRelay(t, { upstream });
      const prompt = unique('[[stub:reset-after-accept]] twins');
      const both = await Promise.all([relay.run(prompt), relay.run(prompt)]);
      for (const run of both) {
        isUnknown(run, prompt);
        assert.deepEqual(counts(run), [2, 2]);
      }
    });

    test('a lost one is not taken for its equal that was answered', async (t) => {
      const relay = await startRelay(t, { upstream });
      const prompt = unique('[[stub:reset-after-accept*1]] half of twins');
      const lost = await relay.create(prompt);
      const run = await relay.run(prompt);
      const last = await relay.api.finished(lost.json().id);
      assert.equal(last.status, 'succeeded');
      isWhole(run, prompt);
      assert.deepEqual(counts(run), [2, 2]);
    });

    test('a list that fails is asked again until it answers', async (t) => {
      const relay = await startRelay(t, { upstream });
      await relay.stub.script({ match: { method: 'GET', path: '^/v1/predictions\\?' }, times: 2, do: 'status=500' });
      await relay.stub.script({ match: { method: 'GET', path: '^/v1/predictions\\?' }, times: 1, do: 'half' });
      const prompt = unique('[[stub:reset-after-accept]]');
      const run = await relay.run(prompt);
      isWhole(run, prompt);
      assert.deepEqual(counts(run), [1, 1]);
    });

    test('an upstream that is declared idempotent is sent the same create again, under one key', async (t) => {
      const relay = await startRelay(t, { upstream: { ...upstream, idempotent: true } });
      const prompt = unique('[[stub:reset*1]]');
      const run = await relay.run(prompt);
      isWhole(run, prompt);
      assert.deepEqual(counts(run), [2, 1]);
      assert.equal(new Set(run.received.map(({ idempotencyKey }) => idempotencyKey)).size, 1);
      assert.match(run.received[0].idempotencyKey, /^hekto-/);
    });

    test('an answer of another content type is an answer', async (t) => {
      const relay = await startRelay(t, { upstream });
      const prompt = unique('[[stub:type=text/plain]]');
      const run = await relay.run(prompt);
      isWhole(run, prompt);
      assert.deepEqual(counts(run), [1, 1]);
    });
  });

  test('D21: creates never go over a connection that has carried anything, and stale ones cost polls nothing', async (t) => {
    const relay = await startRelay(t);
    await relay.stub.script({ match: { method: 'GET', path: '/predictions/' }, times: 4, do: 'close-after-response' });
    await relay.stub.script({
      match: { method: 'GET', path: '/predictions/' },
      times: 2,
      after: 6,
      do: 'close-if-reused',
    });
    for (let i = 0; i < 6; ++i) {
      const prompt = unique('[[stub:close-if-reused]][[stub:close-after-response]]');
      const run = await relay.run(prompt);
      isWhole(run, prompt);
      assert.deepEqual(counts(run), [1, 1]);
    }
    const creates = relay.stub
      .entries()
      .filter(({ phase, method, path }) => phase === 'received' && method === 'POST' && /predictions$/.test(path));
    assert.ok(creates.every(({ nth }) => nth === 1));
    const reused = await until('connections that polls reuse', () =>
      relay.stub.entries().some(({ method, nth }) => method === 'GET' && nth > 1),
    );
    assert.ok(reused);
  });
});

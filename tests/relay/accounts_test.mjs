// SPDX-License-Identifier: Apache-2.0
// Several accounts and several upstreams: work goes where it can go, waits where it has to, and is never sent twice.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Api, send } from '../e2e/support/http.mjs';
import { until } from '../e2e/support/server.mjs';
import { kLlama, sleep, startRelay, unique } from './relay.mjs';

const two = { one: { accounts: { a: 'r8_a', b: 'r8_b' } } };
const both = { one: {}, two: {} };
const tokens = ({ received }) => received.map(({ token }) => token);

describe('accounts', { concurrency: true }, () => {
  describe('failover', { concurrency: true }, () => {
    for (const status of [401, 402, 403]) {
      test(`${status} of one account: the work goes to the other account`, async (t) => {
        const relay = await startRelay(t, { stubs: two });
        await relay.stub.script({ match: { method: 'POST', account: 'a' }, times: 1000, do: `status=${status}` });
        const runs = [];
        for (let i = 0; i < 6; ++i) runs.push(await relay.run(unique('either')));
        assert.ok(runs.every(({ last, accepted }) => last.status === 'succeeded' && accepted.length === 1));
        const refused = runs.flatMap(({ received }) => received).filter(({ token }) => token === 'a');
        // 403 may be for this model alone, so that the account is asked again with the next.
        if (status === 403) assert.ok(refused.length >= 1 && refused.length <= 6);
        else assert.equal(refused.length, 1);
      });
    }

    test('with no credit anywhere the last word is the client’s', async (t) => {
      const relay = await startRelay(t, { stubs: two });
      await relay.stub.script({ match: { method: 'POST' }, times: 1000, do: 'status=402' });
      const prompt = unique('nobody pays');
      const answer = await relay.create(prompt);
      assert.equal(answer.status, 402);
      assert.deepEqual(tokens(relay.seen(prompt)).sort(), ['a', 'b']);
      assert.deepEqual(await relay.listed(), []);
    });

    test('an upstream that is down or turns work away is passed over for another', async (t) => {
      const relay = await startRelay(t, { stubs: both });
      await relay.stubs.one.stopListening();
      await relay.stubs.two.script({ match: { method: 'POST' }, times: 1, do: 'status=503' });
      for (let i = 0; i < 6; ++i) {
        const { last, accepted } = await relay.run(unique('anywhere'));
        assert.equal(last.status, 'succeeded');
        assert.equal(accepted.length, 1);
      }
    });

    test('what may have been taken is never moved', async (t) => {
      const relay = await startRelay(t, { stubs: both, upstream: { submit_limit: '1s' } });
      const prompts = Array.from({ length: 4 }, () => unique('[[stub:hang-after-accept]]'));
      const runs = await Promise.all(prompts.map((prompt) => relay.run(prompt)));
      for (const { last, received, accepted } of runs) {
        assert.equal(last.status, 'succeeded');
        assert.deepEqual([received.length, accepted.length], [1, 1]);
      }
    });

    test('priorities: the second upstream takes what spills over', async (t) => {
      const upstream = (name) => (name === 'one' ? { priority: 1, concurrency: 2 } : {});
      const relay = await startRelay(t, { stubs: both, upstream });
      const prompts = Array.from({ length: 5 }, () => unique('[[stub:never]]'));
      await Promise.all(prompts.map((prompt) => relay.create(prompt)));
      const taken = (name) =>
        prompts.filter((prompt) => relay.stubs[name].creates(prompt).accepted.length === 1).length;
      assert.deepEqual([taken('one'), taken('two')], [2, 3]);
      const later = await relay.run(unique('later'));
      assert.equal(later.last.status, 'succeeded');
    });

    test('of two accounts the work is shared by weight', async (t) => {
      const account = (_, who) => ({ weight: who === 'a' ? 3 : 1 });
      const relay = await startRelay(t, { stubs: two, account });
      const prompts = Array.from({ length: 12 }, () => unique('[[stub:never]]'));
      for (const prompt of prompts) await relay.create(prompt);
      const by = prompts.map((prompt) => tokens(relay.seen(prompt))[0]);
      assert.equal(by.filter((who) => who === 'a').length, 9);
    });
  });

  describe('breaker', { concurrency: true }, () => {
    test('after failures in a row an upstream is left alone, and one create is let through to see', async (t) => {
      const relay = await startRelay(t);
      const match = { method: 'POST', path: '/predictions$' };
      await relay.stub.script({ match, times: 1000, do: 'status=503' });
      const prompts = Array.from({ length: 8 }, () => unique('[[stub:delay=100]]'));
      const answers = await Promise.all(prompts.map((prompt) => relay.create(prompt)));
      assert.ok(answers.every(({ status }) => status === 201));
      const creates = (wanted) =>
        relay.stub.entries().filter((e) => e.method === 'POST' && e.path.endsWith('/predictions') && wanted(e));
      await until('the breaker', async () => {
        const { text } = await send(relay.server.origin, '/metrics');
        const answered = creates(({ status }) => status === 503);
        const underWay = creates(({ phase }) => phase === 'received').length - answered.length;
        return answered.length >= 5 && underWay === 0 && /^hekto_upstream_usable\{.*\} 0$/m.test(text);
      });
      await relay.stub.resetScripts();
      await relay.stub.script({ match, do: 'wait=600' });
      for (const answer of answers) assert.equal((await relay.api.finished(answer.json().id)).status, 'succeeded');
      for (const prompt of prompts) assert.equal(relay.seen(prompt).accepted.length, 1);
      const [first] = creates(({ phase }) => phase === 'accepted');
      const received = creates(({ phase }) => phase === 'received');
      const probe = received.find(({ connection }) => connection === first.connection);
      const [from, to] = [probe, first].map(({ time }) => Date.parse(time));
      const others = received.filter((e) => e !== probe && Date.parse(e.time) > from && Date.parse(e.time) < to);
      assert.deepEqual(others, [], 'nothing else is sent while the probe is under way');
      const refused = creates(({ status }) => status === 503).at(-1);
      assert.ok(from - Date.parse(refused.time) >= 900, 'it was left alone for a second');
    });
  });

  describe('throttled', { concurrency: true }, () => {
    test('work waits instead of failing, whatever the upstream allows', async (t) => {
      const relay = await startRelay(t, {
        stubs: { one: { args: ['--creates-per-minute', '300', '--delay-ms', '50'] } },
      });
      const prompts = Array.from({ length: 60 }, () => unique('many'));
      const answers = await Promise.all(prompts.map((prompt) => relay.create(prompt)));
      assert.ok(answers.every(({ status }) => status === 201));
      for (const answer of answers) assert.equal((await relay.api.finished(answer.json().id)).status, 'succeeded');
      for (const prompt of prompts) assert.equal(relay.seen(prompt).accepted.length, 1);
    });

    test('a reduced allowance is kept from then on', async (t) => {
      const relay = await startRelay(t);
      const first = unique('[[stub:status=429*1]][[stub:reduced=60*1]][[stub:retry-after=1*1]]');
      const prompts = [first, ...Array.from({ length: 5 }, () => unique('reduced'))];
      const firstRun = relay.create(first);
      await until('the 429', () => relay.seen(first).answered.length > 0);
      const answers = [await firstRun, ...(await Promise.all(prompts.slice(1).map((prompt) => relay.create(prompt))))];
      for (const answer of answers) assert.equal((await relay.api.finished(answer.json().id)).status, 'succeeded');
      const times = prompts
        .flatMap((prompt) => relay.seen(prompt).accepted)
        .map(({ time }) => Date.parse(time))
        .sort();
      assert.equal(times.length, 6);
      assert.ok(times[5] - times[0] >= 3000, `six creates within ${times[5] - times[0]} ms`);
    });

    test('keys take turns, however much one of them asks for', async (t) => {
      const relay = await startRelay(t, { account: { creates_per_minute: 120, concurrency: 2 } });
      const other = new Api(relay.server, { key: await relay.server.makeKey('other') });
      const input = (prompt) => ({ input: { prompt } });
      const many = Array.from({ length: 60 }, () => unique('greedy'));
      const few = Array.from({ length: 4 }, () => unique('modest'));
      const post = (api, prompt) => api.post(`/models/${kLlama}/predictions`, input(prompt));
      await Promise.all(many.map((prompt) => post(relay.api, prompt)));
      await Promise.all(few.map((prompt) => post(other, prompt)));
      await until('the modest ones', () => few.every((prompt) => relay.seen(prompt).accepted.length === 1));
      const accepted = relay.stub.entries().filter(({ phase }) => phase === 'accepted');
      const places = few.map((prompt) => accepted.findIndex((e) => e.prompt === prompt));
      const before = accepted
        .slice(Math.min(...places), Math.max(...places))
        .filter(({ prompt }) => /^greedy/.test(prompt));
      assert.ok(before.length <= 6, `${before.length} of the greedy key between four of the modest one`);
      assert.ok(accepted.length < 64, 'the greedy one still waits');
    });
  });

  describe('submit: queued', { concurrency: true }, () => {
    test('a create is answered before the upstream has said a word', async (t) => {
      const relay = await startRelay(t, { upstream: { submit: 'queued' } });
      const prompt = unique('[[stub:hold]]');
      const answer = await relay.create(prompt);
      assert.deepEqual([answer.status, answer.json().status], [201, 'starting']);
      await until('the create', () => relay.seen(prompt).accepted.length === 1);
      await relay.stub.release();
      assert.equal((await relay.api.finished(answer.json().id)).status, 'succeeded');
    });

    test('what the upstream refuses afterwards fails with its words', async (t) => {
      const relay = await startRelay(t, { upstream: { submit: 'queued' } });
      const prompt = unique('[[stub:status=422]]');
      const answer = await relay.create(prompt);
      assert.equal(answer.status, 201);
      const last = await relay.api.finished(answer.json().id);
      assert.equal(last.status, 'failed');
      assert.match(last.error, /^The specified version does not exist/);
      assert.equal(relay.seen(prompt).received.length, 1);
    });

    test('inputs are checked against the cached schema', async (t) => {
      const relay = await startRelay(t, { upstream: { submit: 'queued' } });
      await relay.api.get(`/models/${kLlama}`);
      await sleep(100);
      const answer = await relay.api.post(`/models/${kLlama}/predictions`, { input: { max_tokens: 'many' } });
      assert.equal(answer.status, 422);
      const fields = answer.json().invalid_fields.map(({ type }) => type);
      assert.deepEqual(fields, ['required', 'invalid_type']);
      const creates = relay.stub.entries().filter(({ method, path }) => method === 'POST' && /predictions$/.test(path));
      assert.deepEqual(creates, []);
    });
  });
});

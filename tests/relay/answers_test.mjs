// SPDX-License-Identifier: Apache-2.0
// Answers of the official service's forms (answers/*.json), replayed by the stub: what comes out in front is the same,
// member by member and in the same order, but for ids and URLs. Where it is not, the difference stands here by name.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Api } from '../e2e/support/http.mjs';
import { until } from '../e2e/support/server.mjs';
import { startRelay } from './relay.mjs';

const folder = join(new URL('.', import.meta.url).pathname, 'answers');
const kOfficial = 'https://api.replicate.com/v1';
const recorded = Object.fromEntries(
  readdirSync(folder).map((name) => [name.replace('.json', ''), JSON.parse(readFileSync(join(folder, name), 'utf8'))]),
);

/** What every answer about a prediction has today, and older ones had not. */
const kNewer = ['output', 'data_removed', 'source', 'urls.web'];
/** Members of the forms that came from a database, which the others never had. */
const kOlder = ['webhook_completed'];

/** [path, value] of every member in order; `paths` are left out, and so are the insides of inputs and schemas. */
function members(value, without, path = '') {
  if (value === null || typeof value !== 'object' || /(^|\.)input$/.test(path))
    return [[path, JSON.stringify(sorted(value))]];
  return Object.entries(value).flatMap(([name, member]) => {
    const inner = path ? `${path}.${name}` : name;
    if (without.includes(inner)) return [];
    const nested = members(member, without, inner);
    return nested.length === 0 ? [[inner, Array.isArray(member) ? '[]' : '{}']] : nested;
  });
}

/** An input is echoed as it was sent, there in an order of their own. */
function sorted(value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Times with six digits, as all forms may have them. */
const withMicros = (text) =>
  text.replace(
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z$/,
    (_, whole, digits = '') => `${whole}.${digits.padEnd(6, '0').slice(0, 6)}Z`,
  );

function normal(value, from, to) {
  if (Array.isArray(value)) return value.map((entry) => normal(entry, from, to));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, normal(entry, from, to)]));
  }
  if (typeof value !== 'string') return value;
  const there = from.reduce((text, old) => text.replaceAll(old, to), value);
  return withMicros(there)
    .replace(/^(https:\/\/[^/]+\/v1|@)\/(streams|files)\/[a-z0-9-]{30,}$/, '@/$2/TOKEN')
    .replace(/^@?\/?p\/@$|^@@$/, '@/p/@');
}

describe('official answers, replayed', { concurrency: true }, () => {
  let relay;
  const hooks = [];
  before(async () => {
    relay = await startRelay(
      { after: (hook) => hooks.push(hook) },
      {
        stubs: { one: { args: ['--answers', folder] } },
        upstream: { outputs: 'pass' }, // the files of recordings are not to be had
      },
    );
  });
  after(async () => {
    for (const hook of hooks) await hook();
  });

  /**
   * Fails unless `answer` (text or object) is `body`. `adds` are members that only ours has, `drops` those that only
   * theirs has, `says` others that ours says otherwise; `anyOrder` for forms with an order of their own.
   */
  function same(answer, body, { adds = [], drops = [], says = {}, anyOrder = false } = {}) {
    const ours = typeof answer === 'string' ? JSON.parse(answer) : answer;
    const front = normal(ours, [`${relay.server.origin}/v1`, relay.server.origin, ours.id ?? '\0'], '@');
    const theirs = normal(body, [kOfficial, 'https://replicate.com/p/', body.id ?? '\0'], '@');
    for (const path of adds)
      assert.ok(
        members(front, []).some(([at]) => at === path || at.startsWith(`${path}.`)),
        `ours has ${path}`,
      );
    let mine = members(front, adds);
    let official = members(theirs, drops);
    for (const [path, value] of Object.entries(says)) {
      assert.ok(
        official.some(([at, now]) => at === path && now !== JSON.stringify(value)),
        `theirs says otherwise of ${path}`,
      );
      official = official.map(([at, now]) => [at, at === path ? JSON.stringify(value) : now]);
    }
    if (anyOrder) [mine, official] = [mine, official].map((list) => list.sort(([a], [b]) => (a < b ? -1 : 1)));
    assert.deepEqual(mine, official);
  }

  const step = (name, at) => recorded[name][at];
  /** Sends the request of a step in front. */
  async function ask({ request }, headers) {
    const path = request.path.replace(/^\/v1/, '');
    if (request.method === 'GET') return relay.api.get(path, headers);
    return relay.api.post(path, request.body ?? { input: {} }, headers);
  }

  for (const [name, count] of [
    ['hardware', 1],
    ['collections', 1],
    ['models', 4],
  ]) {
    for (let i = 0; i < count; ++i) {
      test(`GET ${recorded[name][i].request.path}`, async () => {
        const answer = await ask(step(name, i));
        assert.equal(answer.status, 200);
        assert.match(answer.headers['content-type'], /^application\/json/);
        same(answer.text, step(name, i).response.body);
      });
    }
  }

  test('a create by model, and what it comes to', async () => {
    const answer = await ask(step('create_by_model', 0));
    assert.equal(answer.status, 201);
    same(answer.text, step('create_by_model', 0).response.body, { adds: kNewer });
    const last = await relay.api.finished(answer.json().id);
    same(last, step('create_by_model', 2).response.body, { adds: ['data_removed', 'source', 'urls.web'] });
  });

  test('a create by version, and what it comes to', async () => {
    const answer = await ask(step('create_by_version', 0));
    assert.equal(answer.status, 201);
    same(answer.text, step('create_by_version', 0).response.body, { adds: kNewer });
    const last = await relay.api.finished(answer.json().id);
    const adds = ['data_removed', 'source', 'urls.web'];
    same(last, step('create_by_version', 1).response.body, { adds, drops: kOlder, anyOrder: true });
  });

  test('a blocking create: the end is shown, where theirs may still say processing', async () => {
    const answer = await ask(step('create_blocking', 0), { prefer: 'wait' });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers['preference-applied'], 'wait');
    const adds = ['source', 'urls.web', 'started_at', 'completed_at', 'metrics'];
    same(answer.text, step('create_blocking', 0).response.body, { adds, says: { status: 'succeeded' } });
    same(await relay.api.prediction(answer.json().id), step('create_blocking', 1).response.body);
  });

  test('the newest form comes out as it is, also of a failure', async () => {
    const answer = await ask(step('create_newest', 0));
    assert.equal(answer.status, 201);
    same(answer.text, step('create_newest', 0).response.body);
    same(await relay.api.finished(answer.json().id), step('create_newest', 1).response.body);
  });

  test('a cancel', async () => {
    const answer = await ask(step('cancel', 0));
    same(answer.text, step('cancel', 0).response.body, { adds: kNewer });
    const running = await relay.api.finished(answer.json().id, (p) => p.status === 'processing');
    same(running, step('cancel', 1).response.body, { adds: kNewer });
    const canceled = await relay.api.post(`/predictions/${running.id}/cancel`, '');
    assert.equal(canceled.status, 200);
    // It is answered at once, before the upstream has been told: the times of the end are ours.
    const drops = [...kOlder, 'completed_at', 'metrics', 'logs'];
    const adds = ['data_removed', 'source', 'urls.web', 'completed_at', 'metrics', 'logs'];
    same(canceled.text, step('cancel', 2).response.body, { adds, drops, anyOrder: true });
    assert.equal(canceled.json().logs, '', 'a string, where theirs was null: a client needs one');
    assert.deepEqual(Object.keys(canceled.json().metrics), ['predict_time', 'total_time']);
  });

  test('a training, and what it comes to', async () => {
    const answer = await ask(step('trainings', 0));
    assert.equal(answer.status, 201);
    // Theirs named the predictions' addresses in this one answer.
    const urls = { 'urls.cancel': '@/trainings/@/cancel', 'urls.get': '@/trainings/@' };
    same(answer.text, step('trainings', 0).response.body, { adds: kNewer, says: urls });
    const { id } = answer.json();
    const last = await until('the end', async () => {
      const now = (await relay.api.get(`/trainings/${id}`)).json();
      return now.completed_at ? now : null;
    });
    same(last, step('trainings', 1).response.body, { adds: ['data_removed', 'source', 'urls.web'] });
  });

  test('a training whose destination is none is refused in their words', async () => {
    const { request, response } = step('trainings', 2);
    const path = request.path.replace(/^\/v1/, '');
    const answer = await relay.api.post(path, {
      destination: '<invalid>',
      input: { input_images: 'https://x.example/a.zip' },
    });
    assert.equal(answer.status, 404);
    assert.deepEqual(answer.json(), response.body);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
  });

  for (const { request, response } of recorded.refusals) {
    test(`POST ${request.path}: ${response.status} comes out byte for byte`, async () => {
      const answer = await ask({ request: { ...request, body: { ...request.body, input: {} } } });
      assert.equal(answer.status, response.status);
      assert.equal(answer.text, JSON.stringify(response.body));
      assert.equal(answer.headers['content-type'], 'application/problem+json');
    });
  }

  test('a bad key is refused here, in the official words, and asks nobody', async () => {
    const stranger = new Api(relay.server, { key: 'hk-nobody' });
    const answer = await stranger.post('/predictions', { version: 'f'.repeat(64), input: {} });
    assert.equal(answer.status, 401);
    assert.deepEqual(Object.entries(answer.json()), [
      ['title', 'Unauthenticated'],
      ['detail', 'You did not pass a valid authentication token'],
      ['status', 401],
    ]);
    assert.ok(!relay.stub.entries().some(({ body }) => body?.version === 'f'.repeat(64)));
  });
});

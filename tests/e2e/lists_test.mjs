// SPDX-License-Identifier: Apache-2.0
// The list of predictions and its cursors.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, kLlama } from './support/http.mjs';
import { startServer } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0', '--rate-limits-creates', '0'] });
const api = new Api(server, { mount: '/replicate/v1' });

const created = [];
for (let i = 0; i < 230; ++i) created.push(await api.create(kLlama, { prompt: `number ${i}`, max_tokens: 1 }));
const newestFirst = created.map((p) => p.id).reverse();
const ids = (page) => page.results.map((p) => p.id);

async function page(path) {
  const url = path.startsWith('http') ? path.slice((server.origin + '/replicate/v1').length) : path;
  const answer = await api.get(url);
  assert.equal(answer.status, 200, answer.text);
  const found = answer.json();
  assert.deepEqual(Object.keys(found), ['next', 'previous', 'results']);
  return found;
}

test('pages of a hundred, newest first, linked by absolute URLs with a cursor', async () => {
  const first = await page('/predictions');
  assert.deepEqual(ids(first), newestFirst.slice(0, 100));
  assert.equal(first.previous, null);
  assert.ok(first.next.startsWith(`${server.origin}/replicate/v1/predictions?`));
  assert.ok(new URL(first.next).searchParams.get('cursor'));

  const second = await page(first.next);
  assert.deepEqual(ids(second), newestFirst.slice(100, 200));
  const third = await page(second.next);
  assert.deepEqual(ids(third), newestFirst.slice(200));
  assert.equal(third.next, null);
});

test('previous leads back to where one came from', async () => {
  const second = await page((await page('/predictions')).next);
  const third = await page(second.next);
  const back = await page(third.previous);
  assert.deepEqual(ids(back), newestFirst.slice(100, 200));
  const start = await page(back.previous);
  assert.deepEqual(ids(start), newestFirst.slice(0, 100));
  assert.equal(start.previous, null);
  assert.deepEqual(ids(await page(start.next)), newestFirst.slice(100, 200));
});

test('new predictions do not shift a page that is being walked', async () => {
  await server.makeAccount('walker');
  const other = new Api(server, { key: await server.makeKey('walker', '--account', 'walker') });
  const mine = [];
  for (let i = 0; i < 101; ++i) mine.push((await other.create(kLlama, { prompt: 'x', max_tokens: 1 })).id);
  const first = (await other.get('/predictions')).json();
  await other.create(kLlama, { prompt: 'late', max_tokens: 1 });
  const second = (await other.get(`/predictions${new URL(first.next).search}`)).json();
  assert.deepEqual(ids(second), [mine[0]]);
});

test('created_after includes its instant, created_before does not', async () => {
  const at = created[120].created_at;
  const older = await page(`/predictions?created_before=${encodeURIComponent(at)}`);
  assert.equal(ids(older)[0], created.filter((p) => p.created_at < at).at(-1).id);
  const newer = [];
  for (let next = `/predictions?created_after=${encodeURIComponent(at)}`; next;) {
    const found = await page(next);
    newer.push(...ids(found));
    next = found.next;
  }
  assert.deepEqual(
    newer,
    created
      .filter((p) => p.created_at >= at)
      .map((p) => p.id)
      .reverse(),
  );
  const none = await page(
    `/predictions?created_after=${encodeURIComponent(at)}&created_before=${encodeURIComponent(at)}`,
  );
  assert.deepEqual(none.results, []);
});

test('an item of the list is the prediction as it is read alone', async () => {
  const last = await api.finished(created.at(-1).id);
  assert.deepEqual((await page('/predictions')).results[0], last);
});

test('the address that the Go client glues together works', async () => {
  const { next } = await page('/predictions');
  const answer = await api.get(`/${next}`);
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(ids(answer.json()), newestFirst.slice(100, 200));
});

test('source=web lists nothing, since everything here came through the API', async () => {
  assert.deepEqual((await page('/predictions?source=web')).results, []);
});

test('cursors, times and sources that make no sense are refused', async () => {
  for (const query of [
    'cursor=garbage',
    'created_after=yesterday',
    'created_before=2026-13-01T00:00:00Z',
    'source=api',
  ]) {
    const answer = await api.get(`/predictions?${query}`);
    assert.equal(answer.status, 400, query);
    assert.match(answer.headers['content-type'], /problem\+json/);
  }
});

// SPDX-License-Identifier: Apache-2.0
// Event streams: live, replayed and resumed, of text and of files.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, kFlux, kLlama, send, smallImage } from './support/http.mjs';
import { parseEvents, readStream } from './support/sse.mjs';
import { startServer } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0'] });
const api = new Api(server);

const story = await api.run(kLlama, { prompt: 'Tell a story\nof two lines.', max_tokens: 60 });
const text = (events) =>
  events
    .filter((e) => e.event === 'output')
    .map((e) => e.data)
    .join('');

test('a stream opened after the end replays every chunk and closes with done', async () => {
  const answer = await readStream(story.urls.stream);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'].split(';')[0], 'text/event-stream');
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.ok(answer.complete);
  const events = parseEvents(answer.text);
  assert.deepEqual(
    events.map((e) => e.event),
    [...story.output.map(() => 'output'), 'done'],
  );
  assert.deepEqual(
    events.slice(0, -1).map((e) => e.data),
    story.output,
  );
  assert.equal(events.at(-1).data, '{}');
});

test('ids are of the documented form, ascend without gaps, and none comes twice', async () => {
  const events = parseEvents((await readStream(story.urls.stream)).text);
  const seconds = Math.floor(Date.parse(story.created_at) / 1000);
  for (const [i, event] of events.slice(0, -1).entries()) assert.equal(event.id, `${seconds}:${i}`);
  assert.equal(new Set(events.map((e) => e.id)).size, events.length);
});

test('a stream goes on behind the Last-Event-ID', async () => {
  const all = parseEvents((await readStream(story.urls.stream)).text);
  for (const at of [0, 3, all.length - 2]) {
    const headers = { 'last-event-id': all[at].id };
    const rest = parseEvents((await readStream(story.urls.stream, { headers })).text);
    assert.deepEqual(rest, all.slice(at + 1));
  }
  const unknown = await readStream(story.urls.stream, { headers: { 'last-event-id': '1:1' } });
  assert.deepEqual(parseEvents(unknown.text), all);
});

test('a stream opened before the output follows it live', async () => {
  const created = await api.create(kLlama, { prompt: 'Slowly. [sandbox:pause=40ms]', max_tokens: 30 });
  const seen = new Set();
  const answer = await readStream(created.urls.stream, { onText: (sofar) => seen.add(sofar.length) });
  assert.ok(seen.size > 3, `the stream came in ${seen.size} pieces`);
  const done = await api.finished(created.id);
  const events = parseEvents(answer.text);
  assert.deepEqual(
    events.slice(0, -1).map((e) => e.data),
    done.output,
  );
  assert.equal(events.at(-1).event, 'done');
});

test('a reader that broke off midway gets the missing part', async () => {
  const created = await api.create(kLlama, { prompt: 'Interrupted. [sandbox:pause=40ms]', max_tokens: 30 });
  const cut = await readStream(created.urls.stream, {
    onText: (sofar, leave) => {
      if (sofar.split('\n\n').length > 3) leave();
    },
  });
  const whole = cut.text.slice(0, cut.text.lastIndexOf('\n\n') + 2);
  const before = parseEvents(whole);
  assert.ok(
    before.every((e) => e.event === 'output'),
    'the stream was over before it could be cut',
  );
  const headers = { 'last-event-id': before.at(-1).id };
  const rest = parseEvents((await readStream(created.urls.stream, { headers })).text);
  const done = await api.finished(created.id);
  assert.equal(text(before) + text(rest), done.output.join(''));
});

test('a failure is an error event and then done', async () => {
  const created = await api.create(kLlama, {
    prompt: '[sandbox:fail-after=2] [sandbox:fail=lost the thread]',
    max_tokens: 30,
  });
  const events = parseEvents((await readStream(created.urls.stream)).text).slice(-2);
  const { error } = await api.finished(created.id);
  assert.deepEqual(
    events.map((e) => [e.event, JSON.parse(e.data)]),
    [
      ['error', { detail: error }],
      ['done', { reason: 'error' }],
    ],
  );
});

test('whoever comes back behind error or done gets the same ids, and no error twice', async () => {
  const failing = { prompt: '[sandbox:fail-after=2] [sandbox:fail=lost the thread]', max_tokens: 30 };
  const failed = await api.run(kLlama, failing);
  for (const p of [failed, story]) {
    const all = parseEvents((await readStream(p.urls.stream)).text);
    for (const [i, { id }] of all.entries()) {
      const rest = parseEvents((await readStream(p.urls.stream, { headers: { 'last-event-id': id } })).text);
      assert.deepEqual(rest, all.slice(Math.min(i + 1, all.length - 1)), id);
    }
  }
});

test('a cancel ends the stream with its reason', async () => {
  const created = await api.create(kLlama, { prompt: '[sandbox:pause=60s]', max_tokens: 30 });
  let canceled = null;
  const answer = await readStream(created.urls.stream, {
    onText: () => (canceled ??= api.post(`/predictions/${created.id}/cancel`, '')),
  });
  assert.equal((await canceled).status, 200);
  const last = parseEvents(answer.text).at(-1);
  assert.deepEqual([last.event, last.data], ['done', '{"reason":"canceled"}']);
});

test('a file model streams its links, under the path that clients know file streams by', async () => {
  const created = await api.create(kFlux, { ...smallImage('fox'), num_outputs: 2 });
  assert.ok(new URL(created.urls.stream).pathname.startsWith('/v1/files/'));
  const other = await new Api(server, { mount: '/replicate/v1' }).create(kFlux, smallImage('fox'));
  assert.ok(new URL(other.urls.stream).pathname.startsWith('/v1/files/'));
  const events = parseEvents((await readStream(created.urls.stream)).text);
  const done = await api.finished(created.id);
  assert.deepEqual(
    events.slice(0, -1).map((e) => e.data),
    done.output,
  );
  assert.equal((await send(server.origin, events[0].data)).status, 200);
});

test('a browser of another origin may read a stream with credentials', async () => {
  const answer = await readStream(story.urls.stream, { headers: { origin: 'https://page.example' } });
  assert.equal(answer.headers['access-control-allow-origin'], 'https://page.example');
  assert.equal(answer.headers['access-control-allow-credentials'], 'true');
  assert.match(answer.headers.vary, /origin/i);
});

test('a changed stream address opens nothing', async () => {
  const url = story.urls.stream;
  for (const changed of [
    url.slice(0, -1),
    `${url}0`,
    url.slice(0, -3) + (url.at(-3) === '7' ? '8' : '7') + url.slice(-2),
  ]) {
    assert.equal((await readStream(changed)).status, 404);
  }
});

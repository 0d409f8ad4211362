// SPDX-License-Identifier: Apache-2.0
// Event streams through a relay: a second server, with its sandbox, is the upstream of the first.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, isTerminal, kLlama } from './support/http.mjs';
import { startMeddler } from './support/meddler.mjs';
import { parseEvents, readStream } from './support/sse.mjs';
import { startServer, tempFolder, Server, until } from './support/server.mjs';

const upstream = await startServer({ after });
const up = new Api(upstream);
const kSlowly = { prompt: 'Tell a story slowly. [sandbox:pause=60ms]', max_tokens: 40 };

/** A server in front of `upstream` behind a proxy of its own: {server, api, meddler}. */
async function startFront(t) {
  const meddler = await startMeddler(t, upstream.origin);
  const options = { args: ['--replicate-url', meddler.origin], env: { REPLICATE_API_TOKEN: upstream.key } };
  const server = await startServer(t, options);
  return { server, api: new Api(server), meddler };
}

const isPoll = ({ method, url }) => method === 'GET' && /^\/v1\/predictions\/[a-z0-9]+$/.test(url);
const isStream = ({ url }) => /\/streams\//.test(url);
/** Of a prediction that runs, states show no more than that its output is a list: text can only come by the stream. */
const hideOutput = (request, object) => {
  for (const p of object.results ?? [object]) if (p.status === 'processing' && p.output) p.output = [];
};
const outputs = (events) => events.filter(({ event }) => event === 'output');
const datas = (events) => outputs(events).map(({ data }) => data);
/** The prediction as the upstream has it. */
const atUpstream = async (prompt) => {
  const { results } = (await up.get('/predictions')).json();
  for (const { id } of results) {
    const p = await up.prediction(id);
    if (p.input.prompt === prompt) return p;
  }
  return null;
};
const input = (name) => ({ ...kSlowly, prompt: `${name}. ${kSlowly.prompt}` });

test('text comes by the upstream\'s stream while the model runs, and ends as the upstream\'s output', async (t) => {
  const { api, meddler } = await startFront(t);
  meddler.meddle.change = hideOutput;
  const asked = input('Live');
  const created = await api.create(kLlama, asked);
  let seen = null;
  const answer = await readStream(created.urls.stream, {
    onText: (sofar) => {
      if (parseEvents(sofar.slice(0, sofar.lastIndexOf('\n\n') + 2)).length >= 3) seen ??= atUpstream(asked.prompt);
    },
  });
  assert.equal((await seen).status, 'processing', 'the upstream had not ended when its first words were here');
  const done = await api.finished(created.id);
  const theirs = await atUpstream(asked.prompt);
  assert.equal(done.status, 'succeeded');
  assert.deepEqual(done.output, theirs.output);
  const events = parseEvents(answer.text);
  assert.deepEqual(datas(events), theirs.output);
  assert.equal(events.at(-1).event, 'done');
  const streams = meddler.requests.filter(isStream);
  assert.equal(streams.length, 1);
  assert.equal(streams[0].headers.accept, 'text/event-stream');
});

test('a reader of the front that broke off goes on behind its Last-Event-ID', async (t) => {
  const { api } = await startFront(t);
  const created = await api.create(kLlama, input('Twice read'));
  const cut = await readStream(created.urls.stream, {
    onText: (sofar, leave) => {
      if (sofar.split('\n\n').length > 4) leave();
    },
  });
  const before = parseEvents(cut.text.slice(0, cut.text.lastIndexOf('\n\n') + 2));
  assert.ok(before.every(({ event }) => event === 'output'));
  const headers = { 'last-event-id': before.at(-1).id };
  const rest = parseEvents((await readStream(created.urls.stream, { headers })).text);
  const done = await api.finished(created.id);
  assert.deepEqual([...datas(before), ...datas(rest)], done.output);
});

test('a stream of the upstream that breaks goes on where it was, without loss or doubling', async (t) => {
  const { api, meddler } = await startFront(t);
  meddler.meddle.change = hideOutput;
  // Each connection brings a few whole events and half of one.
  const size = (piece) => Math.floor(piece.length / 2);
  meddler.meddle.cut = (request, before, piece) => (before.split('\n\n').length > 5 ? size(piece) : undefined);
  const asked = input('Broken');
  const created = await api.create(kLlama, asked);
  const events = parseEvents((await readStream(created.urls.stream)).text);
  const done = await api.finished(created.id);
  const theirs = await atUpstream(asked.prompt);
  assert.deepEqual(done.output, theirs.output);
  assert.deepEqual(datas(events), theirs.output);
  assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
  const resumed = meddler.requests.filter(isStream).map(({ headers }) => headers['last-event-id']);
  assert.ok(resumed.length >= 3, `${resumed.length} connections`);
  assert.equal(resumed[0], undefined);
  assert.ok(
    resumed.slice(1).every((id) => /^\d+:\d+$/.test(id)),
    resumed.join(' '),
  );
  const places = resumed.slice(1).map((id) => Number(id.split(':')[1]));
  assert.ok(
    places.every((place, i) => i === 0 || place > places[i - 1]),
    `it went on: ${places}`,
  );
});

test('without the upstream\'s stream, text comes from its states', async (t) => {
  const { api, meddler } = await startFront(t);
  meddler.meddle.refuse = (request) => (isStream(request) ? 404 : 0);
  const asked = input('Polled');
  const created = await api.create(kLlama, asked);
  const seen = new Set();
  const answer = await readStream(created.urls.stream, { onText: (sofar) => seen.add(sofar.length) });
  const done = await api.finished(created.id);
  assert.deepEqual(done.output, (await atUpstream(asked.prompt)).output);
  assert.deepEqual(datas(parseEvents(answer.text)), done.output);
  assert.ok(seen.size > 1, 'it came in pieces');
  assert.equal(meddler.requests.filter(isStream).length, 1, 'a stream that was refused is not asked for again');
});

test('a failure and a cancel end the stream as the upstream says', async (t) => {
  const { api } = await startFront(t);
  const failing = await api.create(kLlama, {
    prompt: 'Fails. [sandbox:fail-after=3] [sandbox:fail=lost the thread] [sandbox:pause=60ms]',
    max_tokens: 40,
  });
  const events = parseEvents((await readStream(failing.urls.stream)).text);
  const failed = await api.finished(failing.id);
  assert.equal(failed.status, 'failed');
  assert.deepEqual(
    events.slice(-2).map(({ event, data }) => [event, JSON.parse(data)]),
    [
      ['error', { detail: failed.error }],
      ['done', { reason: 'error' }],
    ],
  );

  const created = await api.create(kLlama, { prompt: 'Canceled. [sandbox:pause=60s]', max_tokens: 40 });
  let canceled = null;
  const answer = await readStream(created.urls.stream, {
    onText: () => (canceled ??= api.post(`/predictions/${created.id}/cancel`, '')),
  });
  assert.equal((await canceled).status, 200);
  const last = parseEvents(answer.text).at(-1);
  assert.deepEqual([last.event, last.data], ['done', '{"reason":"canceled"}']);
});

test('a token that the upstream writes into its text reaches nobody', async (t) => {
  const { api } = await startFront(t);
  const created = await api.create(kLlama, {
    prompt: `Say ${upstream.key} again. [sandbox:pause=20ms]`,
    max_tokens: 60,
    min_tokens: 60,
  });
  const { text } = await readStream(created.urls.stream);
  const done = await api.finished(created.id);
  const said = done.output.join('');
  assert.ok((await atUpstream(done.input.prompt)).output.join('').includes(upstream.key), 'the upstream said it');
  assert.ok(said.includes('Say *** again'), said);
  assert.ok(!said.includes(upstream.key) && !datas(parseEvents(text)).join('').includes(upstream.key));
  assert.equal(datas(parseEvents(text)).join(''), said);
});

test('after a kill the stream is taken up again, and nobody sees anything twice', async (t) => {
  const meddler = await startMeddler(t, upstream.origin);
  const folder = tempFolder(t);
  const options = {
    folder,
    args: ['--replicate-url', meddler.origin],
    env: { REPLICATE_API_TOKEN: upstream.key },
  };
  const first = await startServer(t, options);
  const asked = input('Killed');
  const created = await new Api(first).create(kLlama, { ...asked, max_tokens: 80, min_tokens: 80 });
  let killed = null;
  const cut = await readStream(created.urls.stream, {
    onText: (sofar) => {
      if (sofar.split('\n\n').length > 6) killed ??= first.stop('SIGKILL');
    },
  });
  await killed;
  const before = parseEvents(cut.text.slice(0, cut.text.lastIndexOf('\n\n') + 2));
  assert.ok(before.length >= 5 && before.every(({ event }) => event === 'output'));

  const second = await Server.start({ ...options, key: false });
  t.after(async () => {
    await second.stop('SIGKILL');
    second.checkSanitizers();
  });
  second.key = first.key;
  const api = new Api(second);
  const stream = second.origin + new URL(created.urls.stream).pathname;
  const headers = { 'last-event-id': before.at(-1).id };
  const rest = parseEvents((await readStream(stream, { headers })).text);
  const done = await api.finished(created.id);
  const theirs = await until('the upstream to end', async () => {
    const p = await atUpstream(asked.prompt);
    return isTerminal(p.status) ? p : null;
  });
  assert.deepEqual(done.output, theirs.output);
  assert.deepEqual([...datas(before), ...datas(rest)], done.output);
  assert.equal(meddler.requests.filter(({ method }) => method === 'POST').length, 1);
});

test('streams save requests: a long one is hardly asked for', async (t) => {
  const { api, meddler } = await startFront(t);
  const created = await api.create(kLlama, { prompt: 'Long. [sandbox:pause=60ms]', max_tokens: 120, min_tokens: 120 });
  await readStream(created.urls.stream);
  const done = await api.finished(created.id);
  const seconds = (Date.parse(done.completed_at) - Date.parse(done.started_at)) / 1000;
  const polls = meddler.requests.filter(isPoll).length;
  // At most one in two seconds, one to see it start, and those that its end asks for.
  assert.ok(polls <= seconds / 2 + 8, `${polls} requests in ${seconds} s`);
});

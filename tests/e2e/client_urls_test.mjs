// SPDX-License-Identifier: Apache-2.0
// The addresses that clients make of their base URL: each leads to the same handlers, and answers name the right mount.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, kFlux, kLlama, send, sendRaw, smallImage } from './support/http.mjs';
import { startServer } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0', '--rate-limits-creates', '0'] });
const api = new Api(server);
const kCreate = `/models/${kFlux}/predictions`;

// Three pages of predictions in one account, and the lists that clients page through.
await server.makeAccount('pages');
const pagesKey = await server.makeKey('pages', '--account', 'pages');
const writer = new Api(server, { key: pagesKey });
const made = [];
for (let i = 0; i < 205; ++i) made.push((await writer.create(kLlama, { prompt: `${i}`, max_tokens: 1 })).id);
const newestFirst = made.reverse();
const ids = (page) => page.results.map((p) => p.id);

/** [where requests come in, the mount that answers name]. */
const mounts = [
  ['/v1', '/v1'],
  ['/replicate/v1', '/replicate/v1'],
  ['/v1/v1', '/v1'],
  ['/replicate/v1/v1', '/replicate/v1'],
  ['/replicate', '/replicate/v1'],
];
for (const [mount, canonical] of mounts) {
  const at = new Api(server, { mount });
  const base = server.origin + canonical;

  test(`${mount}: a POST creates, and its links name ${canonical}`, async () => {
    const answer = await at.post(kCreate, { input: smallImage('fox') }, { prefer: 'wait=50' });
    assert.equal(answer.status, 201, answer.text);
    const { id, urls, output } = answer.json();
    assert.equal(answer.headers.location, `${base}/predictions/${id}`);
    assert.equal(urls.get, `${base}/predictions/${id}`);
    assert.equal(urls.cancel, `${base}/predictions/${id}/cancel`);
    assert.equal(urls.web, `${server.origin}/p/${id}`);
    assert.ok(urls.stream.startsWith(`${server.origin}/v1/files/`), 'clients know a stream of files by this path');
    assert.ok(output[0].startsWith(`${server.origin}/delivery/`));
    for (const url of [urls.get, urls.stream, output[0], urls.web]) {
      assert.equal((await send(server.origin, url, { headers: at.headers })).status, 200, url);
    }
    assert.equal((await send(server.origin, urls.cancel, { method: 'POST', headers: at.headers })).status, 200);

    const text = (await at.post(`/models/${kLlama}/predictions`, { input: { prompt: 'x', max_tokens: 1 } })).json();
    assert.ok(text.urls.stream.startsWith(`${base}/streams/`));
    assert.equal((await send(server.origin, text.urls.stream)).status, 200);
  });

  test(`${mount}: a GET reads, whatever mount made the object`, async () => {
    const { id } = await api.create(kFlux, smallImage('fox'));
    const answer = await at.get(`/predictions/${id}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.json().urls.get, `${base}/predictions/${id}`);
    const model = (await at.get(`/models/${kFlux}`)).json();
    assert.equal(model.url, `${base}/models/${kFlux}`);
    for (const path of ['/account', '/trainings', '/collections', '/hardware', '/webhooks/default/secret', '/deployments', '/files']) {
      assert.equal((await at.get(path)).status, 200, path);
    }
  });

  test(`${mount}: a list is walked by cursor to its end`, async () => {
    const reader = new Api(server, { mount, key: pagesKey });
    const seen = [];
    let answer = await reader.get('/predictions');
    for (let pages = 1; ; ++pages) {
      assert.equal(answer.status, 200, answer.text);
      const page = answer.json();
      seen.push(...ids(page));
      assert.ok(page.results.every((p) => p.urls.get.startsWith(`${base}/predictions/`)));
      if (page.next === null) {
        assert.equal(pages, 3);
        break;
      }
      assert.ok(page.next.startsWith(`${base}/predictions?`), page.next);
      const { searchParams } = new URL(page.next);
      answer = await reader.get(`/predictions?cursor=${encodeURIComponent(searchParams.get('cursor'))}`);
    }
    assert.deepEqual(seen, newestFirst);
  });

  test(`${mount}: next and previous, glued behind the base as the Go client does, lead through all pages`, async () => {
    const reader = new Api(server, { mount, key: pagesKey });
    const first = (await reader.get('/predictions')).json();
    const second = (await reader.get(`/${first.next}`)).json();
    const third = (await reader.get(`/${second.next}`)).json();
    assert.deepEqual([...ids(first), ...ids(second), ...ids(third)], newestFirst);
    assert.equal(third.next, null);
    assert.ok(second.next.startsWith(`${base}/predictions?`), 'links stay plain');
    const back = (await reader.get(`/${third.previous}`)).json();
    assert.deepEqual(ids(back), ids(second));
    // The relative form, which the same client is tested with by its authors.
    const relative = first.next.slice(base.length);
    assert.deepEqual(ids((await reader.get(relative)).json()), ids(second));
  });

  test(`${mount}: a QUERY searches`, async () => {
    const answer = await send(server.origin, `${mount}/models`, { method: 'QUERY', headers: at.headers, body: 'llama' });
    assert.equal(answer.status, 200);
    const { results } = answer.json();
    assert.equal(`${results[0].owner}/${results[0].name}`, kLlama);
    assert.equal(results[0].url, `${base}/models/${kLlama}`);
  });
}

test('a glued address needs the key as the plain one does, and names nothing but lists', async () => {
  const { next } = (await writer.get('/predictions')).json();
  assert.equal((await send(server.origin, `/v1/${next}`)).status, 401);
  const other = new Api(server);
  assert.equal((await other.get(`/${next}`)).status, 400, 'the cursor of another account is none here');
  for (const path of ['/predictions/nothing', '/account', '']) {
    assert.equal((await writer.get(`/${server.origin}/v1${path}`)).status, 404, path);
  }
});

test('every list that clients page through can be glued', async () => {
  for (const path of ['/predictions', '/trainings', '/deployments', '/files', '/models', `/models/${kFlux}/versions`]) {
    const plain = (await api.get(path)).json();
    const glued = await api.get(`/${server.origin}/v1${path}`);
    assert.equal(glued.status, 200, path);
    // By name alone: what runs may have gone on between the two.
    const names = ({ results }) => results.map((item) => item.id ?? `${item.owner}/${item.name}`);
    assert.deepEqual(names(glued.json()), names(plain), path);
  }
  for (const path of ['/models/versions', '/models//x/versions', '/models/nobody/nothing/versions', '/x/y/versions']) {
    assert.equal((await api.get(`/${server.origin}/v1${path}`)).status, 404, path);
  }
});

test('a glued address may name any host of this server, with http or https', async () => {
  const { next } = (await writer.get('/predictions')).json();
  const { pathname, search } = new URL(next);
  for (const origin of ['https://hekto.example', 'http://hekto.example:8443', 'https://[::1]']) {
    const page = (await writer.get(`/${origin}${pathname}${search}`)).json();
    assert.deepEqual(ids(page), newestFirst.slice(100, 200), origin);
  }
});

test('a trailing slash and a doubled one name nothing: 404, and never a redirect', async () => {
  for (const path of [
    '/v1/predictions/',
    '/v1//predictions',
    '//v1/predictions',
    '/replicate//v1/predictions',
    '/replicate/v1/models/',
    `/v1/models/${kFlux}/`,
    '/v1/v1/v1/predictions',
    '/replicate/replicate/v1/predictions',
    '/predictions',
  ]) {
    const text = await sendRaw(
      server,
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.key}\r\nConnection: close\r\n\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 404 /, path);
    assert.doesNotMatch(text, /\r\nlocation:/i, path);
    assert.match(text, /\r\ncontent-type: application\/problem\+json/i, path);
  }
});

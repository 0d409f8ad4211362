// SPDX-License-Identifier: Apache-2.0
// What there is to run: models in pages and sorted, search, collections, readmes, examples.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import Replicate from 'replicate';

import { Api, kFlux, kLlama, send } from './support/http.mjs';
import { startServer, tempFolder } from './support/server.mjs';

const kNotFound = '{"detail":"The requested resource could not be found.","status":404}';
const folder = tempFolder({ after });
const models = join(folder, 'models');
mkdirSync(models);

/** A catalog of thirty models, one with everything that can be said of one. */
const day = (n) => new Date(Date.UTC(2025, 0, 1 + n)).toISOString();
for (let i = 0; i < 30; ++i) {
  writeFileSync(
    join(models, `m${i}.yaml`),
    `owner: acme
name: model-${i}
description: The ${i % 2 ? 'odd' : 'even'} one
created_at: ${day(100 - i)}
version:
  created_at: ${day(200 + i)}
  input: {properties: {prompt: {type: string}}}
  output: text
${i === 7 ? `tags: [zebra]
readme: |
  # Model seven

  Tells about quaggas.
examples:
  - {input: {prompt: hello}, output: "good day", logs: "x\\n", seconds: 2}
` : ''}`,
  );
}
writeFileSync(
  join(models, 'private.yaml'),
  `owner: acme
name: hidden-zebra
visibility: private
created_at: ${day(0)}
version: {input: {properties: {prompt: {type: string}}}, output: text}
`,
);
writeFileSync(
  join(models, 'sets.yaml'),
  `collections:
  - {slug: animals, name: Animals, description: About zebras, full_description: "# All", models: [acme/model-7, ${kFlux}]}
`,
);

const server = await startServer({ after }, { args: ['--sandbox-speed', '0', '--models', models] });
const api = new Api(server);
const client = (mount) => new Replicate({ auth: server.key, baseUrl: server.origin + mount });
const names = (results) => results.map((model) => `${model.owner}/${model.name}`);
const query = (body, type, mount = '/v1') =>
  send(server.origin, `${mount}/models`, { method: 'QUERY', headers: { ...api.headers, 'content-type': type }, body });

for (const mount of ['/v1', '/replicate/v1']) {
  test(`${mount}: the official client pages through all models and searches them`, async () => {
    const replicate = client(mount);
    const pages = [];
    for await (const results of replicate.paginate(replicate.models.list)) pages.push(names(results));
    assert.deepEqual(pages.map((page) => page.length), [25, 21]);
    assert.equal(new Set(pages.flat()).size, 46);
    assert.equal(pages[0][0], 'acme/model-29', 'newest version first');
    assert.ok(!pages.flat().includes('acme/hidden-zebra'));

    assert.deepEqual(names((await replicate.models.search('quagga')).results), ['acme/model-7']);
    assert.equal(names((await replicate.models.search('llama')).results)[0], kLlama);
  });

  test(`${mount}: the official client reads collections`, async () => {
    const replicate = client(mount);
    const listed = await replicate.collections.list();
    assert.deepEqual([listed.next, listed.previous], [null, null]);
    const animals = listed.results.find((collection) => collection.slug === 'animals');
    assert.deepEqual(animals, { name: 'Animals', slug: 'animals', description: 'About zebras' });
    const whole = await replicate.collections.get('animals');
    assert.equal(whole.full_description, '# All');
    assert.deepEqual(names(whole.models), ['acme/model-7', kFlux]);
    assert.ok(whole.models[0].url.startsWith(`${server.origin}${mount}/models/`));
    await assert.rejects(replicate.collections.get('none'), (error) => error.response.status === 404);
  });
}

test('models are sorted as asked, and a cursor keeps the order', async () => {
  const list = async (path) => (await api.get(path)).json();
  const oldest = await list('/models?sort_by=model_created_at&sort_direction=asc');
  const times = oldest.results.map((model) => model.created_at);
  assert.deepEqual(times, [...times].sort());
  const cursor = new URL(oldest.next).searchParams.get('cursor');
  const second = await list(`/models?cursor=${cursor}`);
  assert.ok(second.results[0].created_at >= times.at(-1));
  assert.equal(second.next, null);
  const back = (await send(server.origin, second.previous, { headers: api.headers })).json();
  assert.deepEqual(back.results, oldest.results);
  const newest = await list('/models?sort_by=model_created_at');
  assert.ok(newest.results[0].created_at > newest.results[24].created_at);
  assert.deepEqual((await list(`/${oldest.next}`)).results, second.results, 'a glued next works too');
  for (const bad of ['sort_by=name', 'sort_direction=up', 'cursor=nonsense']) {
    assert.equal((await api.get(`/models?${bad}`)).status, 400, bad);
  }
});

test('a QUERY may bring its text in every form that clients send', async () => {
  for (const [body, type] of [
    ['quagga', 'text/plain'],
    ['"quagga"', 'text/plain'],
    ['"quagga"', 'application/json'],
    ['  quagga\n', 'application/octet-stream'],
  ]) {
    const answer = await query(body, type);
    assert.equal(answer.status, 200);
    const { next, previous, results } = answer.json();
    assert.deepEqual([next, previous, names(results)], [null, null, ['acme/model-7']], `${type} ${body}`);
  }
  assert.equal((await query('', 'text/plain')).json().results.length, 25);
  assert.deepEqual((await query('nothing-of-the-kind', 'text/plain')).json().results, []);
  assert.deepEqual(names((await query('zebra', 'text/plain')).json().results), ['acme/model-7'], 'private ones are not found');
  const nobody = await send(server.origin, '/v1/models', { method: 'QUERY', body: 'llama' });
  assert.equal(nobody.status, 401);
});

test('search needs no key and finds models and collections', async () => {
  const get = (path) => send(server.origin, path);
  const answer = await get('/v1/search?query=zebra');
  assert.equal(answer.status, 200);
  const found = answer.json();
  assert.equal(found.query, 'zebra');
  assert.deepEqual(found.models.map((hit) => hit.model.name), ['model-7']);
  assert.equal(found.models[0].model.url, `${server.origin}/v1/models/acme/model-7`);
  assert.deepEqual(found.models[0].metadata.tags, ['zebra']);
  assert.equal(typeof found.models[0].metadata.generated_description, 'string');
  assert.ok(found.models[0].metadata.score > 0);
  assert.deepEqual(found.collections, [
    { name: 'Animals', slug: 'animals', description: 'About zebras', models: ['acme/model-7', kFlux] },
  ]);
  assert.deepEqual(found.pages, []);
  assert.equal((await get('/replicate/v1/search?query=odd&limit=5')).json().models.length, 5);
  assert.equal((await get('/v1/search?query=acme')).json().models.length, 20);
  assert.equal((await get('/v1/search?query=acme&limit=50')).json().models.length, 30);
  for (const path of ['/v1/search', '/v1/search?query=']) {
    const refused = await get(path);
    assert.deepEqual([refused.status, refused.text], [400, '{"detail":"Query parameter \\"query\\" is required"}']);
  }
  for (const limit of ['0', '51', 'x', '-1', '']) {
    assert.equal((await get(`/v1/search?query=x&limit=${limit}`)).status, 400, limit);
  }
});

test('a model shows its readme and examples', async () => {
  const readme = await api.get('/models/acme/model-7/readme', { accept: 'text/plain' });
  assert.equal(readme.status, 200);
  assert.match(readme.headers['content-type'], /^text\/plain/);
  assert.equal(readme.text, '# Model seven\n\nTells about quaggas.\n');
  assert.equal((await api.get(`/models/${kFlux}/readme`)).status, 200);

  const { results, next, previous } = (await api.get('/models/acme/model-7/examples')).json();
  assert.deepEqual([results.length, next, previous], [1, null, null]);
  const [example] = results;
  const model = (await api.get('/models/acme/model-7')).json();
  assert.deepEqual(model.default_example, example);
  assert.equal(example.version, model.latest_version.id);
  assert.deepEqual(
    [example.model, example.status, example.input, example.output, example.logs, example.error, example.metrics.predict_time],
    ['acme/model-7', 'succeeded', { prompt: 'hello' }, 'good day', 'x\n', null, 2],
  );
  assert.ok(example.urls.get && example.urls.cancel && example.urls.web);
  assert.equal((await api.get(`/models/${kFlux}`)).json().default_example, null);
  assert.deepEqual((await api.get(`/models/${kFlux}/examples`)).json(), { next: null, previous: null, results: [] });

  for (const path of ['/models/acme/model-1/readme', '/models/acme/none/readme', '/models/acme/none/examples', '/collections/none']) {
    const missing = await api.get(path);
    assert.deepEqual([missing.status, missing.text], [404, kNotFound], path);
  }
});

test('what is not open needs a key', async () => {
  for (const path of ['/models', `/models/${kFlux}/readme`, `/models/${kFlux}/examples`, '/collections', '/collections/animals']) {
    assert.equal((await send(server.origin, `/v1${path}`)).status, 401, path);
  }
});

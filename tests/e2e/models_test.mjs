// SPDX-License-Identifier: Apache-2.0
// Models that clients create: their life, who sees them, and who may change them.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import Replicate from 'replicate';

import { Api, kFlux, send } from './support/http.mjs';
import { startServer } from './support/server.mjs';

const args = ['--sandbox-speed', '0'];
const server = await startServer({ after }, { args });
const api = new Api(server);
await server.makeAccount('modelers');
const other = new Api(server, { key: await server.makeKey('modeler', '--account', 'modelers') });
const kNotFound = '{"detail":"The requested resource could not be found.","status":404}';
const kForbidden = '{"title":"Forbidden","detail":"You do not have permission to perform this action.","status":403}';

const request = (method, path, body, to = api) =>
  send(to.origin, to.mount + path, {
    method,
    headers: { ...to.headers, 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
const settings = (name, more = {}) => ({ owner: 'default', name, visibility: 'private', hardware: 'cpu', ...more });
const make = async (name, more) => assert.equal((await request('POST', '/models', settings(name, more))).status, 201);

for (const [i, mount] of ['/v1', '/replicate/v1'].entries()) {
  test(`${mount}: the official client creates a model and goes through its life`, async () => {
    const replicate = new Replicate({ auth: server.key, baseUrl: server.origin + mount });
    const name = `hot-dog-${i}`;
    const created = await replicate.models.create('default', name, {
      visibility: 'private',
      hardware: 'gpu-t4',
      description: 'Detects hot dogs',
      github_url: 'https://github.com/alice/hot-dog',
    });
    const { created_at: at, ...rest } = created;
    assert.match(at, /^\d{4}-.*Z$/);
    assert.deepEqual(rest, {
      url: `${server.origin}${mount}/models/default/${name}`,
      owner: 'default',
      name,
      description: 'Detects hot dogs',
      visibility: 'private',
      is_official: false,
      github_url: 'https://github.com/alice/hot-dog',
      paper_url: null,
      license_url: null,
      weights_url: null,
      cover_image_url: null,
      run_count: 0,
      default_example: null,
      latest_version: null,
    });
    assert.deepEqual(await replicate.models.get('default', name), created);
    assert.deepEqual((await replicate.models.list()).results[0], created, 'the newest');
    assert.deepEqual((await replicate.models.versions.list('default', name)).results, []);
    const updated = await (
      await replicate.request(`/models/default/${name}`, { method: 'PATCH', data: { readme: '# Dog', paper_url: 'https://p.example' } })
    ).json();
    assert.deepEqual(updated, { ...created, paper_url: 'https://p.example' });
    const gone = await replicate.request(`/models/default/${name}`, { method: 'DELETE' });
    assert.equal(gone.status, 204);
    await assert.rejects(replicate.models.get('default', name), (error) => error.response.status === 404);
  });
}

test('what is changed is what is shown, and an empty text takes a value away', async () => {
  await make('changing', { description: null, github_url: null, paper_url: 'https://p.example' });
  const path = '/models/default/changing';
  assert.equal((await api.get(`${path}/readme`)).status, 404);
  const changed = await request('PATCH', path, { description: 'New', readme: '# New', weights_url: 'https://w.example', paper_url: '' });
  assert.equal(changed.status, 200);
  const model = (await api.get(path)).json();
  assert.deepEqual([model.description, model.weights_url, model.paper_url], ['New', 'https://w.example', null]);
  assert.equal((await api.get(`${path}/readme`)).text, '# New');
  assert.deepEqual((await request('PATCH', path, {})).json(), model);
  assert.deepEqual((await api.get(`${path}/examples`)).json().results, []);
  const found = await send(server.origin, '/v1/models', { method: 'QUERY', headers: api.headers, body: 'changing' });
  assert.deepEqual(found.json().results, [model]);
});

test('a model without a version cannot run', async () => {
  await make('idle');
  const run = await request('POST', '/models/default/idle/predictions', { input: {} });
  assert.deepEqual([run.status, run.text], [404, kNotFound]);
  const version = await request('DELETE', `/models/default/idle/versions/${'0'.repeat(64)}`);
  assert.deepEqual([version.status, version.text], [404, kNotFound]);
});

test('bodies that make no model are refused with every problem at once', async () => {
  const fields = (answer) => answer.json().invalid_fields.map(({ type, field }) => `${type} ${field}`);
  assert.deepEqual(fields(await request('POST', '/models', {})), ['required ', 'required ', 'required ', 'required ']);
  const wrong = await request('POST', '/models', settings('Wrong Name', { visibility: 'secret', hardware: 'abacus', x: 1, readme: 'no' }));
  assert.equal(wrong.status, 422);
  assert.deepEqual(fields(wrong).sort(), [
    'additional_property_not_allowed ',
    'additional_property_not_allowed ',
    'enum hardware',
    'enum visibility',
    'pattern name',
  ]);
  await make('taken');
  assert.deepEqual(fields(await request('POST', '/models', settings('taken'))), ['unique name']);
  const foreign = await request('POST', '/models', settings('x', { owner: 'modelers' }));
  assert.deepEqual([foreign.status, foreign.text], [403, kForbidden]);
  assert.equal((await request('PATCH', '/models/default/taken', { visibility: 'public' })).status, 422);
  assert.equal((await send(server.origin, '/v1/models', { method: 'POST', headers: api.headers, body: '{' })).status, 400);
});

test('a private model is for its owner alone, and looks to others like an unknown one', async () => {
  await make('secret-zebra');
  for (const [method, path, body] of [
    ['GET', ''],
    ['GET', '/readme'],
    ['GET', '/examples'],
    ['GET', '/versions'],
    ['PATCH', '', { description: 'x' }],
    ['DELETE', ''],
  ]) {
    const answer = await request(method, `/models/default/secret-zebra${path}`, body, other);
    assert.deepEqual([answer.status, answer.text], [404, kNotFound], `${method} ${path}`);
  }
  assert.ok(!(await other.get('/models')).text.includes('secret-zebra'));
  assert.ok(!(await send(server.origin, '/v1/models', { method: 'QUERY', headers: other.headers, body: 'zebra' })).text.includes('zebra'));
  assert.deepEqual((await send(server.origin, '/v1/search?query=zebra')).json().models, []);
  for (const [method, path] of [['POST', '/models'], ['PATCH', '/models/default/secret-zebra'], ['DELETE', '/models/default/secret-zebra']]) {
    assert.equal((await send(server.origin, `/v1${path}`, { method })).status, 401, method);
  }
  assert.equal((await api.get('/models/default/secret-zebra')).status, 200);
});

test('a public model is seen by all, changed by its owner, and stays', async () => {
  await make('open-quagga', { visibility: 'public' });
  const path = '/models/default/open-quagga';
  assert.equal((await other.get(path)).status, 200);
  assert.ok((await other.get('/models')).text.includes('open-quagga'));
  const found = (await send(server.origin, '/v1/search?query=quagga')).json();
  assert.deepEqual(found.models.map((hit) => hit.model.name), ['open-quagga']);
  for (const [method, body] of [['PATCH', { description: 'mine' }], ['DELETE']]) {
    const answer = await request(method, path, body, other);
    assert.deepEqual([answer.status, answer.text], [403, kForbidden], method);
  }
  assert.equal((await request('PATCH', path, { description: 'still mine' })).status, 200);
  assert.equal((await request('DELETE', path)).status, 403);
});

test("the catalog's models are the operator's", async () => {
  const { latest_version: version } = (await api.get(`/models/${kFlux}`)).json();
  for (const [method, path, body] of [
    ['PATCH', `/models/${kFlux}`, { description: 'x' }],
    ['DELETE', `/models/${kFlux}`],
    ['DELETE', `/models/${kFlux}/versions/${version.id}`],
  ]) {
    assert.equal((await request(method, path, body)).status, 403, `${method} ${path}`);
  }
  assert.equal((await request('DELETE', `/models/${kFlux}/versions/${'0'.repeat(64)}`)).status, 404);
});

test('models last over a restart', async (t) => {
  const first = await startServer(t, { args });
  const created = (await request('POST', '/models', settings('lasting', { description: 'x' }), new Api(first))).json();
  await first.stop();
  const second = await startServer(t, { folder: first.folder, key: false, args });
  const kept = (await new Api(second, { key: first.key }).get('/models/default/lasting')).json();
  assert.deepEqual({ ...kept, url: null }, { ...created, url: null });
});

// SPDX-License-Identifier: Apache-2.0
// Deployments: their life, their releases, predictions through them, and whose they are.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import Replicate from 'replicate';

import { Api, kFlux, kFluxLoraVersion, kLlama, send, smallImage } from './support/http.mjs';
import { startServer } from './support/server.mjs';

const args = ['--sandbox-speed', '0'];
const server = await startServer({ after }, { args });
const api = new Api(server);
const kNotFound = '{"detail":"The requested resource could not be found.","status":404}';

const request = (method, path, body, to = api) =>
  send(to.origin, to.mount + path, {
    method,
    headers: { ...to.headers, 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
const latest = async (model) => (await api.get(`/models/${model}`)).json().latest_version.id;
const fluxVersion = await latest(kFlux);
const llamaVersion = await latest(kLlama);
const settings = (name, more = {}) => ({
  name,
  model: kFlux,
  version: fluxVersion,
  hardware: 'gpu-t4',
  min_instances: 0,
  max_instances: 3,
  ...more,
});

for (const [i, mount] of ['/v1', '/replicate/v1'].entries()) {
  test(`${mount}: the official client goes through the life of a deployment`, async () => {
    const replicate = new Replicate({ auth: server.key, baseUrl: server.origin + mount });
    const name = `painter-${i}`;
    const created = await replicate.deployments.create(settings(name));
    assert.equal(created.owner, 'default');
    assert.equal(created.name, name);
    const { created_at: at, ...release } = created.current_release;
    assert.match(at, /^\d{4}-.*Z$/);
    assert.deepEqual(release, {
      number: 1,
      model: kFlux,
      version: fluxVersion,
      created_by: { type: 'organization', username: 'default', name: 'default' },
      configuration: {
        hardware: 'gpu-t4',
        min_instances: 0,
        max_instances: 3,
        scaling: { min_instances: 0, max_instances: 3 },
      },
    });
    assert.deepEqual(await replicate.deployments.get('default', name), created);
    assert.deepEqual((await replicate.deployments.list()).results[0], created);

    const updated = await replicate.deployments.update('default', name, { min_instances: 1, hardware: 'cpu' });
    assert.equal(updated.current_release.number, 2);
    assert.deepEqual(updated.current_release.configuration, {
      hardware: 'cpu',
      min_instances: 1,
      max_instances: 3,
      scaling: { min_instances: 1, max_instances: 3 },
    });
    const same = await replicate.deployments.update('default', name, { min_instances: 1 });
    assert.deepEqual(same, updated, 'what changes nothing is no release');

    const prediction = await replicate.deployments.predictions.create('default', name, { input: smallImage('a fox') });
    assert.equal(prediction.deployment, name);
    assert.equal(prediction.model, kFlux);
    assert.equal(prediction.version, fluxVersion);
    assert.equal((await replicate.wait(prediction, { interval: 50 })).status, 'succeeded');
    assert.equal((await replicate.predictions.get(prediction.id)).deployment, name);

    assert.equal(await replicate.deployments.delete('default', name), true);
    await assert.rejects(replicate.deployments.get('default', name), (error) => error.response.status === 404);
    const again = await replicate.deployments.create(settings(name));
    assert.equal(again.current_release.number, 1);
    assert.equal(await replicate.deployments.delete('default', name), true);
  });
}

test('creating answers 200, and statuses of the other calls are the official ones', async () => {
  const created = await request('POST', '/deployments', settings('statuses'));
  assert.equal(created.status, 200);
  assert.match(created.headers['content-type'], /^application\/json/);
  const path = '/deployments/default/statuses';
  assert.equal((await request('PATCH', path, { max_instances: 4 })).status, 200);
  const waited = await send(server.origin, `/v1${path}/predictions`, {
    method: 'POST',
    headers: { ...api.headers, prefer: 'wait=30' },
    body: JSON.stringify({ input: smallImage('a fox') }),
  });
  assert.deepEqual([waited.status, waited.json().status, waited.json().deployment], [201, 'succeeded', 'statuses']);
  const gone = await request('DELETE', path);
  assert.deepEqual([gone.status, gone.text], [204, '']);
  for (const answer of [
    await request('DELETE', path),
    await request('GET', path),
    await request('PATCH', path, {}),
    await request('POST', `${path}/predictions`, { input: {} }),
    await request('GET', '/deployments/nobody/statuses'),
  ]) {
    assert.deepEqual([answer.status, answer.text], [404, kNotFound]);
  }
});

test('a deployment runs the release of the moment, and an input is checked against it', async () => {
  assert.equal((await request('POST', '/deployments', settings('changing'))).status, 200);
  const path = '/deployments/default/changing';
  const bad = await request('POST', `${path}/predictions`, { input: { num_outputs: 9 } });
  assert.equal(bad.status, 422);
  assert.equal(bad.json().invalid_fields.length, 2);
  assert.equal((await request('POST', `${path}/predictions`, { version: fluxVersion, input: {} })).status, 422);

  const other = await request('PATCH', path, { model: kLlama });
  assert.deepEqual([other.json().current_release.model, other.json().current_release.version], [kLlama, llamaVersion]);
  const p = (await request('POST', `${path}/predictions`, { input: { prompt: 'Hi', max_tokens: 2 } })).json();
  assert.equal((await api.finished(p.id)).model, kLlama);
  const lora = await request('PATCH', path, { model: 'lucataco/flux-schnell-lora', version: kFluxLoraVersion });
  assert.equal(lora.json().current_release.number, 3);
  assert.equal((await request('PATCH', path, { version: llamaVersion })).status, 422, 'not a version of its model');
});

test('bodies that make no deployment are refused with every problem at once', async () => {
  const fields = (answer) => answer.json().invalid_fields.map(({ type, field }) => `${type} ${field}`);
  const empty = await request('POST', '/deployments', {});
  assert.equal(empty.status, 422);
  assert.equal(empty.json().title, 'Input validation failed');
  assert.deepEqual(
    empty.json().invalid_fields.map((problem) => problem.description),
    ['name', 'model', 'version', 'hardware', 'min_instances', 'max_instances'].map((name) => `${name} is required`),
  );
  const wrong = await request('POST', '/deployments', settings('Wrong Name', { hardware: 'abacus', min_instances: 6, max_instances: 21, x: 1 }));
  assert.deepEqual(fields(wrong).sort(), [
    'additional_property_not_allowed ',
    'enum hardware',
    'number_lte max_instances',
    'number_lte min_instances',
    'pattern name',
  ]);
  assert.deepEqual(fields(await request('POST', '/deployments', settings('x', { min_instances: 4 }))), ['number_lte min_instances']);
  for (const [model, version] of [[kFlux, '0'.repeat(64)], [kFlux, llamaVersion], ['nobody/nothing', fluxVersion], ['x', fluxVersion]]) {
    const answer = await request('POST', '/deployments', settings('x', { model, version }));
    assert.deepEqual([answer.status, answer.json().title], [422, 'Invalid version or not permitted'], `${model} ${version}`);
  }
  assert.equal((await request('POST', '/deployments', settings('taken'))).status, 200);
  const taken = await request('POST', '/deployments', settings('taken'));
  assert.equal(taken.status, 422);
  assert.equal(taken.json().invalid_fields[0].description, 'A deployment with this name already exists');
  assert.equal((await request('GET', '/deployments/default/taken')).json().current_release.number, 1);
  const broken = await send(server.origin, '/v1/deployments', { method: 'POST', headers: api.headers, body: '{' });
  assert.equal(broken.status, 400);
  assert.equal((await request('PATCH', '/deployments/default/taken', { name: 'renamed' })).status, 422);
  assert.equal((await request('PATCH', '/deployments/default/taken', { min_instances: 5 })).status, 422);
});

test("another account's deployments look like unknown ones", async () => {
  await server.makeAccount('deployers');
  const other = new Api(server, { key: await server.makeKey('stranger', '--account', 'deployers') });
  assert.equal((await request('POST', '/deployments', settings('mine'))).status, 200);
  for (const [method, path, body] of [
    ['GET', '/deployments/default/mine'],
    ['PATCH', '/deployments/default/mine', { max_instances: 9 }],
    ['DELETE', '/deployments/default/mine'],
    ['POST', '/deployments/default/mine/predictions', { input: smallImage('x') }],
    ['GET', '/deployments/deployers/mine'],
  ]) {
    const answer = await request(method, path, body, other);
    assert.deepEqual([answer.status, answer.text], [404, kNotFound], `${method} ${path}`);
  }
  assert.deepEqual((await other.get('/deployments')).json(), { next: null, previous: null, results: [] });
  const theirs = await request('POST', '/deployments', settings('mine', { max_instances: 1 }), other);
  assert.equal(theirs.json().owner, 'deployers');
  assert.equal((await request('GET', '/deployments/default/mine')).json().current_release.configuration.max_instances, 3);
  const nobody = { ...api, headers: {} };
  for (const [method, path] of [['GET', '/deployments'], ['POST', '/deployments'], ['GET', '/deployments/default/mine']]) {
    assert.equal((await request(method, path, method === 'POST' ? {} : undefined, nobody)).status, 401);
  }
});

test('deployments are listed newest first, a hundred a page', async () => {
  await server.makeAccount('many');
  const to = new Api(server, { key: await server.makeKey('many', '--account', 'many') });
  const names = [];
  for (let i = 0; i < 103; ++i) {
    names.unshift(`d${i}`);
    assert.equal((await request('POST', '/deployments', settings(`d${i}`), to)).status, 200);
  }
  const first = (await to.get('/deployments')).json();
  assert.deepEqual(first.results.map((d) => d.name), names.slice(0, 100));
  const second = (await send(server.origin, first.next, { headers: to.headers })).json();
  assert.deepEqual(second.results.map((d) => d.name), names.slice(100));
  assert.equal(second.next, null);
  assert.deepEqual((await send(server.origin, second.previous, { headers: to.headers })).json().results, first.results);
  assert.deepEqual((await to.get(`/${first.next}`)).json().results, second.results);
});

test('updates made at the same time each have a release of their own', async () => {
  assert.equal((await request('POST', '/deployments', settings('busy'))).status, 200);
  const answers = await Promise.all(
    [4, 5, 6, 7, 8].map((max_instances) => request('PATCH', '/deployments/default/busy', { max_instances })),
  );
  const numbers = answers.map((answer) => answer.json().current_release?.number).sort();
  assert.deepEqual(numbers, [2, 3, 4, 5, 6]);
});

test('deployments last over a restart', async (t) => {
  const first = await startServer(t, { args });
  const created = await request('POST', '/deployments', settings('lasting'), new Api(first));
  await request('PATCH', '/deployments/default/lasting', { max_instances: 7 }, new Api(first));
  await first.stop();
  const second = await startServer(t, { folder: first.folder, key: false, args });
  const kept = (await new Api(second, { key: first.key }).get('/deployments/default/lasting')).json();
  assert.equal(kept.current_release.number, 2);
  assert.equal(kept.current_release.configuration.max_instances, 7);
  assert.equal(kept.name, created.json().name);
});

test('hardware is a bare list, as the operator says', async (t) => {
  assert.deepEqual(await new Replicate({ auth: server.key, baseUrl: `${server.origin}/v1` }).hardware.list(), [
    { sku: 'cpu', name: 'CPU' },
    { sku: 'gpu-t4', name: 'Nvidia T4 GPU' },
    { sku: 'gpu-a40-small', name: 'Nvidia A40 GPU' },
    { sku: 'gpu-a40-large', name: 'Nvidia A40 (Large) GPU' },
  ]);
  assert.equal((await send(server.origin, '/replicate/v1/hardware')).status, 401);
  const own = new Api(await startServer(t, { args: [...args, '--hardware', 'gpu-h100=Nvidia H100 GPU'] }));
  assert.deepEqual((await own.get('/hardware')).json(), [{ sku: 'gpu-h100', name: 'Nvidia H100 GPU' }]);
  assert.equal((await request('POST', '/deployments', settings('x'), own)).status, 422);
  assert.equal((await request('POST', '/deployments', settings('x', { hardware: 'gpu-h100' }), own)).status, 200);
});

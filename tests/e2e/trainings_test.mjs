// SPDX-License-Identifier: Apache-2.0
// Trainings, with the official npm client where it has a call: their life, what they make, and who may use that.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import Replicate from 'replicate';

import { Api, kFlux, send, smallImage } from './support/http.mjs';
import { Receiver } from './support/receiver.mjs';
import { startServer, until } from './support/server.mjs';

const kTrainer = { owner: 'ostris', name: 'flux-dev-lora-trainer', id: 'e440909d3512c31646ee2e0c7d6f6f4923224863a6a10c494606e79fb5844497' };
const kSdxl = { owner: 'stability-ai', name: 'sdxl', id: '39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b' };
const kNotFound = '{"detail":"The requested resource could not be found.","status":404}';
const kNoDestination = '{"detail":"The specified training destination does not exist","status":404}';

const args = ['--sandbox-speed', '0', '--rate-limits-creates', '0'];
const server = await startServer({ after }, { args });
const api = new Api(server);
await server.makeAccount('others');
const other = new Api(server, { key: await server.makeKey('other', '--account', 'others') });

const client = (mount = '/v1') => new Replicate({ auth: server.key, baseUrl: server.origin + mount });
const call = (method, path, body, to = api) =>
  send(to.origin, to.mount + path, {
    method,
    headers: { ...to.headers, 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
const path = ({ owner, name, id }) => `/models/${owner}/${name}/versions/${id}/trainings`;
const input = (more = {}) => ({ input_images: 'data:application/zip;base64,UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==', steps: 5, ...more });

async function makeModel(name, visibility = 'private') {
  const made = await call('POST', '/models', { owner: 'default', name, visibility, hardware: 'gpu-t4' });
  assert.equal(made.status, 201, made.text);
  return `default/${name}`;
}
async function start(destination, more = {}, on = kTrainer) {
  const created = await call('POST', path(on), { destination, input: input(more) });
  assert.equal(created.status, 201, created.text);
  return created.json();
}
const finished = (id) =>
  until(`training ${id}`, async () => {
    const training = (await api.get(`/trainings/${id}`)).json();
    return training.completed_at ? training : null;
  });
/** Trains a version and returns its id. */
async function train(destination, more, on) {
  const done = await finished((await start(destination, more, on)).id);
  assert.equal(done.status, 'succeeded', done.error);
  return done.output.version.split(':')[1];
}

for (const [i, mount] of ['/v1', '/replicate/v1'].entries()) {
  test(`${mount}: the official client trains a version, and runs it`, async () => {
    const replicate = client(mount);
    const destination = await makeModel(`hot-dog-${i}`);
    const created = await replicate.trainings.create(kTrainer.owner, kTrainer.name, kTrainer.id, { destination, input: input() });
    const { id, created_at: at, ...rest } = created;
    assert.match(at, /^\d{4}-.*Z$/);
    assert.deepEqual(rest, {
      model: 'ostris/flux-dev-lora-trainer',
      version: kTrainer.id,
      input: input(),
      logs: '',
      output: null,
      data_removed: false,
      error: null,
      source: 'api',
      status: 'starting',
      urls: {
        cancel: `${server.origin}${mount}/trainings/${id}/cancel`,
        get: `${server.origin}${mount}/trainings/${id}`,
        web: `${server.origin}/p/${id}`,
      },
    });
    await finished(id);
    const done = await replicate.trainings.get(id);
    assert.equal(done.status, 'succeeded');
    assert.match(done.logs, /5\/5/);
    assert.equal(done.metrics.training_step_count, 5);
    assert.match(done.output.version, new RegExp(`^${destination}:[0-9a-f]{64}$`));
    assert.deepEqual((await replicate.trainings.list()).results[0], done);
    assert.deepEqual(await replicate.predictions.get(id), done);
    assert.ok(!(await replicate.predictions.list()).results.some((p) => p.id === id));

    const weights = await send(server.origin, done.output.weights);
    assert.equal(weights.status, 200);
    const header = weights.body.subarray(8, 8 + Number(weights.body.readBigUInt64LE(0))).toString();
    assert.equal(JSON.parse(header).__metadata__.destination, destination);

    const [owner, name] = destination.split('/');
    const version = done.output.version.split(':')[1];
    const model = await replicate.models.get(owner, name);
    assert.equal(model.latest_version.id, version);
    assert.deepEqual(await replicate.models.versions.get(owner, name, version), model.latest_version);
    assert.deepEqual((await replicate.models.versions.list(owner, name)).results, [model.latest_version]);
    const base = await replicate.models.versions.get(kTrainer.owner, kTrainer.name, kTrainer.id);
    assert.deepEqual(model.latest_version.openapi_schema, base.openapi_schema);

    for (const reference of [destination, done.output.version]) {
      const [image] = await replicate.run(reference, { input: smallImage('a photo of TOK') });
      assert.ok(`${image}`.startsWith(`${server.origin}/delivery/`));
    }
    const { results } = await replicate.predictions.list();
    assert.deepEqual([results[0].model, results[0].version], [destination, version]);
  });
}

test('the refusals have the official words, the destination first', async () => {
  const destination = await makeModel('refused');
  const create = (body, to, on = kTrainer) => call('POST', path(on), body, to);
  for (const wrong of ['<invalid>', 'default/none', 'default', '', kFlux, `${destination}:${'0'.repeat(64)}`]) {
    const answer = await create({ destination: wrong, input: {} });
    assert.deepEqual([wrong, answer.status, answer.text], [wrong, 404, kNoDestination]);
  }
  const foreign = await create({ destination, input: input() }, other);
  assert.deepEqual([foreign.status, foreign.text], [404, kNoDestination]);

  const invalid = await create({ destination, input: { steps: 1, input_images: 'no' }, webhook: 7 });
  assert.equal(invalid.status, 422);
  assert.deepEqual(
    invalid.json().invalid_fields.map(({ type, field }) => [type, field]),
    [
      ['invalid_type', 'webhook'],
      ['format', 'input.input_images'],
      ['number_gte', 'input.steps'],
    ],
  );
  assert.match((await create({})).json().detail, /destination is required\n.*input is required/);
  assert.equal((await send(server.origin, `/v1${path(kTrainer)}`, { method: 'POST', headers: api.headers, body: '{' })).status, 400);

  const untrainable = await call('GET', `/models/${kFlux}`);
  const flux = { owner: 'black-forest-labs', name: 'flux-schnell', id: untrainable.json().latest_version.id };
  const refused = await create({ destination, input: input() }, api, flux);
  assert.deepEqual([refused.status, refused.json().detail], [404, 'The specified version cannot be trained']);
  for (const unknown of [{ ...kTrainer, id: '0'.repeat(64) }, { ...kTrainer, name: 'none' }, { ...kTrainer, id: kSdxl.id }]) {
    const answer = await create({ destination, input: input() }, api, unknown);
    assert.deepEqual([answer.status, answer.text], [404, kNotFound]);
  }
});

test('members that a training does not know are ignored, and Prefer does not hold its answer', async () => {
  const destination = await makeModel('patient');
  const body = JSON.stringify({ destination, input: input({ trigger_word: '[sandbox:delay=300s]' }), note: 'x' });
  const headers = { ...api.headers, prefer: 'wait=60', 'cancel-after': '10m' };
  const created = await send(server.origin, `/v1${path(kTrainer)}`, { method: 'POST', headers, body });
  assert.equal(created.status, 201, created.text);
  assert.equal(created.headers['preference-applied'], undefined);
  const training = created.json();
  assert.equal(created.headers.location, training.urls.get);
  assert.equal(Date.parse(training.deadline) - Date.parse(training.created_at), 600_000);
  assert.equal((await call('POST', `/trainings/${training.id}/cancel`)).json().status, 'canceled');
});

test('a training that is created again with the same Idempotency-Key is the same one', async () => {
  const destination = await makeModel('once');
  const create = (more = {}) => api.post(path(kTrainer), { destination, input: input(more) }, { 'idempotency-key': 'train-once' });
  const first = await create();
  assert.deepEqual([first.status, first.headers['idempotent-replayed']], [201, undefined]);
  const done = await finished(first.json().id);
  const again = await create();
  assert.deepEqual([again.status, again.headers['idempotent-replayed'], again.json()], [201, 'true', done]);
  assert.equal(again.headers.location, done.urls.get);
  assert.equal((await create({ steps: 6 })).json().title, 'Idempotency key reused');
  assert.equal((await api.get(`/models/${destination}/versions`)).json().results.length, 1);
});

test('a training is canceled by either path, and makes no version then', async () => {
  const destination = await makeModel('canceled');
  for (const list of ['trainings', 'predictions']) {
    const { id } = await start(destination, { trigger_word: '[sandbox:delay=300s]' });
    const canceled = await call('POST', `/${list}/${id}/cancel`);
    assert.equal(canceled.status, 200);
    assert.deepEqual([canceled.json().status, canceled.json().output], ['canceled', null]);
    assert.deepEqual((await client().trainings.cancel(id)).status, 'canceled');
  }
  assert.equal((await api.get(`/models/${destination}`)).json().latest_version, null);
});

test('a training that fails shows its error and makes no version', async () => {
  const destination = await makeModel('failed');
  const { id } = await start(destination, { trigger_word: '[sandbox:fail=out of memory]' });
  const failed = await finished(id);
  assert.deepEqual([failed.status, failed.error, failed.output], ['failed', 'out of memory', null]);
  assert.deepEqual((await api.get(`/models/${destination}/versions`)).json().results, []);
});

test('a prediction is no training', async () => {
  const { id } = await api.create(kFlux, smallImage('[sandbox:delay=300s]'));
  assert.deepEqual((await api.get(`/trainings/${id}`)).text, kNotFound);
  assert.deepEqual((await call('POST', `/trainings/${id}/cancel`)).text, kNotFound);
  assert.ok(['starting', 'processing'].includes((await api.prediction(id)).status));
  assert.equal((await call('POST', `/predictions/${id}/cancel`)).json().status, 'canceled');
});

test('trainings and what they make for private models are their owner\'s alone', async () => {
  const hidden = await makeModel('hidden-tapir');
  const open = await makeModel('open-tapir', 'public');
  const { id } = await start(hidden);
  await finished(id);
  const hiddenVersion = (await api.get(`/models/${hidden}`)).json().latest_version.id;
  const openVersion = await train(open, {}, kSdxl);
  assert.deepEqual((await other.get('/trainings')).json().results, []);
  for (const [method, url, body] of [
    ['GET', `/trainings/${id}`],
    ['POST', `/trainings/${id}/cancel`],
    ['GET', `/models/${hidden}/versions`],
    ['GET', `/models/${hidden}/versions/${hiddenVersion}`],
    ['DELETE', `/models/${hidden}/versions/${hiddenVersion}`],
    ['DELETE', `/models/${open}/versions/${openVersion}`],
    ['POST', `/models/${hidden}/predictions`, { input: smallImage('x') }],
    ['POST', `/models/${hidden}/versions/${hiddenVersion}/trainings`, { destination: hidden, input: input() }],
  ]) {
    const answer = await call(method, url, body, other);
    assert.deepEqual([method, url, answer.status, answer.text], [method, url, 404, kNotFound]);
  }
  for (const version of [hiddenVersion, `${hidden}:${hiddenVersion}`, hidden]) {
    assert.equal((await call('POST', '/predictions', { version, input: smallImage('x') }, other)).status, 422);
  }
  const found = await send(server.origin, '/v1/search?query=tapir');
  assert.deepEqual(found.json().models.map(({ model }) => [model.name, model.latest_version.id]), [['open-tapir', openVersion]]);
  const run = await call('POST', `/models/${open}/predictions`, { input: { prompt: 'x', width: 64, height: 64 } }, other);
  assert.equal(run.status, 201, run.text);
  assert.equal(run.json().version, openVersion);
});

test('the newest version of a model is what runs by its name, and is in its list first', async () => {
  const destination = await makeModel('growing');
  const first = await train(destination);
  const second = await train(destination, {}, kSdxl);
  const ids = (await api.get(`/models/${destination}/versions`)).json().results.map(({ id }) => id);
  assert.deepEqual(ids, [second, first]);
  assert.equal((await api.create(destination, { prompt: 'x', width: 64, height: 64 })).version, second);
  const listed = (await api.get('/models')).json().results;
  assert.equal(`${listed[0].owner}/${listed[0].name}`, destination, 'sorted by the newest version');
  const refused = await call('POST', '/predictions', { version: first, input: { num_outputs: 9 } });
  assert.match(refused.json().detail, /prompt is required/);
});

test('a version goes only when nothing relies on it, and a model only without versions', async () => {
  const remove = (model, id) => call('DELETE', `/models/${model}/versions/${id}`);
  const destination = await makeModel('deletable');
  const first = await train(destination);
  const kept = await call('DELETE', `/models/${destination}`);
  assert.equal(kept.status, 403);
  assert.match(kept.json().detail, /without versions/);

  const deployment = { name: 'deployed', model: destination, version: first, hardware: 'cpu', min_instances: 0, max_instances: 1 };
  assert.equal((await call('POST', '/deployments', deployment)).status, 200);
  const run = await call('POST', '/deployments/default/deployed/predictions', { input: smallImage('TOK') });
  assert.equal(run.status, 201, run.text);
  const done = await api.finished(run.json().id);
  assert.deepEqual([done.status, done.model, done.version, done.deployment], ['succeeded', destination, first, 'deployed']);
  assert.match((await remove(destination, first)).json().detail, /deployment/);
  assert.equal((await call('PATCH', '/deployments/default/deployed', { model: kFlux })).status, 200);

  const second = await train(destination, {}, { owner: 'default', name: 'deletable', id: first });
  const base = await remove(destination, first);
  assert.deepEqual([base.status, base.json().title], [403, 'Forbidden']);
  assert.match(base.json().detail, /training/);
  const gone = await remove(destination, second);
  assert.deepEqual([gone.status, gone.text], [202, '']);
  assert.deepEqual((await remove(destination, second)).text, kNotFound);
  assert.equal((await api.get(`/models/${destination}/versions/${second}`)).status, 404);
  assert.equal((await call('POST', '/predictions', { version: second, input: smallImage('x') })).status, 422);

  const open = await makeModel('kept', 'public');
  assert.match((await remove(open, await train(open))).json().detail, /public/);
  assert.equal((await remove(`${kSdxl.owner}/${kSdxl.name}`, kSdxl.id)).status, 403);
});

test('a webhook is told of a training as a reader sees it', async (t) => {
  const receiver = await Receiver.start(t);
  const destination = await makeModel('told');
  const created = await client().trainings.create(kTrainer.owner, kTrainer.name, kTrainer.id, {
    destination,
    input: input(),
    webhook: receiver.url(),
    webhook_events_filter: ['completed'],
  });
  const [message] = await receiver.received(1);
  assert.deepEqual(message.prediction, (await api.get(`/trainings/${created.id}`)).json());
  assert.ok(message.prediction.output.version.startsWith(`${destination}:`));
});

test('trainings are listed in pages of 100, also behind the next URL that the Go client makes', async () => {
  await makeModel('listed');
  const created = [];
  for (let i = 0; i < 103; ++i) created.unshift((await start('default/listed')).id);
  const first = (await api.get('/trainings')).json();
  assert.equal(first.results.length, 100);
  assert.equal(first.previous, null);
  assert.ok(first.next.startsWith(`${server.origin}/v1/trainings?cursor=`));
  const second = (await api.get(`/${first.next}`)).json();
  const both = [...first.results, ...second.results].map(({ id }) => id);
  assert.deepEqual(both.slice(0, 103), created);
  const back = await send(server.origin, second.previous, { headers: api.headers });
  assert.deepEqual(back.json().results.map(({ id }) => id), first.results.map(({ id }) => id));
});

test('the versions of a model are listed in pages of 100, also behind a glued next URL', async () => {
  const destination = await makeModel('versioned');
  const ids = [];
  for (let i = 0; i < 102; i += 1) ids.push((await start(destination)).id);
  for (const id of ids) await finished(id);
  const first = (await api.get(`/models/${destination}/versions`)).json();
  assert.deepEqual([first.results.length, first.previous], [100, null]);
  const second = (await api.get(`/${first.next}`)).json();
  assert.deepEqual([second.results.length, second.next], [2, null]);
  assert.equal(new Set([...first.results, ...second.results].map(({ id }) => id)).size, 102);
  const back = await send(server.origin, second.previous, { headers: api.headers });
  assert.deepEqual(back.json(), first);
  assert.equal((await api.get(`/http://host/v1/elsewhere/${destination}/versions`)).status, 404);
});

test('a training that a kill -9 interrupts goes on and makes one version, which runs after it', async (t) => {
  const first = await startServer(t, { args });
  const key = first.key;
  const make = new Api(first);
  assert.equal((await call('POST', '/models', { owner: 'default', name: 'sturdy', visibility: 'private', hardware: 'cpu' }, make)).status, 201);
  const done = await call('POST', path(kTrainer), { destination: 'default/sturdy', input: input() }, make);
  const slow = await call('POST', path(kTrainer), { destination: 'default/sturdy', input: input({ trigger_word: '[sandbox:delay=2s]' }) }, make);
  await make.finished(done.json().id);
  await make.finished(slow.json().id, (p) => p.status === 'processing');
  await first.stop('SIGKILL');

  const second = await startServer(t, { folder: first.folder, key: false, args });
  const again = new Api(second, { key });
  const ended = await again.finished(slow.json().id);
  assert.equal(ended.status, 'succeeded');
  const versions = (await again.get('/models/default/sturdy/versions')).json().results.map(({ id }) => `default/sturdy:${id}`);
  assert.deepEqual(versions, [ended.output.version, (await again.prediction(done.json().id)).output.version]);
  assert.equal((await again.run('default/sturdy', smallImage('TOK'))).status, 'succeeded');
});

test('kills at any moment lose no version and make none twice', async (t) => {
  let running = await startServer(t, { args });
  const { key, folder } = running;
  const on = () => new Api(running, { key });
  const model = { owner: 'default', name: 'survivor', visibility: 'private', hardware: 'cpu' };
  assert.equal((await call('POST', '/models', model, on())).status, 201);
  const ids = [];
  for (let kill = 0; kill < 4; kill += 1) {
    for (let i = 0; i < 12; i += 1) {
      const body = { destination: 'default/survivor', input: input({ trigger_word: `[sandbox:delay=${i * 10}ms]` }) };
      const created = await call('POST', path(kTrainer), body, on());
      assert.equal(created.status, 201, created.text);
      ids.push(created.json().id);
    }
    await running.stop('SIGKILL');
    running = await startServer(t, { folder, key: false, args });
  }
  const ended = [];
  for (const id of ids) ended.push(await on().finished(id));
  // Three attempts that a kill interrupts end a training: then, too, there is no version without its success.
  const made = ended.filter(({ status }) => status === 'succeeded').map(({ output }) => output.version);
  assert.ok(made.length > 0);
  const { results } = (await on().get('/models/default/survivor/versions')).json();
  assert.deepEqual(results.map(({ id }) => `default/survivor:${id}`).sort(), made.sort());
  assert.equal(new Set(made).size, made.length);
});

test('after retention the data is gone, and the version stays', async (t) => {
  const brief = await startServer(t, { args: [...args, '--links-lifetime', '1s', '--retention-after', '1s'] });
  const on = new Api(brief);
  assert.equal((await call('POST', '/models', { owner: 'default', name: 'brief', visibility: 'private', hardware: 'cpu' }, on)).status, 201);
  const { id } = (await call('POST', path(kTrainer), { destination: 'default/brief', input: input() }, on)).json();
  const purged = await on.finished(id, (p) => p.data_removed);
  assert.deepEqual([purged.status, purged.input, purged.output, purged.logs], ['succeeded', {}, null, '']);
  assert.equal((await on.get('/models/default/brief/versions')).json().results.length, 1);
  assert.equal((await on.run('default/brief', smallImage('TOK'))).status, 'succeeded');
});

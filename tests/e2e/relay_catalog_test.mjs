// SPDX-License-Identifier: Apache-2.0
// A server in front of a second one: what there is to run, and what a client sees of it, is the same through it.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { Api, kFlux, kFluxLoraVersion, kLlama, send, smallImage } from './support/http.mjs';
import { startServer, tempFolder, until } from './support/server.mjs';

const args = ['--sandbox-speed', '0'];
const kTrainer = 'ostris/flux-dev-lora-trainer';
const kZip = `data:application/zip;base64,${Buffer.from('504b0506'.padEnd(44, '0'), 'hex').toString('base64')}`;
const kNotFound = '{"detail":"The requested resource could not be found.","status":404}';

const upstream = await startServer({ after }, { args, key: false });
await upstream.makeAccount('operator');
upstream.key = await upstream.makeKey('relay', '--account', 'operator');
const there = new Api(upstream);
const env = { REPLICATE_API_TOKEN: upstream.key };
const relayed = [...args, '--replicate-url', upstream.origin];

const front = await startServer({ after }, { args: relayed, env });
const api = new Api(front);
await front.makeAccount('other');
const other = new Api(front, { key: await front.makeKey('other', '--account', 'other') });

/** A front with own names and with models that it does not take. */
async function startPicky() {
  const folder = tempFolder({ after });
  const config = join(folder, 'picky.yaml');
  writeFileSync(
    config,
    'upstreams:\n  replicate:\n    deny: [stability-ai/*]\n    names:\n' +
      `      own/flux: ${kFlux}\n      own/quick: operator/quick\n`,
  );
  return startServer({ after }, { args: [...relayed, '--config', config], env });
}
const pickyServer = await startPicky();
const picky = new Api(pickyServer);

const request = (to, method, path, body, type = 'application/json') =>
  send(to.origin, to.mount + path, {
    method,
    headers: { ...to.headers, 'content-type': type },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
  });

/** As it would be if it came from the front. */
const asOurs = (text) => text.replaceAll(upstream.origin, front.origin);

const versionOf = async (model) => (await there.get(`/models/${model}`)).json().latest_version.id;

for (const [method, path, body] of [
  ['GET', '/models'],
  ['GET', '/models?sort_by=model_created_at&sort_direction=asc'],
  ['GET', '/models?sort_by=nothing'],
  ['QUERY', '/models', 'flux'],
  ['GET', `/models/${kFlux}`],
  ['GET', `/models/${kFlux}/readme`],
  ['GET', `/models/${kFlux}/examples`],
  ['GET', `/models/${kFlux}/versions`],
  ['GET', `/models/lucataco/flux-schnell-lora/versions/${kFluxLoraVersion}`],
  ['GET', `/models/${kFlux}/versions/${'0'.repeat(64)}`],
  ['GET', '/models/nobody/nothing'],
  ['GET', '/models/nobody/nothing/versions'],
  ['GET', '/collections'],
  ['GET', '/collections/nothing'],
  ['GET', '/hardware'],
  ['GET', '/search?query=flux%20image&limit=3'],
  ['GET', '/search'],
  ['GET', '/search?query=x&limit=900'],
  ['PATCH', `/models/${kFlux}`, { description: 'mine' }],
  ['PATCH', '/models/nobody/nothing', { description: 'mine' }],
  ['DELETE', `/models/${kFlux}`],
  ['DELETE', '/models/nobody/nothing'],
  ['DELETE', `/models/lucataco/flux-schnell-lora/versions/${kFluxLoraVersion}`],
  ['DELETE', `/models/${kFlux}/versions/${'0'.repeat(64)}`],
]) {
  test(`${method} ${path} is answered as by the upstream`, async () => {
    const [ours, theirs] = [await request(api, method, path, body), await request(there, method, path, body)];
    assert.equal(ours.status, theirs.status);
    assert.equal(ours.headers['content-type'], theirs.headers['content-type']);
    assert.equal(ours.text, asOurs(theirs.text));
  });
}

test('no path leads to another part of the API of the upstream', async () => {
  for (const path of ['/models/../account', '/models/%2e%2e/account', '/collections/..', '/collections/%2e%2e']) {
    const answer = await send(front.origin, `/v1${path}`, { headers: api.headers });
    assert.deepEqual([answer.status, answer.text.includes('operator')], [404, false], path);
  }
});

test('a collection is shown as the upstream has it', async () => {
  const [{ slug }] = (await api.get('/collections')).json().results;
  const [ours, theirs] = [await api.get(`/collections/${slug}`), await there.get(`/collections/${slug}`)];
  assert.equal(ours.text, asOurs(theirs.text));
});

for (const [what, path, body, headers] of [
  ['an input that breaks the rules', `/models/${kFlux}/predictions`, { input: { num_outputs: 9 } }],
  ['an unknown model', '/models/nobody/nothing/predictions', { input: {} }],
  ['no JSON', `/models/${kFlux}/predictions`, '{'],
  ['no JSON for an unknown model', '/models/nobody/nothing/predictions', '{'],
  ['no input', `/models/${kFlux}/predictions`, {}],
  ['no input for an unknown model', '/models/nobody/nothing/predictions', {}],
  ['a bad webhook and a bad input', `/models/${kFlux}/predictions`, { input: { num_outputs: 9 }, webhook: 'ftp://x' }],
  ['an unknown member', `/models/${kFlux}/predictions`, { input: { prompt: 'x' }, more: 1 }],
  ['an unknown version', '/predictions', { version: '0'.repeat(64), input: {} }],
  ['an unknown version of a model', '/predictions', { version: `${kFlux}:${'0'.repeat(64)}`, input: {} }],
  ['an unknown version and no input', '/predictions', { version: `${kFlux}:${'0'.repeat(64)}` }],
  ['a version that is no version', '/predictions', { version: 'latest', input: {} }],
  ['a version by a word', '/predictions', { version: `${kFlux}:latest`, input: {} }],
  ['no version', '/predictions', { input: {} }],
  ['an unknown deployment', '/deployments/nobody/nothing/predictions', { input: {} }],
  ['a bad Cancel-After', `/models/${kFlux}/predictions`, { input: { prompt: 'x' } }, { 'cancel-after': 'soon' }],
  ['a training of an unknown version', `/models/${kTrainer}/versions/${'0'.repeat(64)}/trainings`, { input: {} }],
  ['a model that cannot be trained', `/models/lucataco/flux-schnell-lora/versions/${kFluxLoraVersion}/trainings`, {}],
]) {
  test(`${what} is refused as by the upstream`, async () => {
    const [ours, theirs] = [await api.post(path, body, headers), await there.post(path, body, headers)];
    assert.equal(ours.status, theirs.status, ours.text);
    assert.ok(ours.status >= 400, ours.text);
    assert.equal(ours.text, theirs.text);
    assert.equal(ours.headers['content-type'], theirs.headers['content-type']);
  });
}

test('trainings are refused as by the upstream', async () => {
  const path = `/models/${kTrainer}/versions/${await versionOf(kTrainer)}/trainings`;
  const sku = { hardware: 'cpu', visibility: 'private' };
  assert.equal((await api.post('/models', { owner: 'default', name: 'refusing', ...sku })).status, 201);
  assert.equal((await there.post('/models', { owner: 'operator', name: 'refusing', ...sku })).status, 201);
  for (const [mine, its] of [
    [{ destination: 'default/none', input: { input_images: kZip } }, { destination: 'operator/none', input: {} }],
    [{ destination: 'nothing', input: {} }, { destination: 'nothing', input: {} }],
    [{ destination: 'default/refusing', input: { steps: 'x' } }, { destination: 'operator/refusing', input: { steps: 'x' } }],
    [{ destination: 'default/refusing' }, { destination: 'operator/refusing' }],
    ['{', '{'],
    [{}, {}],
  ]) {
    const [ours, theirs] = [await api.post(path, mine), await there.post(path, its)];
    assert.deepEqual([ours.status, ours.text], [theirs.status, theirs.text]);
  }
});

/** The upstream's own object of a prediction that was made through the front. */
async function atUpstream(prompt, path = '/predictions') {
  const found = (await there.get(path)).json().results.filter((p) => JSON.stringify(p.input).includes(prompt));
  assert.equal(found.length, 1);
  return (await there.get(`${path}/${found[0].id}`)).json();
}

/** What both must have in common: all but ids, addresses and what follows from them. */
function comparable(prediction) {
  const { id, urls, output, ...rest } = prediction;
  const shape = JSON.stringify(output).replace(/"https?:[^"]*\/([^/"]+)"/g, '"a link to $1"');
  return { ...rest, urls: Object.keys(urls), output: shape, order: Object.keys(prediction) };
}

for (const [what, model, input] of [
  ['an image', kFlux, { ...smallImage('an image of it'), num_outputs: 2 }],
  ['a text', kLlama, { prompt: 'a text of it', max_tokens: 30 }],
  ['a failure', kFlux, smallImage('a failure of it [sandbox:fail=it broke]')],
  ['a failure before the start', kFlux, smallImage('no start of it [sandbox:setup-fail]')],
]) {
  test(`${what} looks the same but for ids and addresses`, async () => {
    const made = await api.post(`/models/${model}/predictions`, { input });
    assert.equal(made.status, 201, made.text);
    const ours = await api.finished(made.json().id);
    const theirs = await atUpstream(input.prompt);
    assert.deepEqual(comparable(ours), comparable(theirs));
    assert.ok(!JSON.stringify(ours).includes(upstream.origin));
    for (const url of Object.values(ours.urls)) assert.ok(url.startsWith(front.origin), url);
    assert.ok(ours.urls.get.endsWith(`/predictions/${ours.id}`));
  });
}

test('a canceled prediction looks the same, and is canceled at the upstream, too', async () => {
  const input = smallImage('to be canceled [sandbox:delay=300s]');
  const { id } = await api.create(kFlux, input);
  await api.finished(id, (p) => p.status === 'processing');
  const ours = (await request(api, 'POST', `/predictions/${id}/cancel`)).json();
  const theirs = await until('the cancel at the upstream', async () => {
    const found = await atUpstream('to be canceled');
    return found.status === 'canceled' && found;
  });
  const bare = (p) => {
    const { completed_at, metrics, logs, ...rest } = comparable(p);
    return { ...rest, metrics: Object.keys(metrics), completed: typeof completed_at, logs: typeof logs };
  };
  assert.deepEqual(bare(ours), bare(theirs));
});

test('a create is answered with what the upstream has made of it', async () => {
  const made = (await api.post(`/models/${kLlama}/predictions`, { input: { prompt: 'made at once', max_tokens: 2 } })).json();
  const theirs = await atUpstream('made at once');
  assert.deepEqual(
    [made.created_at, made.model, made.version, Object.keys(made.urls)],
    [theirs.created_at, theirs.model, theirs.version, Object.keys(theirs.urls)],
  );
});

test('lists and deadlines go by the times that are shown', async () => {
  const first = await api.create(kLlama, { prompt: 'one', max_tokens: 2 });
  const second = await api.create(kLlama, { prompt: 'two', max_tokens: 2 }, { 'cancel-after': '7s' });
  assert.equal(Date.parse(second.deadline) - Date.parse(second.created_at), 7000);
  const ids = async (query) => (await api.get(`/predictions?${query}`)).json().results.map((p) => p.id);
  const since = encodeURIComponent(second.created_at);
  assert.deepEqual(await ids(`created_after=${since}`), [second.id]);
  const before = await ids(`created_before=${since}`);
  assert.deepEqual([before[0], before.includes(second.id)], [first.id, false]);
});

test('own names lead to models of the upstream, and are all that is shown', async () => {
  const model = (await picky.get('/models/own/flux')).json();
  const real = (await there.get(`/models/${kFlux}`)).json();
  assert.deepEqual([model.owner, model.name, model.url], ['own', 'flux', `${pickyServer.origin}/v1/models/own/flux`]);
  assert.deepEqual(model.latest_version, real.latest_version);
  const ended = await picky.run('own/flux', smallImage('by an own name'));
  assert.deepEqual([ended.status, ended.model, ended.version], ['succeeded', 'own/flux', real.latest_version.id]);
  const byVersion = await picky.post('/predictions', {
    version: `own/flux:${real.latest_version.id}`,
    input: smallImage('by a version of an own name'),
  });
  assert.equal(byVersion.json().model, 'own/flux');
  const byId = await picky.post('/predictions', { version: real.latest_version.id, input: smallImage('by its id') });
  assert.deepEqual([byId.status, byId.json().model], [201, 'own/flux']);
  const { id } = byId.json();
  assert.equal((await picky.finished(id)).status, 'succeeded');
  assert.equal((await atUpstream('by its id')).status, 'succeeded', 'it ran at the upstream');
  const list = (await picky.get('/models')).json().results.map((m) => `${m.owner}/${m.name}`);
  assert.ok(list.includes('own/flux') && !list.includes(kFlux), list.join());
});

test('an own name leads to a deployment of the upstream', async () => {
  const setup = { model: kFlux, version: await versionOf(kFlux), hardware: 'cpu', min_instances: 0, max_instances: 1 };
  assert.equal((await there.post('/deployments', { name: 'quick', ...setup })).status, 200);
  const made = await picky.post('/deployments/own/quick/predictions', { input: smallImage('by a deployment') });
  assert.equal(made.status, 201, made.text);
  const ended = await picky.finished(made.json().id);
  assert.deepEqual([ended.status, ended.model, ended.deployment], ['succeeded', 'own/flux', 'quick']);
  assert.equal((await atUpstream('by a deployment')).deployment, 'quick');
});

test('what is denied is not shown, and does not run at the upstream', async () => {
  const shown = [
    await picky.get('/models?sort_by=model_created_at'),
    await request(picky, 'QUERY', '/models', 'sdxl', 'text/plain'),
    await send(pickyServer.origin, '/v1/search?query=sdxl'),
  ];
  for (const { status, text } of shown) {
    assert.equal(status, 200);
    // Live keys run in the sandbox here what no upstream takes.
    assert.equal(text.split('"owner":"stability-ai"').length - 1, 1, text.slice(0, 300));
  }
  const version = await versionOf('stability-ai/sdxl');
  for (const body of [{ version: `own/flux:${version}` }, { version: `${kLlama}:${version}` }]) {
    const refused = await picky.post('/predictions', { ...body, input: { prompt: 'denied' } });
    assert.deepEqual([refused.status, refused.json().title], [422, 'Invalid version or not permitted']);
  }
  await picky.run('stability-ai/sdxl', { prompt: 'denied' });
  await picky.finished((await picky.post('/predictions', { version, input: { prompt: 'denied' } })).json().id);
  assert.ok(!(await there.get('/predictions')).text.includes('"denied"'));
});

test('models that clients make stay here, come first, and take no name of the upstream', async () => {
  const model = (name, more = {}) => ({ owner: 'default', name, visibility: 'private', hardware: 'cpu', ...more });
  assert.equal((await api.post('/models', model('mine'))).status, 201);
  const { results } = (await api.get('/models')).json();
  assert.equal(`${results[0].owner}/${results[0].name}`, 'default/mine');
  assert.ok(results.length > 10, 'those of the upstream follow');
  assert.ok(!(await other.get('/models')).text.includes('"mine"'));
  assert.equal((await other.get('/models/default/mine')).text, kNotFound);
  assert.equal((await there.get('/models/default/mine')).status, 404);
  const found = await request(api, 'QUERY', '/models', 'mine', 'text/plain');
  assert.equal(found.json().results[0].name, 'mine');
  const hardware = await api.post('/models', model('x', { hardware: 'none' }));
  const theirs = await there.post('/models', { ...model('x', { hardware: 'none' }), owner: 'operator' });
  assert.deepEqual([hardware.status, hardware.text], [422, theirs.text]);
  await front.makeAccount('black-forest-labs');
  const squatter = new Api(front, { key: await front.makeKey('s', '--account', 'black-forest-labs') });
  const taken = await squatter.post('/models', { ...model('flux-schnell'), owner: 'black-forest-labs' });
  assert.deepEqual([taken.status, taken.json().invalid_fields[0].type], [422, 'unique']);
});

test('lists of models go from ours to those of the upstream, page by page and by glued addresses', async () => {
  await front.makeAccount('many');
  const many = new Api(front, { key: await front.makeKey('many', '--account', 'many') });
  for (let i = 0; i < 30; ++i) {
    const made = await many.post('/models', { owner: 'many', name: `m${i}`, visibility: 'private', hardware: 'cpu' });
    assert.equal(made.status, 201);
  }
  const shown = (await there.get('/models')).json().results.filter((m) => m.visibility === 'public');
  const direct = shown.map((m) => `${m.owner}/${m.name}`);
  const mine = Array.from({ length: 30 }, (_, i) => `many/m${29 - i}`);
  for (const glued of [false, true]) {
    const names = [];
    let pages = 0;
    for (let next = '/models'; next; ++pages) {
      const answer = await many.get(glued && pages > 0 ? `/${next}` : next.replace(`${front.origin}/v1`, ''));
      assert.equal(answer.status, 200, answer.text);
      const page = answer.json();
      names.push(...page.results.map((m) => `${m.owner}/${m.name}`));
      if (pages === 1) {
        const back = await many.get(page.previous.replace(`${front.origin}/v1`, ''));
        assert.deepEqual(back.json().results.map((m) => m.name), mine.slice(0, 25).map((m) => m.slice(5)));
      }
      next = page.next;
    }
    assert.equal(pages, 2);
    const local = names.filter((name) => !direct.includes(name));
    assert.deepEqual(names.slice(0, 30), mine);
    assert.deepEqual(names.filter((name) => direct.includes(name)), direct);
    assert.deepEqual(local, mine);
  }
  // In one order, whichever of them a model is of.
  for (const [sort, time] of [
    ['sort_by=model_created_at&sort_direction=asc', (m) => m.created_at],
    ['sort_by=latest_version_created_at&sort_direction=asc', (m) => m.latest_version?.created_at ?? m.created_at],
  ]) {
    const times = [];
    for (let next = `/models?${sort}`; next; ) {
      const page = (await many.get(next.replace(`${front.origin}/v1`, ''))).json();
      assert.ok(page.results.length <= 25);
      times.push(...page.results.map(time));
      next = page.next;
    }
    assert.equal(times.length, 30 + direct.length);
    assert.deepEqual(times, [...times].sort());
  }
  assert.equal((await many.get('/models?cursor=own.x')).status, 400);
  const versions = await api.get(`/${front.origin}/v1/models/${kFlux}/versions`);
  assert.deepEqual(versions.json(), (await there.get(`/models/${kFlux}/versions`)).json());
});

test('deployments of models of the upstream are made here and run there', async () => {
  const version = await versionOf(kFlux);
  const setup = { hardware: 'cpu', min_instances: 0, max_instances: 1 };
  // Of a version that nobody has asked for before.
  const lora = { name: 'lora', model: 'lucataco/flux-schnell-lora', version: kFluxLoraVersion, ...setup };
  assert.equal((await api.post('/deployments', lora)).status, 200);
  const made = await api.post('/deployments', { name: 'fast', model: kFlux, version, ...setup });
  assert.equal(made.json().current_release.version, version);
  for (const wrong of [{ version: '0'.repeat(64) }, { version: kFluxLoraVersion }, { model: 'nobody/nothing' }]) {
    const refused = await api.post('/deployments', { name: 'wrong', model: kFlux, version, ...setup, ...wrong });
    assert.deepEqual([refused.status, refused.json().title], [422, 'Invalid version or not permitted']);
  }
  assert.equal((await request(api, 'PATCH', '/deployments/default/fast', { version: kFluxLoraVersion })).status, 422);
  const run = await api.post('/deployments/default/fast/predictions', { input: smallImage('a deployment of ours') });
  assert.deepEqual([run.status, run.json().deployment, run.json().model], [201, 'fast', kFlux]);
  assert.equal((await api.finished(run.json().id)).status, 'succeeded');
  assert.equal((await atUpstream('a deployment of ours')).status, 'succeeded');
  assert.equal((await there.get('/deployments')).json().results.some((d) => d.name === 'fast'), false);
});

test('a training for a model of ours gives it a version, which runs at the upstream', async () => {
  const own = { owner: 'default', name: 'dog', visibility: 'private', hardware: 'cpu' };
  assert.equal((await api.post('/models', own)).status, 201);
  const path = `/models/${kTrainer}/versions/${await versionOf(kTrainer)}/trainings`;
  const input = { input_images: kZip, steps: 3, trigger_word: 'DOGDOG' };
  const made = await api.post(path, { destination: 'default/dog', input });
  assert.equal(made.status, 201, made.text);
  assert.deepEqual([made.json().model, made.json().input], [kTrainer, input]);
  const ours = await until('the end of the training', async () => {
    const now = (await api.get(`/trainings/${made.json().id}`)).json();
    return now.completed_at && now;
  });
  assert.equal(ours.status, 'succeeded', ours.error);
  const theirs = await atUpstream('DOGDOG', '/trainings');
  const version = theirs.output.version.split(':')[1];
  assert.equal(ours.output.version, `default/dog:${version}`);
  const link = await fetch(ours.output.weights);
  assert.equal(link.status, 200);
  await link.arrayBuffer();
  const remoteName = theirs.output.version.split(':')[0];
  const bare = (t) => {
    const { output, ...rest } = comparable(t);
    return { ...rest, logs: t.logs.replaceAll(remoteName, 'default/dog') };
  };
  assert.deepEqual(bare(ours), bare(theirs));

  // It is shown under the client's name alone, with the upstream's schema.
  const model = (await api.get('/models/default/dog')).json();
  assert.equal(model.latest_version.id, version);
  const remote = (await there.get(`/models/${theirs.output.version.replace(':', '/versions/')}`)).json();
  assert.deepEqual(model.latest_version.openapi_schema, remote.openapi_schema);
  assert.deepEqual((await api.get(`/models/default/dog/versions/${version}`)).json(), model.latest_version);
  assert.deepEqual((await api.get('/models/default/dog/versions')).json().results, [model.latest_version]);
  for (const list of [await api.get('/models'), await other.get('/models'), await api.get('/trainings')]) {
    assert.ok(!list.text.includes('operator') && !list.text.includes('hekto-trained'), 'the upstream shows');
  }

  // It runs by its id, by name and id, by the model's name, and in a deployment; for nobody else.
  const setup = { hardware: 'cpu', min_instances: 0, max_instances: 1 };
  assert.equal((await api.post('/deployments', { name: 'dogs', model: 'default/dog', version, ...setup })).status, 200);
  const run = async (to, at, prompt, body = {}) => to.post(at, { ...body, input: smallImage(prompt) });
  const runs = [
    await run(api, '/predictions', 'dog by id', { version }),
    await run(api, '/predictions', 'dog by both', { version: `default/dog:${version}` }),
    await run(api, '/models/default/dog/predictions', 'dog by model'),
    await run(api, '/deployments/default/dogs/predictions', 'dog by deployment'),
  ];
  for (const [i, how] of ['dog by id', 'dog by both', 'dog by model', 'dog by deployment'].entries()) {
    assert.equal(runs[i].status, 201, runs[i].text);
    const ended = await api.finished(runs[i].json().id);
    assert.deepEqual([ended.status, ended.model, ended.version], ['succeeded', 'default/dog', version], how);
    assert.ok(ended.logs.includes('in place of default/dog') && !ended.logs.includes('operator'), ended.logs);
    assert.equal((await atUpstream(how)).version, version);
  }
  for (const name of [version, `default/dog:${version}`, `${kFlux}:${version}`, `${remoteName}:${version}`]) {
    assert.equal((await run(other, '/predictions', 'not mine', { version: name })).status, 422, name);
  }
  assert.equal((await run(other, '/models/default/dog/predictions', 'not mine')).status, 404);
  assert.equal((await other.get(`/models/${remoteName}`)).status, 404);
  const again = await api.post(`/models/default/dog/versions/${version}/trainings`, { destination: 'default/dog', input });
  assert.equal(again.json().detail, 'The specified version cannot be trained');

  // Deleted here, it is deleted there.
  assert.equal((await request(api, 'DELETE', `/models/default/dog/versions/${version}`)).status, 403, 'it is deployed');
  assert.equal((await request(api, 'DELETE', '/deployments/default/dogs')).status, 204);
  assert.equal((await request(api, 'DELETE', `/models/default/dog/versions/${version}`)).status, 202);
  assert.equal((await api.get(`/models/default/dog/versions/${version}`)).status, 404);
  assert.equal((await there.get(`/models/${theirs.output.version.replace(':', '/versions/')}`)).status, 404);
  assert.equal((await run(api, '/predictions', 'gone', { version })).status, 422);
  assert.equal((await request(api, 'DELETE', '/models/default/dog')).status, 204);
});

test('a training for a model of the upstream makes nothing here', async () => {
  await there.post('/models', { owner: 'operator', name: 'cat', visibility: 'private', hardware: 'cpu' });
  const path = `/models/${kTrainer}/versions/${await versionOf(kTrainer)}/trainings`;
  const made = await api.post(path, { destination: 'operator/cat', input: { input_images: kZip, steps: 3 } });
  assert.equal(made.status, 201, made.text);
  const ended = await until('the end of the training', async () => {
    const now = (await api.get(`/trainings/${made.json().id}`)).json();
    return now.completed_at && now;
  });
  const [name, version] = ended.output.version.split(':');
  assert.equal(name, 'operator/cat');
  const run = await api.post('/predictions', { version, input: smallImage('a cat') });
  assert.deepEqual([run.status, run.json().model], [201, 'operator/cat']);
});

test('test keys see and run what is here', async () => {
  const sandbox = new Api(front, { key: await front.makeKey('t', '--test') });
  const ended = await sandbox.run(kFlux, smallImage('stays here'));
  assert.equal(ended.status, 'succeeded');
  assert.ok(!(await there.get('/predictions')).text.includes('stays here'));
});

test('what was seen of the catalog is shown while the upstream is down, and after a restart trained versions run', async () => {
  const second = await startServer({ after }, { args, key: false });
  const token = await second.makeKey('relay');
  const folder = tempFolder({ after });
  const options = (port) => ({ args: [...args, '--replicate-url', `http://127.0.0.1:${port}`], folder });
  const before = await startServer({ after }, { ...options(second.port), env: { REPLICATE_API_TOKEN: token } });
  const to = new Api(before);
  const model = await to.get(`/models/${kFlux}`);
  await to.post('/models', { owner: 'default', name: 'kept', visibility: 'private', hardware: 'cpu' });
  const trainer = (await to.get(`/models/${kTrainer}`)).json().latest_version.id;
  const made = await to.post(`/models/${kTrainer}/versions/${trainer}/trainings`, {
    destination: 'default/kept',
    input: { input_images: kZip, steps: 3 },
  });
  const done = await until('the training', async () => {
    const now = (await to.get(`/trainings/${made.json().id}`)).json();
    return now.completed_at && now;
  });
  await before.stop();
  const later = await startServer({ after }, { ...options(second.port), env: { REPLICATE_API_TOKEN: token } });
  const again = new Api(later);
  const version = done.output.version.split(':')[1];
  const run = await again.post('/predictions', { version, input: smallImage('after the restart') });
  assert.equal(run.status, 201, run.text);
  const ended = await again.finished(run.json().id);
  assert.deepEqual([ended.status, ended.model, ended.version], ['succeeded', 'default/kept', version]);
  assert.equal((await again.get(`/models/${kFlux}`)).status, 200);
  await second.stop();
  const shown = await again.get(`/models/${kFlux}`);
  assert.deepEqual(shown.json().latest_version, model.json().latest_version);
  const unseen = await again.get(`/models/${kLlama}`);
  assert.deepEqual([unseen.status, unseen.headers['retry-after']], [503, '1']);
  assert.equal((await again.get('/models/default/kept')).status, 200);
});

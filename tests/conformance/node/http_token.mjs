// SPDX-License-Identifier: Apache-2.0
// Plain requests with the older "Authorization: Token", as older clients and much documentation send them.
import assert from 'node:assert/strict';

import {
  assertWholeJpeg,
  drive,
  image,
  kImageModel,
  kTrainer,
  kTrainerVersion,
  key,
  kVersion,
  kVersionedModel,
  limitedKey,
  limitedOrigin,
  mount,
  newPrompt,
  origin,
  pageItems,
  pagesKey,
  training,
  unique,
  until,
  useUpLimit,
} from './driver.mjs';

/** Sends one request and returns {status, headers, json}. `path` may be a whole URL. */
async function call(method, path, { body, headers = {}, auth = key } = {}) {
  const url = path.startsWith('http') ? path : origin + mount + path;
  const form = body instanceof FormData;
  const answer = await fetch(url, {
    method,
    headers: {
      Authorization: `Token ${auth}`,
      ...(body && !form ? { 'Content-Type': 'application/json' } : {}),
      ...headers,
    },
    body: body && !form && typeof body !== 'string' ? JSON.stringify(body) : body,
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, json: text ? JSON.parse(text) : undefined };
}

const imagePath = `/models/${kImageModel}/predictions`;

async function ok(status, ...request) {
  const answer = await call(...request);
  assert.equal(answer.status, status, JSON.stringify(answer.json));
  return answer.json;
}

const create = (input, headers) => call('POST', imagePath, { body: { input }, headers });

async function allPages(path) {
  const items = [];
  let pages = 0;
  for (let next = path; next; ++pages) {
    const page = await ok(200, 'GET', next, { auth: pagesKey });
    items.push(...page.results);
    next = page.next;
  }
  assert.ok(pages > 1, 'there is only one page');
  return items;
}

async function finished(id) {
  return until('the end of the prediction', async () => {
    const prediction = await ok(200, 'GET', `/predictions/${id}`);
    return ['succeeded', 'failed', 'canceled', 'aborted'].includes(prediction.status) && prediction;
  });
}

const trainings = `/models/${kTrainer.join('/')}/versions/${kTrainerVersion}/trainings`;

/** A model of one's own that a training may give a version. */
async function makeDestination() {
  const { username: owner } = await ok(200, 'GET', '/account');
  const [{ sku: hardware }] = await ok(200, 'GET', '/hardware');
  const body = { owner, name: unique('trained'), hardware, visibility: 'private' };
  return `${owner}/${(await ok(201, 'POST', '/models', { body })).name}`;
}

async function makeDeployment(name) {
  const model = await ok(200, 'GET', `/models/${kImageModel}`);
  const [{ sku }] = await ok(200, 'GET', '/hardware');
  return ok(200, 'POST', '/deployments', {
    body: {
      name: unique(name),
      model: kImageModel,
      version: model.latest_version.id,
      hardware: sku,
      min_instances: 0,
      max_instances: 1,
    },
  });
}

await drive('', {
  async 'run-blocking'() {
    const { status, headers, json } = await create(image(newPrompt()), { Prefer: 'wait' });
    assert.deepEqual([status, json.status, headers.get('preference-applied')], [201, 'succeeded', 'wait']);
    assert.equal(headers.get('location'), json.urls.get);
  },

  async 'wait-over'() {
    const prompt = newPrompt('[sandbox:delay=2500ms]');
    const { status, headers, json } = await create(image(prompt), { Prefer: 'wait=1' });
    assert.deepEqual([status, json.status, json.output], [202, 'starting', null]);
    assert.equal(headers.get('preference-applied'), 'wait=1');
    assert.equal((await finished(json.id)).status, 'succeeded');
    const { results } = await ok(200, 'GET', '/predictions');
    assert.equal(results.filter((p) => p.input.prompt === prompt).length, 1);
  },

  async 'files-out'() {
    const { json } = await create(image(newPrompt(), { num_outputs: 3 }), { Prefer: 'wait' });
    assert.equal(json.output.length, 3);
    for (const url of json.output) {
      const answer = await fetch(url);
      assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/jpeg']);
      assertWholeJpeg(Buffer.from(await answer.arrayBuffer()));
    }
  },

  async 'create-by-model'() {
    const { status, headers, json } = await create(image(newPrompt()));
    assert.deepEqual([status, json.status, json.model], [201, 'starting', kImageModel]);
    assert.equal(headers.get('location'), `${origin}${mount}/predictions/${json.id}`);
  },

  async 'create-by-version'() {
    const made = await ok(201, 'POST', '/predictions', { body: { version: kVersion, input: { prompt: newPrompt() } } });
    assert.deepEqual([made.model, made.version], [kVersionedModel, kVersion]);
  },

  async get() {
    const { json } = await create(image(newPrompt()));
    const got = await ok(200, 'GET', json.urls.get);
    assert.deepEqual([got.id, got.input], [json.id, json.input]);
  },

  async list() {
    const { json } = await create(image(newPrompt()));
    const page = await ok(200, 'GET', '/predictions');
    assert.deepEqual(Object.keys(page).sort(), ['next', 'previous', 'results']);
    assert.equal(page.results[0].id, json.id);
  },

  async pages() {
    assert.deepEqual((await allPages('/predictions')).map((p) => p.id), pageItems().predictions);
  },

  async 'pages-others'() {
    const known = pageItems();
    assert.deepEqual((await allPages('/files')).map((f) => f.id), known.files);
    assert.deepEqual((await allPages('/deployments')).map((d) => d.name), known.deployments);
    assert.deepEqual((await allPages('/trainings')).map((t) => t.id), known.trainings);
    const versions = (await allPages('/models/pages/trained/versions')).map((v) => v.id);
    assert.deepEqual(versions.sort(), known.versions.sort());
    const models = (await allPages('/models')).map((m) => `${m.owner}/${m.name}`);
    assert.equal(new Set(models).size, models.length, 'a model is listed twice');
    assert.ok([kImageModel, ...known.models].every((model) => models.includes(model)), 'a model is missing');
  },

  async 'list-filters'() {
    await create(image(newPrompt()));
    const { json: second } = await create(image(newPrompt()));
    const since = encodeURIComponent(second.created_at);
    const after = await ok(200, 'GET', `/predictions?created_after=${since}`);
    assert.deepEqual(after.results.map((p) => p.id), [second.id]);
    const before = await ok(200, 'GET', `/predictions?created_before=${since}`);
    assert.ok(before.results.every((p) => p.created_at < second.created_at));
    const { results } = await ok(200, 'GET', '/models?sort_by=model_created_at&sort_direction=asc');
    const times = results.map((m) => m.created_at);
    assert.deepEqual(times, [...times].sort());
    await ok(400, 'GET', '/models?sort_by=name');
  },

  async cancel() {
    const { json } = await create(image(newPrompt('[sandbox:delay=300s]')));
    assert.equal((await ok(200, 'POST', json.urls.cancel)).status, 'canceled');
  },

  async 'cancel-after'() {
    const { json } = await create(image(newPrompt('[sandbox:delay=300s]')), { 'Cancel-After': '5s' });
    assert.equal(Date.parse(json.deadline) - Date.parse(json.created_at), 5000);
    assert.equal((await finished(json.id)).status, 'canceled');
  },

  async 'models-list'() {
    const { results } = await ok(200, 'GET', '/models');
    assert.ok(results.length > 0 && results.every((m) => m.owner && m.name && m.visibility === 'public'));
  },

  async 'models-get'() {
    const model = await ok(200, 'GET', `/models/${kImageModel}`);
    assert.equal(`${model.owner}/${model.name}`, kImageModel);
  },

  async 'versions-list'() {
    const { results } = await ok(200, 'GET', `/models/${kVersionedModel}/versions`);
    assert.ok(results.some((v) => v.id === kVersion));
  },

  async 'versions-get'() {
    const version = await ok(200, 'GET', `/models/${kVersionedModel}/versions/${kVersion}`);
    assert.ok(version.openapi_schema.components.schemas.Input);
  },

  async 'versions-delete'() {
    await ok(403, 'DELETE', `/models/${kVersionedModel}/versions/${kVersion}`);
  },

  async 'models-describe'() {
    const answer = await fetch(`${origin}${mount}/models/${kImageModel}/readme`, {
      headers: { Authorization: `Token ${key}` },
    });
    assert.match(answer.headers.get('content-type'), /^text\/plain/);
    assert.match(await answer.text(), /^# /m);
    const { results } = await ok(200, 'GET', `/models/${kImageModel}/examples`);
    assert.ok(Array.isArray(results) && results.every((example) => example.input));
  },

  async account() {
    assert.ok((await ok(200, 'GET', '/account')).username);
  },

  async 'error-401'() {
    assert.deepEqual(await ok(401, 'GET', '/predictions', { auth: 'wrong' }), {
      title: 'Unauthenticated',
      detail: 'You did not pass a valid authentication token',
      status: 401,
    });
  },

  async 'error-404'() {
    const nothing = { detail: 'The requested resource could not be found.', status: 404 };
    assert.deepEqual(await ok(404, 'GET', `/predictions/${'0'.repeat(26)}`), nothing);
    assert.deepEqual(await ok(404, 'POST', '/models/nobody/nothing/predictions', { body: { input: {} } }), nothing);
  },

  async 'error-422'() {
    assert.deepEqual(await ok(422, 'POST', imagePath, { body: { input: { num_outputs: 9 } } }), {
      detail: '- input: prompt is required\n- input.num_outputs: Must be less than or equal to 4\n',
      status: 422,
      title: 'Input validation failed',
      invalid_fields: [
        { type: 'required', field: 'input', description: 'prompt is required' },
        { type: 'number_lte', field: 'input.num_outputs', description: 'Must be less than or equal to 4' },
      ],
    });
  },

  async 'error-429'() {
    await useUpLimit();
    const answer = await fetch(`${limitedOrigin}${mount}/account`, {
      headers: { Authorization: `Token ${limitedKey}` },
    });
    assert.equal(answer.status, 429);
    assert.equal(answer.headers.get('ratelimit-remaining'), '0');
    const body = await answer.json();
    assert.deepEqual([body.status, String(body.retry_after)], [429, answer.headers.get('retry-after')]);
  },

  async 'files-too-large'() {
    const body = new FormData();
    body.set('content', new Blob([Buffer.alloc((2 << 20) + 1)]), 'large');
    assert.deepEqual(await ok(413, 'POST', '/files', { body }), { detail: 'Files must be less than 2MB in size' });
  },

  async 'files-download'() {
    const body = new FormData();
    body.set('content', new Blob(['to be fetched'], { type: 'text/plain' }), 'note.txt');
    const link = (await ok(201, 'POST', '/files', { body })).urls.download;
    const answer = await fetch(link);
    assert.deepEqual([answer.status, await answer.text()], [200, 'to be fetched']);
    assert.equal((await fetch(link.replace('owner=', 'owner=x'))).status, 404);
  },

  async files() {
    const body = new FormData();
    body.set('content', new Blob(['a note'], { type: 'text/plain' }), 'note.txt');
    body.set('metadata', '{"about":"x"}');
    const made = await ok(201, 'POST', '/files', { body });
    assert.deepEqual([made.name, made.content_type, made.size], ['note.txt', 'text/plain', 6]);
    assert.deepEqual(made.metadata, { about: 'x' });
    assert.equal((await ok(200, 'GET', `/files/${made.id}`)).id, made.id);
    assert.ok((await ok(200, 'GET', '/files')).results.some((f) => f.id === made.id));
    await ok(204, 'DELETE', `/files/${made.id}`);
    await ok(404, 'GET', `/files/${made.id}`);
  },

  async 'models-search'() {
    const search = { body: 'flux-schnell', headers: { 'Content-Type': 'text/plain' } };
    const { results } = await ok(200, 'QUERY', '/models', search);
    assert.ok(results.some((m) => `${m.owner}/${m.name}` === kImageModel));
  },

  async search() {
    const found = await ok(200, 'GET', '/search?query=flux-schnell');
    assert.ok(found.models.some(({ model }) => `${model.owner}/${model.name}` === kImageModel));
  },

  async 'models-own'() {
    const { username: owner } = await ok(200, 'GET', '/account');
    const [{ sku: hardware }] = await ok(200, 'GET', '/hardware');
    const name = unique('own');
    const made = await ok(201, 'POST', '/models', { body: { owner, name, hardware, visibility: 'private' } });
    assert.deepEqual([made.owner, made.name, made.visibility], [owner, name, 'private']);
    const words = { description: 'of my own', github_url: 'https://github.com/own/own' };
    const changed = await ok(200, 'PATCH', `/models/${owner}/${name}`, { body: words });
    assert.deepEqual({ description: changed.description, github_url: changed.github_url }, words);
    await ok(204, 'DELETE', `/models/${owner}/${name}`);
    await ok(404, 'GET', `/models/${owner}/${name}`);
  },

  async hardware() {
    assert.ok((await ok(200, 'GET', '/hardware')).every((h) => h.sku && h.name));
  },

  async collections() {
    const [{ slug, name }] = (await ok(200, 'GET', '/collections')).results;
    const collection = await ok(200, 'GET', `/collections/${slug}`);
    assert.equal(collection.name, name);
    assert.ok(collection.models.length > 0);
  },

  async deployments() {
    const made = await makeDeployment('listed');
    const path = `/deployments/${made.owner}/${made.name}`;
    assert.deepEqual((await ok(200, 'GET', path)).current_release, made.current_release);
    assert.ok((await ok(200, 'GET', '/deployments')).results.some((d) => d.name === made.name));
    const updated = await ok(200, 'PATCH', path, { body: { max_instances: 2 } });
    assert.equal(updated.current_release.number, made.current_release.number + 1);
    await ok(204, 'DELETE', path);
    await ok(404, 'GET', path);
  },

  async 'deployment-run'() {
    const made = await makeDeployment('run');
    const path = `/deployments/${made.owner}/${made.name}/predictions`;
    const { status, json } = await call('POST', path, {
      body: { input: image(newPrompt()) },
      headers: { Prefer: 'wait' },
    });
    assert.deepEqual([status, json.status, json.model], [201, 'succeeded', kImageModel]);
  },

  async trainings() {
    const destination = await makeDestination();
    const body = { destination, input: training('[sandbox:delay=300s]') };
    const created = await ok(201, 'POST', trainings, { body });
    assert.deepEqual([created.status, created.version], ['starting', kTrainerVersion]);
    assert.equal((await ok(200, 'GET', '/trainings')).results[0].id, created.id);
    assert.equal((await ok(200, 'POST', created.urls.cancel)).status, 'canceled');
    assert.equal((await ok(200, 'GET', `/trainings/${created.id}`)).status, 'canceled');
    await ok(422, 'POST', trainings, { body: { destination, input: { steps: 'many' } } });
    await ok(404, 'POST', trainings, { body: { ...body, destination: 'nobody/nothing' } });
  },

  async 'trained-run'() {
    const destination = await makeDestination();
    const { id } = await ok(201, 'POST', trainings, { body: { destination, input: training() } });
    const done = await until('the end of the training', async () => {
      const now = await ok(200, 'GET', `/trainings/${id}`);
      return now.completed_at && now;
    });
    const version = done.output.version.split(':')[1];
    const body = { version, input: image(newPrompt()) };
    const { status, json } = await call('POST', '/predictions', { body, headers: { Prefer: 'wait' } });
    assert.deepEqual([status, json.status, json.model], [201, 'succeeded', destination]);
    await ok(202, 'DELETE', `/models/${destination}/versions/${version}`);
    await ok(404, 'GET', `/models/${destination}/versions/${version}`);
  },

  async 'webhook-secret'() {
    assert.match((await ok(200, 'GET', '/webhooks/default/secret')).key, /^whsec_/);
  },
});

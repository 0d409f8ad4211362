// SPDX-License-Identifier: Apache-2.0
// The official npm client.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

import {
  assertWholeJpeg,
  drive,
  image,
  kImageModel,
  key,
  kTextModel,
  kTrainer,
  kTrainerVersion,
  kVersion,
  kVersionedModel,
  limitedKey,
  limitedOrigin,
  mount,
  newPrompt,
  openReceiver,
  origin,
  pageItems,
  pagesKey,
  secure,
  training,
  unique,
  until,
  useUpLimit,
  watched,
} from './driver.mjs';

// The end-to-end tests use the same package, pinned by their lock file.
const require = createRequire(new URL('../../e2e/package.json', import.meta.url));
const Replicate = require('replicate');
const { parseProgressFromLogs, validateWebhook } = watched(Replicate, ['parseProgressFromLogs', 'validateWebhook']);

const kOwnMethods = Object.getOwnPropertyNames(Replicate.prototype).filter((name) => name !== 'constructor');

function client(auth = key, baseUrl = origin + mount) {
  const made = new Replicate({ auth, baseUrl });
  const parts = Object.keys(made).filter((name) => name !== 'fetch');
  return watched(made, [...kOwnMethods, ...parts]);
}

const replicate = client();
const [owner, name] = kImageModel.split('/');

/** The bytes of an output file. The client makes objects only of https: and data: URLs; others stay text. */
async function download(output) {
  assert.equal(typeof output === 'string', !secure, 'a file object is expected over https, a URL over http');
  if (!secure) {
    const answer = await fetch(output);
    assert.equal(answer.status, 200);
    return Buffer.from(await answer.arrayBuffer());
  }
  const blob = await output.blob();
  assert.equal(blob.type, 'image/jpeg');
  return Buffer.from(await blob.arrayBuffer());
}

async function withPrompt(prompt) {
  return (await replicate.predictions.list()).results.filter((p) => p.input.prompt === prompt);
}

/** Expects `promise` to be refused with `status` and a body that contains `words`. */
async function refused(promise, status, words) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.name, 'ApiError');
    assert.equal(error.response.status, status);
    assert.ok(error.message.includes(words), error.message);
    return true;
  });
}

async function textOf(events) {
  const all = [];
  for await (const event of events) all.push(event);
  assert.equal(all.at(-1).event, 'done');
  return all
    .filter((e) => e.event === 'output')
    .map((e) => e.data)
    .join('');
}

/** A model of one's own that a training may give a version. */
async function makeDestination() {
  const [{ username }, [{ sku }]] = await Promise.all([replicate.accounts.current(), replicate.hardware.list()]);
  const made = await replicate.models.create(username, unique('trained'), { visibility: 'private', hardware: sku });
  return `${made.owner}/${made.name}`;
}

async function makeDeployment(label) {
  const [model, [hardware]] = await Promise.all([replicate.models.get(owner, name), replicate.hardware.list()]);
  return replicate.deployments.create({
    name: unique(label),
    model: kImageModel,
    version: model.latest_version.id,
    hardware: hardware.sku,
    min_instances: 0,
    max_instances: 1,
  });
}

await drive(require('replicate/package.json').version, {
  async 'run-blocking'() {
    const seen = [];
    const output = await replicate.run(kImageModel, { input: image(newPrompt()) }, (p) => seen.push(p.status));
    assertWholeJpeg(await download(output[0]));
    assert.equal(seen[0], 'succeeded', 'the create did not wait');
  },

  async 'run-polling'() {
    const seen = [];
    const wait = { mode: 'poll', interval: 50 };
    const output = await replicate.run(kImageModel, { input: image(newPrompt()), wait }, (p) => seen.push(p.status));
    assertWholeJpeg(await download(output[0]));
    assert.equal(seen[0], 'starting');
    assert.equal(seen.at(-1), 'succeeded');
  },

  async 'run-version'() {
    const input = { prompt: newPrompt(), output_format: 'jpg' };
    const output = await replicate.run(`${kVersionedModel}:${kVersion}`, { input });
    assertWholeJpeg(await download(output[0]));
  },

  async 'run-text'() {
    const output = await replicate.run(kTextModel, { input: { prompt: newPrompt(), max_tokens: 20 } });
    assert.ok(output.length > 1 && output.join('').length > 10);
  },

  async 'run-failed'() {
    const run = replicate.run(kImageModel, { input: image(newPrompt('[sandbox:fail=the brush broke]')) });
    await assert.rejects(run, { message: 'Prediction failed: the brush broke' });
  },

  async 'wait-over'() {
    const prompt = newPrompt('[sandbox:delay=2500ms]');
    const seen = [];
    const wait = { mode: 'block', timeout: 1 };
    const output = await replicate.run(kImageModel, { input: image(prompt), wait }, (p) => seen.push(p.status));
    assert.equal(seen[0], 'starting');
    assert.ok(seen.includes('processing'));
    assertWholeJpeg(await download(output[0]));
    assert.equal((await withPrompt(prompt)).length, 1);
  },

  async 'longest-wait'() {
    const prompt = newPrompt('[sandbox:delay=61s]');
    const output = await replicate.run(kImageModel, { input: image(prompt) });
    assertWholeJpeg(await download(output[0]));
    assert.equal((await withPrompt(prompt)).length, 1);
  },

  async 'files-out'() {
    const output = await replicate.run(kImageModel, { input: image(newPrompt(), { num_outputs: 3 }) });
    assert.equal(output.length, 3);
    if (!secure) return Promise.all(output.map(async (url) => assertWholeJpeg(await download(url))));
    // An object's content can be taken once: whole, in pieces, or by its address.
    const [whole, inPieces, byAddress] = output.map((file) => watched(file, ['url', 'blob'], 'FileOutput.'));
    assertWholeJpeg(Buffer.from(await (await whole.blob()).arrayBuffer()));
    const pieces = [];
    for await (const piece of output[1]) pieces.push(piece);
    assertWholeJpeg(Buffer.concat(pieces));
    assert.equal(String(output[1]), inPieces.url().href);
    assertWholeJpeg(Buffer.from(await (await fetch(byAddress.url())).arrayBuffer()));
  },

  async progress() {
    const created = await replicate.predictions.create({ model: kImageModel, input: image(newPrompt()), wait: true });
    assert.deepEqual(parseProgressFromLogs(created), { percentage: 1, current: 4, total: 4 });
  },

  async 'create-by-model'() {
    const input = image(newPrompt());
    const created = await replicate.predictions.create({ model: kImageModel, input });
    assert.equal(created.status, 'starting');
    assert.equal(created.model, kImageModel);
    assert.deepEqual(created.input, input);
  },

  async 'create-by-version'() {
    const created = await replicate.predictions.create({ version: kVersion, input: { prompt: newPrompt() } });
    assert.deepEqual([created.status, created.model, created.version], ['starting', kVersionedModel, kVersion]);
  },

  async get() {
    const created = await replicate.predictions.create({ model: kImageModel, input: image(newPrompt()) });
    const got = await replicate.predictions.get(created.id);
    assert.deepEqual([got.id, got.input, got.urls], [created.id, created.input, created.urls]);
    assert.equal(got.urls.get, `${origin}${mount}/predictions/${got.id}`);
  },

  async list() {
    const first = await replicate.predictions.create({ model: kImageModel, input: image(newPrompt()) });
    const second = await replicate.predictions.create({ model: kImageModel, input: image(newPrompt()) });
    const { results } = await replicate.predictions.list();
    assert.deepEqual([results[0].id, results[1].id], [second.id, first.id]);
  },

  async pages() {
    const pager = client(pagesKey);
    const pages = [];
    for await (const page of pager.paginate(pager.predictions.list)) pages.push(page.map((p) => p.id));
    assert.equal(pages.length, 3);
    assert.deepEqual(pages.flat(), pageItems().predictions);
  },

  async 'pages-others'() {
    const pager = client(pagesKey);
    const known = pageItems();
    const all = async (list, idOf) => {
      const pages = [];
      for await (const page of pager.paginate(list)) pages.push(page.map(idOf));
      assert.ok(pages.length > 1, 'there is only one page');
      return pages.flat();
    };
    assert.deepEqual(await all(pager.files.list, (f) => f.id), known.files);
    assert.deepEqual(await all(pager.deployments.list, (d) => d.name), known.deployments);
    assert.deepEqual(await all(pager.trainings.list, (t) => t.id), known.trainings);
    const versions = await all(() => pager.models.versions.list('pages', 'trained'), (v) => v.id);
    assert.deepEqual(versions.sort(), known.versions.sort());
    const models = await all(pager.models.list, (m) => `${m.owner}/${m.name}`);
    assert.equal(new Set(models).size, models.length, 'a model is listed twice');
    assert.ok([kImageModel, ...known.models].every((model) => models.includes(model)), 'a model is missing');
  },

  async wait() {
    const created = await replicate.predictions.create({ model: kImageModel, input: image(newPrompt()) });
    const done = await replicate.wait(created, { interval: 50 });
    assert.deepEqual([done.id, done.status, done.output.length], [created.id, 'succeeded', 1]);
  },

  async cancel() {
    const input = image(newPrompt('[sandbox:delay=300s]'));
    const created = await replicate.predictions.create({ model: kImageModel, input });
    assert.equal((await replicate.predictions.cancel(created.id)).status, 'canceled');
    assert.equal((await replicate.predictions.get(created.id)).status, 'canceled');
  },

  async abort() {
    const controller = new AbortController();
    const options = {
      input: image(newPrompt('[sandbox:delay=300s]')),
      wait: { mode: 'poll', interval: 50 },
      signal: controller.signal,
    };
    let id;
    await replicate.run(kImageModel, options, (p) => {
      id = p.id;
      controller.abort();
    });
    assert.equal((await replicate.predictions.get(id)).status, 'canceled');
  },

  async 'stream-text'() {
    const prompt = newPrompt();
    const text = await textOf(replicate.stream(kTextModel, { input: { prompt, max_tokens: 60 } }));
    assert.ok(text.length > 10);
    assert.equal(text, (await withPrompt(prompt))[0].output.join(''));
  },

  async 'stream-silent'() {
    const input = { prompt: newPrompt('[sandbox:delay=36s]'), max_tokens: 20 };
    assert.ok((await textOf(replicate.stream(kTextModel, { input }))).length > 10);
  },

  async 'stream-files'() {
    const files = [];
    for await (const event of replicate.stream(kImageModel, { input: image(newPrompt(), { num_outputs: 2 }) })) {
      // Whatever the scheme: for these streams the client makes objects of all URLs.
      if (event.event === 'output') files.push(Buffer.from(await (await event.data.blob()).arrayBuffer()));
    }
    assert.equal(files.length, 2);
    files.forEach(assertWholeJpeg);
  },

  async 'stream-failed'() {
    const input = { prompt: newPrompt('[sandbox:fail=out of words]') };
    await assert.rejects(textOf(replicate.stream(kTextModel, { input })), /out of words/);
  },

  async 'models-list'() {
    const { results } = await replicate.models.list();
    assert.ok(results.length > 0 && results.every((m) => m.owner && m.name && m.visibility === 'public'));
  },

  async 'models-get'() {
    const model = await replicate.models.get(owner, name);
    assert.deepEqual([model.owner, model.name, model.visibility], [owner, name, 'public']);
    assert.ok(model.latest_version.openapi_schema.components.schemas.Input.properties.prompt);
  },

  async 'versions-list'() {
    const { results } = await replicate.models.versions.list(...kVersionedModel.split('/'));
    assert.ok(results.some((v) => v.id === kVersion));
  },

  async 'versions-get'() {
    const version = await replicate.models.versions.get(...kVersionedModel.split('/'), kVersion);
    assert.equal(version.id, kVersion);
    assert.ok(version.openapi_schema.components.schemas.Output);
  },

  async account() {
    const account = await replicate.accounts.current();
    assert.equal(account.type, 'organization');
    assert.ok(account.username && account.name);
  },

  async 'error-401'() {
    await refused(client('wrong').predictions.list(), 401, 'You did not pass a valid authentication token');
  },

  async 'error-404'() {
    const words = 'The requested resource could not be found.';
    await refused(replicate.predictions.get('0'.repeat(26)), 404, words);
    await refused(replicate.run('nobody/nothing', { input: {} }), 404, words);
  },

  async 'error-422'() {
    const create = replicate.predictions.create({ model: kImageModel, input: { num_outputs: 9 } });
    await refused(create, 422, '- input: prompt is required\\n- input.num_outputs: Must be less than or equal to 4\\n');
  },

  async 'error-429'() {
    await useUpLimit();
    const limited = client(limitedKey, limitedOrigin + mount);
    // This client asks six times within a sixth of a second, and then gives up.
    await refused(limited.accounts.current(), 429, 'Request was throttled.');
  },

  async request() {
    const answer = await replicate.request('/predictions', { method: 'GET', params: { created_after: '2000-01-01' } });
    assert.equal(answer.status, 200);
    assert.ok(Array.isArray((await answer.json()).results));
  },

  async files() {
    const content = Buffer.from('a note');
    const made = await replicate.files.create(new File([content], 'note.txt', { type: 'text/plain' }), { about: 'x' });
    assert.deepEqual([made.name, made.content_type, made.size], ['note.txt', 'text/plain', content.length]);
    assert.deepEqual(made.metadata, { about: 'x' });
    assert.equal((await replicate.files.get(made.id)).checksums.sha256, made.checksums.sha256);
    assert.ok((await replicate.files.list()).results.some((f) => f.id === made.id));
    assert.equal(await replicate.files.delete(made.id), true);
    await refused(replicate.files.get(made.id), 404, '');
  },

  async 'file-input'() {
    const [url] = await replicate.run(kImageModel, { input: image(newPrompt()) });
    const picture = new Blob([await download(url)], { type: 'image/jpeg' });
    const input = { prompt: newPrompt(), image: picture, output_format: 'jpg' };
    const output = await replicate.run(`${kVersionedModel}:${kVersion}`, { input });
    assertWholeJpeg(await download(output[0]));
    const [prediction] = await withPrompt(input.prompt);
    assert.ok(prediction.input.image.startsWith(`${origin}${mount}/files/`), prediction.input.image);
  },

  async 'file-kinds'() {
    const [output] = await replicate.run(kImageModel, { input: image(newPrompt()) });
    const picture = await download(output);
    const kinds = [
      picture,
      new Blob([picture], { type: 'image/jpeg' }),
      new File([picture], 'start.jpg', { type: 'image/jpeg' }),
      `data:image/jpeg;base64,${picture.toString('base64')}`,
      (await replicate.files.create(picture)).urls.get,
    ];
    for (const kind of kinds) {
      const input = { prompt: newPrompt(), image: kind, output_format: 'jpg' };
      assertWholeJpeg(await download((await replicate.run(`${kVersionedModel}:${kVersion}`, { input }))[0]));
    }
  },

  async 'files-too-large'() {
    await refused(replicate.files.create(Buffer.alloc((2 << 20) + 1)), 413, 'Files must be less than 2MB in size');
  },

  async 'models-search'() {
    const { results } = await replicate.models.search('flux-schnell');
    assert.ok(results.some((m) => `${m.owner}/${m.name}` === kImageModel));
  },

  async 'models-own'() {
    // This client can create one, and has no call to delete it.
    const account = await replicate.accounts.current();
    const label = unique('own');
    const [{ sku }] = await replicate.hardware.list();
    const made = await replicate.models.create(account.username, label, { visibility: 'private', hardware: sku });
    assert.deepEqual([made.owner, made.name, made.visibility], [account.username, label, 'private']);
    assert.equal((await replicate.models.get(account.username, label)).name, label);
  },

  async hardware() {
    const all = await replicate.hardware.list();
    assert.ok(all.length > 0 && all.every((h) => h.sku && h.name));
  },

  async collections() {
    const [{ slug, name: title }] = (await replicate.collections.list()).results;
    const collection = await replicate.collections.get(slug);
    assert.equal(collection.name, title);
    assert.ok(collection.models.every((m) => m.owner && m.name && m.url));
  },

  async deployments() {
    const made = await makeDeployment('listed');
    assert.equal(made.current_release.model, kImageModel);
    const got = await replicate.deployments.get(made.owner, made.name);
    assert.deepEqual(got.current_release, made.current_release);
    assert.ok((await replicate.deployments.list()).results.some((d) => d.name === made.name));
    const updated = await replicate.deployments.update(made.owner, made.name, { max_instances: 2 });
    assert.equal(updated.current_release.configuration.max_instances, 2);
    assert.equal(updated.current_release.number, made.current_release.number + 1);
    assert.equal(await replicate.deployments.delete(made.owner, made.name), true);
    await refused(replicate.deployments.get(made.owner, made.name), 404, '');
  },

  async 'deployment-run'() {
    const made = await makeDeployment('run');
    const created = await replicate.deployments.predictions.create(made.owner, made.name, {
      input: image(newPrompt()),
      wait: true,
    });
    assert.deepEqual([created.status, created.model], ['succeeded', kImageModel]);
  },

  async trainings() {
    const destination = await makeDestination();
    const input = training('[sandbox:delay=300s]');
    const created = await replicate.trainings.create(...kTrainer, kTrainerVersion, { destination, input });
    assert.deepEqual([created.status, created.version, created.input], ['starting', kTrainerVersion, input]);
    assert.equal((await replicate.trainings.list()).results[0].id, created.id);
    assert.equal((await replicate.trainings.cancel(created.id)).status, 'canceled');
    assert.equal((await replicate.trainings.get(created.id)).status, 'canceled');
  },

  async 'trained-run'() {
    const destination = await makeDestination();
    const options = { destination, input: training() };
    const { id } = await replicate.trainings.create(...kTrainer, kTrainerVersion, options);
    const done = await until('the end of the training', async () => {
      const now = await replicate.trainings.get(id);
      return now.completed_at && now;
    });
    assert.equal(done.status, 'succeeded', done.error);
    assert.ok(done.output.version.startsWith(`${destination}:`), done.output.version);
    const output = await replicate.run(done.output.version, { input: image(newPrompt()) });
    assertWholeJpeg(await download(output[0]));
  },

  async 'webhook-secret'() {
    assert.match((await replicate.webhooks.default.secret.get()).key, /^whsec_[A-Za-z0-9+/=]+$/);
  },

  async webhook() {
    const { key: secret } = await replicate.webhooks.default.secret.get();
    const receiver = await openReceiver();
    try {
      const created = await replicate.predictions.create({
        model: kImageModel,
        input: image(newPrompt()),
        webhook: receiver.url,
        webhook_events_filter: ['completed'],
      });
      const { headers, body } = await until('the webhook', () => receiver.received[0]);
      assert.deepEqual([JSON.parse(body).id, JSON.parse(body).status], [created.id, 'succeeded']);
      const signed = {
        id: headers['webhook-id'],
        timestamp: headers['webhook-timestamp'],
        signature: headers['webhook-signature'],
        secret,
      };
      assert.equal(await validateWebhook({ ...signed, body }), true);
      assert.equal(await validateWebhook({ ...signed, body: `${body} ` }), false);
    } finally {
      receiver.close();
    }
  },
});

// SPDX-License-Identifier: Apache-2.0
// The official npm client, unchanged: only its base URL and key are ours.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import Replicate from 'replicate';

import { kFlux, kFluxLoraVersion, kLlama, smallImage } from './support/http.mjs';
import { readImage } from './support/images.mjs';
import { startServer } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0', '--rate-limits-creates', '0'] });

const client = (mount, options = {}) => new Replicate({ auth: server.key, baseUrl: server.origin + mount, ...options });

async function download(url) {
  const answer = await fetch(url);
  assert.equal(answer.status, 200);
  return Buffer.from(await answer.arrayBuffer());
}

async function statusOf(promise) {
  try {
    await promise;
  } catch (error) {
    return [error.response?.status, error.message];
  }
  return [200, ''];
}

for (const mount of ['/v1', '/replicate/v1']) {
  test(`${mount}: run blocks until the image is there`, async () => {
    const output = await client(mount).run(kFlux, { input: smallImage('a red fox') });
    assert.equal(output.length, 1);
    const image = readImage(await download(String(output[0])));
    assert.deepEqual([image.type, image.width, image.height, image.whole], ['jpg', 512, 512, true]);
  });

  test(`${mount}: run polls to the end and reports progress`, async () => {
    const seen = [];
    const output = await client(mount).run(
      `lucataco/flux-schnell-lora:${kFluxLoraVersion}`,
      {
        input: { prompt: 'a red fox', hf_lora: 'alvdansen/frosting_lane_flux', output_format: 'webp' },
        wait: { mode: 'poll', interval: 50 },
      },
      (prediction) => seen.push(prediction.status),
    );
    const image = readImage(await download(String(output[0])));
    assert.deepEqual([image.type, image.width, image.height], ['webp', 1024, 1024]);
    assert.equal(seen.at(-1), 'succeeded');
  });

  test(`${mount}: run of a language model gives the chunks of its text`, async () => {
    const output = await client(mount).run(kLlama, { input: { prompt: 'Say something.', max_tokens: 12 } });
    assert.ok(output.length > 1);
    assert.notEqual(output.join(''), '');
  });

  test(`${mount}: run throws what the model failed with`, async () => {
    await assert.rejects(
      client(mount).run(kFlux, { input: smallImage('[sandbox:fail=the brush broke]') }),
      /Prediction failed: the brush broke/,
    );
  });

  test(`${mount}: predictions are created, got, waited for and cancelled`, async () => {
    const replicate = client(mount);
    const created = await replicate.predictions.create({
      model: kFlux,
      input: smallImage('a slow fox [sandbox:delay=300s]'),
    });
    assert.match(created.id, /^[0-9a-z]{26}$/);
    assert.equal(created.status, 'starting');
    const got = await replicate.predictions.get(created.id);
    assert.deepEqual(got.input, created.input);
    assert.equal(new URL(got.urls.get).pathname, `${mount}/predictions/${created.id}`);

    const canceled = await replicate.predictions.cancel(created.id);
    assert.equal(canceled.status, 'canceled');
    assert.equal((await replicate.predictions.get(created.id)).status, 'canceled');

    const quick = await replicate.predictions.create({ version: kFluxLoraVersion, input: { prompt: 'a quick fox' } });
    const done = await replicate.wait(quick, { interval: 50 });
    assert.equal(done.status, 'succeeded');
    assert.equal(done.output.length, 1);
  });

  test(`${mount}: a blocking create answers with the outcome`, async () => {
    const created = await client(mount).predictions.create({ model: kFlux, input: smallImage('a fox'), wait: 30 });
    assert.equal(created.status, 'succeeded');
    assert.equal(created.output.length, 1);
  });

  test(`${mount}: an aborted run cancels its prediction`, async () => {
    const replicate = client(mount);
    const controller = new AbortController();
    let id;
    await replicate
      .run(
        kFlux,
        {
          input: smallImage('an abandoned fox [sandbox:delay=300s]'),
          wait: { mode: 'poll', interval: 50 },
          signal: controller.signal,
        },
        (prediction) => {
          id = prediction.id;
          controller.abort();
        },
      )
      .catch(() => {});
    assert.equal((await replicate.predictions.get(id)).status, 'canceled');
  });

  test(`${mount}: stream gives the text that the prediction keeps, and a done event`, async () => {
    const replicate = client(mount);
    const events = [];
    for await (const event of replicate.stream(kLlama, { input: { prompt: `stream at ${mount}`, max_tokens: 40 } })) {
      events.push(event);
    }
    assert.equal(events.at(-1).event, 'done');
    const streamed = events
      .filter((e) => e.event === 'output')
      .map((e) => e.data)
      .join('');
    const page = await replicate.predictions.list();
    const kept = page.results.find((p) => p.input.prompt === `stream at ${mount}`);
    assert.equal(streamed, kept.output.join(''));
  });

  test(`${mount}: refusals surface with their status and words`, async () => {
    assert.deepEqual((await statusOf(client(mount, { auth: 'wrong' }).predictions.list()))[0], 401);
    assert.deepEqual((await statusOf(client(mount).predictions.get('0'.repeat(26))))[0], 404);
    assert.deepEqual((await statusOf(client(mount).run('nobody/nothing', { input: {} })))[0], 404);
    const [status, message] = await statusOf(
      client(mount).predictions.create({ model: kFlux, input: { num_inference_steps: 5 } }),
    );
    assert.equal(status, 422);
    assert.match(message, /prompt is required/);
  });

  test(`${mount}: models can be read`, async () => {
    const [owner, name] = kFlux.split('/');
    const model = await client(mount).models.get(owner, name);
    assert.equal(`${model.owner}/${model.name}`, kFlux);
    const version = await client(mount).models.versions.get(owner, name, model.latest_version.id);
    assert.ok(version.openapi_schema.components.schemas.Input.properties.prompt);
    assert.ok((await client(mount).models.list()).results.length >= 4);
  });
}

test('paginate walks more than one page and meets every prediction once, newest first', async () => {
  await server.makeAccount('pages');
  const auth = await server.makeKey('pages', '--account', 'pages');
  const replicate = new Replicate({ auth, baseUrl: `${server.origin}/v1` });
  const created = [];
  for (let i = 0; i < 205; ++i) {
    created.push((await replicate.predictions.create({ model: kLlama, input: { prompt: `${i}`, max_tokens: 1 } })).id);
  }
  const listed = [];
  let pages = 0;
  for await (const results of replicate.paginate(replicate.predictions.list)) {
    listed.push(...results.map((p) => p.id));
    ++pages;
  }
  assert.equal(pages, 3);
  assert.deepEqual(listed, created.reverse());
});

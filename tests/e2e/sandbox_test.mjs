// SPDX-License-Identifier: Apache-2.0
// Steering the sandbox, by directives in the input and by the header Hekto-Sandbox.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, kFlux, kFluxLoraVersion, kLlama, smallImage } from './support/http.mjs';
import { Receiver } from './support/receiver.mjs';
import { parseEvents, readStream } from './support/sse.mjs';
import { Server, startServer, tempFolder, until } from './support/server.mjs';

const kQuick = ['--sandbox-speed', '0', '--rate-limits-creates', '0'];
const server = await startServer({ after }, { args: kQuick });
const api = new Api(server);

const kForms = {
  'by the prompt': (directives) => [{ prompt: directives.map((d) => `[sandbox:${d}]`).join(' ') }, {}],
  'by the header': (directives) => [{ prompt: 'a fox' }, { 'hekto-sandbox': directives.join('; ') }],
};

/** Creates with the directives in the given form. */
function steer(form, directives, model = kLlama, on = api) {
  const [input, headers] = kForms[form](directives);
  return on.create(model, model === kFlux ? { ...smallImage(''), ...input } : input, headers);
}
const steered = async (...args) => api.finished((await steer(...args)).id);

for (const form of Object.keys(kForms)) {
  test(`${form}: it fails with the message asked for`, async () => {
    const p = await steered(form, ['fail=out of memory']);
    assert.equal(p.status, 'failed');
    assert.equal(p.error, 'out of memory');
    assert.equal(p.output, null);
    assert.equal((await steered(form, ['fail=E1001'], kFlux)).error, 'The model ran out of memory (E1001)');
  });

  test(`${form}: it fails before it started`, async () => {
    const p = await steered(form, ['setup-fail']);
    assert.equal(p.status, 'failed');
    assert.equal(p.error, 'Timeout starting the prediction (E6716)');
    assert.ok(!p.started_at);
  });

  test(`${form}: it fails after some output, and the stream says so`, async () => {
    const created = await steer(form, ['fail-after=2', 'fail=lost it']);
    const events = parseEvents((await readStream(created.urls.stream)).text);
    assert.deepEqual(
      events.map((e) => e.event),
      ['output', 'output', 'error', 'done'],
    );
    assert.deepEqual(JSON.parse(events[2].data), { detail: 'lost it' });
    assert.deepEqual(JSON.parse(events[3].data), { reason: 'error' });
    const p = await api.prediction(created.id);
    assert.equal(p.output.length, 2);
  });

  test(`${form}: lost workers use its attempts up`, async () => {
    const p = await steered(form, ['interrupt']);
    assert.equal(p.status, 'failed');
    assert.equal(p.error, 'Prediction interrupted; please retry (code: PA)');
  });

  test(`${form}: one lost worker costs time, not the prediction`, async () => {
    const p = await steered(form, ['interrupt=1']);
    assert.equal(p.status, 'succeeded');
    assert.match(p.logs, /attempt 2; the attempt before it was interrupted/);
  });

  test(`${form}: it hangs until it is canceled`, async () => {
    const { id } = await steer(form, ['items=3', 'hang-after=2'], kFlux);
    await api.finished(id, (p) => p.output?.length === 2);
    const p = (await api.post(`/predictions/${id}/cancel`, '')).json();
    assert.equal(p.status, 'canceled');
    assert.equal(p.output.length, 2);
  });

  test(`${form}: it hangs until its deadline`, async () => {
    const [input, headers] = kForms[form](['hang']);
    const { id } = await api.create(kLlama, input, { ...headers, 'cancel-after': '5s' });
    assert.equal((await api.finished(id)).status, 'canceled');
  });

  test(`${form}: it stays in starting until its deadline`, async () => {
    const [input, headers] = kForms[form](['setup=10m']);
    const { id } = await api.create(kLlama, input, { ...headers, 'cancel-after': '5s' });
    assert.equal((await api.finished(id)).status, 'aborted');
  });

  test(`${form}: it waits before its first output and between items`, async () => {
    const { id } = await steer(form, ['delay=10m']);
    const running = await api.finished(id, (p) => p.status === 'processing');
    assert.equal(running.output, null);
    await api.post(`/predictions/${id}/cancel`, '');
    const slow = await steer(form, ['pause=10m']);
    const first = await api.finished(slow.id, (p) => p.output?.length > 0);
    assert.equal(first.output.length, 1);
    await api.post(`/predictions/${slow.id}/cancel`, '');
  });

  test(`${form}: it gives large output`, async () => {
    const text = await steered(form, ['large=2MB']);
    assert.equal(Buffer.byteLength(text.output.join('')), 2_000_000);
    const image = await steered(form, ['large=3MB'], kFlux);
    const file = await fetch(image.output[0]);
    assert.equal((await file.arrayBuffer()).byteLength, 3_000_000);
  });

  test(`${form}: it gives many items`, async () => {
    assert.equal((await steered(form, ['items=300'])).output.length, 300);
    assert.equal((await steered(form, ['items=6'], kFlux)).output.length, 6);
  });

  test(`${form}: it gives output that breaks its schema`, async () => {
    assert.deepEqual((await steered(form, ['malformed'], kFlux)).output, { malformed: true });
    assert.deepEqual((await steered(form, ['malformed', 'items=1'])).output, [{ malformed: true }]);
  });

  test(`${form}: it succeeds without output`, async () => {
    for (const model of [kLlama, kFlux]) {
      const p = await steered(form, ['null'], model);
      assert.equal(p.status, 'succeeded');
      assert.equal(p.output, null);
    }
  });

  test(`${form}: its logs are cut at their limit`, async () => {
    const p = await steered(form, ['logs=2MB']);
    assert.equal(p.status, 'succeeded');
    assert.equal(Buffer.byteLength(p.logs), 1 << 20);
    assert.match(p.logs, /logs truncated/);
  });

  test(`${form}: awkward text arrives whole, and its stream keeps to the form`, async () => {
    const created = await steer(form, ['awkward']);
    const { text } = await readStream(created.urls.stream);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /[\r\u000b\u000c\u0085\u2028\u2029]/);
    assert.equal(parseEvents(text).at(-1).event, 'done');
    const { output } = await api.prediction(created.id);
    assert.ok(output.includes('both\r\nends') && output.includes('👩‍🚀 family 👨‍👩‍👧‍👦 flag 🇻🇳'), JSON.stringify(output));
  });

  test(`${form}: nothing but the webhook of its end tells of it`, async (t) => {
    const hanging = await steer(form, ['webhook-only', 'hang-after=2']);
    await api.finished(hanging.id, (p) => p.status === 'processing');
    for (let i = 0; i < 10; ++i) {
      const p = await api.prediction(hanging.id);
      assert.deepEqual([p.status, p.logs, p.output], ['processing', '', null]);
    }
    await api.post(`/predictions/${hanging.id}/cancel`, '');

    const receiver = await Receiver.start(t);
    const [input, headers] = kForms[form](['webhook-only']);
    const body = { input, webhook: receiver.url(), webhook_events_filter: ['completed'] };
    const created = (await api.post(`/models/${kLlama}/predictions`, body, headers)).json();
    const [{ prediction }] = await receiver.received(1);
    assert.equal(prediction.status, 'succeeded');
    assert.deepEqual(prediction, await api.prediction(created.id));
    assert.match(prediction.logs, /Hekto sandbox/);
  });
}

test('directives stand in any text of the input', async () => {
  const p = await api.run(kLlama, { prompt: 'hi', system_prompt: 'Be brief. [sandbox:fail=from the system]' });
  assert.equal(p.error, 'from the system');
});

test('the header wins over the prompt, and the two add up otherwise', async () => {
  const input = { prompt: '[sandbox:fail=prompt] [sandbox:fail-after=2]' };
  const created = await api.create(kLlama, input, { 'hekto-sandbox': 'fail=header' });
  const p = await api.finished(created.id);
  assert.equal(p.error, 'header');
  assert.equal(p.output.length, 2);
});

test('the header steers every kind of create and shows nowhere', async () => {
  const headers = { 'hekto-sandbox': 'fail=steered' };
  const byVersion = await api.post('/predictions', { version: kFluxLoraVersion, input: smallImage('x') }, headers);
  const byModel = await api.post(`/models/${kFlux}/predictions`, { input: smallImage('x') }, headers);
  const version = (await api.get(`/models/${kFlux}`)).json().latest_version.id;
  const settings = { name: 'd', model: kFlux, version, hardware: 'gpu-t4', min_instances: 0, max_instances: 1 };
  const deployment = (await api.post('/deployments', settings)).json();
  const path = `/deployments/${deployment.owner}/d/predictions`;
  const byDeployment = await api.post(path, { input: smallImage('x') }, headers);
  for (const answer of [byVersion, byModel, byDeployment]) {
    assert.equal(answer.status, 201, answer.text);
    const p = await api.finished(answer.json().id);
    assert.equal(p.error, 'steered');
    assert.doesNotMatch(answer.text, /steer/);
  }
});

test('the header steers trainings as well', async () => {
  const { latest_version } = (await api.get('/models/ostris/flux-dev-lora-trainer')).json();
  const path = `/models/ostris/flux-dev-lora-trainer/versions/${latest_version.id}/trainings`;
  const model = { owner: 'default', name: 'trained', visibility: 'private', hardware: 'gpu-t4' };
  assert.equal((await api.post('/models', model)).status, 201);
  const body = { destination: 'default/trained', input: { input_images: 'data:application/zip;base64,UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==', steps: 5 } };
  assert.equal((await api.post(path, body, { 'hekto-sandbox': 'dance' })).status, 422);
  for (const [header, error] of [
    ['fail=no images', 'no images'],
    ['setup-fail', 'Timeout starting the prediction (E6716)'],
    ['interrupt', 'Prediction interrupted; please retry (code: PA)'],
  ]) {
    const created = await api.post(path, body, { 'hekto-sandbox': header });
    assert.equal(created.status, 201, created.text);
    const ended = await until('the end of the training', async () => {
      const training = (await api.get(`/trainings/${created.json().id}`)).json();
      return training.status === 'failed' ? training : null;
    });
    assert.equal(ended.error, error);
  }
});

test('a header that is not understood is refused with a sentence that names the directive', async () => {
  for (const [header, detail] of [
    ['dance', /^Hekto-Sandbox: 'dance' is no directive; there are fail, fail-after, /],
    ['fail=x; delay=soon', /^Hekto-Sandbox: 'delay' takes a span, such as delay=500ms$/],
    [`fail=${'x'.repeat(1024)}`, /^Hekto-Sandbox: it is longer than 1024 bytes$/],
  ]) {
    const answer = await api.post(`/models/${kLlama}/predictions`, { input: { prompt: 'hi' } }, { 'hekto-sandbox': header });
    assert.equal(answer.status, 422);
    const problem = answer.json();
    assert.equal(problem.title, 'Input validation failed');
    assert.match(problem.detail, detail);
  }
});

test('the header still holds after a restart', async (t) => {
  const folder = tempFolder(t);
  const first = await Server.start({ folder, args: kQuick });
  const before = new Api(first);
  const created = await before.create(kLlama, { prompt: 'hi' }, { 'hekto-sandbox': 'fail=after all; delay=3s' });
  await before.finished(created.id, (p) => p.status === 'processing');
  await first.stop('SIGKILL');
  const second = await startServer(t, { folder, args: kQuick, key: false });
  const again = new Api(second, { key: first.key });
  const p = await again.finished(created.id);
  assert.equal(p.error, 'after all');
  assert.match(p.logs, /attempt 2/);
});

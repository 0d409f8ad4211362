// SPDX-License-Identifier: Apache-2.0
// The seed flow by plain requests: creates, answers, waiting, deadlines, addresses.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, kFlux, kFluxLoraVersion, kLlama, send, smallImage } from './support/http.mjs';
import { readImage } from './support/images.mjs';
import { startServer, until } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0'] });
const api = new Api(server);

const kByModel = {
  input: {
    prompt: 'a red fox in fresh snow',
    go_fast: true,
    megapixels: '1',
    num_outputs: 1,
    aspect_ratio: '1:1',
    output_format: 'jpg',
    output_quality: 80,
    num_inference_steps: 4,
  },
};
const kByVersion = {
  version: kFluxLoraVersion,
  input: {
    prompt: 'a red fox, frosting lane style',
    hf_lora: 'alvdansen/frosting_lane_flux',
    lora_scale: 0.8,
    num_outputs: 1,
    aspect_ratio: '1:1',
    output_format: 'webp',
    output_quality: 80,
    prompt_strength: 0.8,
    num_inference_steps: 4,
  },
};

const kCreateKeys = [
  'id',
  'model',
  'version',
  'input',
  'logs',
  'output',
  'data_removed',
  'error',
  'source',
  'status',
  'created_at',
  'urls',
];
const kTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

async function checkFlow(mount, path, body, type) {
  const mounted = new Api(server, { mount });
  const answer = await mounted.post(path, body);
  assert.equal(answer.status, 201);
  const created = answer.json();
  assert.deepEqual(Object.keys(created), kCreateKeys);
  assert.deepEqual(Object.keys(created.urls), ['cancel', 'get', 'stream', 'web']);
  assert.deepEqual(created.input, body.input);
  assert.deepEqual(Object.keys(created.input), Object.keys(body.input));
  assert.deepEqual(
    [created.logs, created.output, created.data_removed, created.error, created.status],
    ['', null, false, null, 'starting'],
  );
  assert.match(created.id, /^[0-9a-hjkmnp-tv-z]{26}$/);
  assert.match(created.version, /^[0-9a-f]{64}$/);
  assert.match(created.created_at, kTime);
  assert.equal(created.urls.get, `${server.origin}${mount}/predictions/${created.id}`);
  assert.equal(created.urls.cancel, `${created.urls.get}/cancel`);
  assert.equal(answer.headers.location, created.urls.get);

  const done = await mounted.finished(created.id);
  assert.equal(done.status, 'succeeded', done.error);
  assert.match(done.started_at, kTime);
  assert.match(done.completed_at, kTime);
  assert.ok(done.created_at <= done.started_at && done.started_at <= done.completed_at);
  assert.equal(typeof done.metrics.predict_time, 'number');
  assert.equal(typeof done.metrics.total_time, 'number');
  assert.match(done.logs, /^sandbox: /m);
  assert.match(done.logs, /^\s*100%\s*\|.+?\|\s*4\/4/m);
  assert.equal(done.output.length, 1);

  const file = await send(server.origin, done.output[0]);
  const image = readImage(file.body);
  assert.deepEqual([image.type, image.width, image.height, image.whole], [type, 1024, 1024, true]);
}

for (const mount of ['/v1', '/replicate/v1']) {
  test(`${mount}: the create by model ends with a JPEG of one megapixel`, () =>
    checkFlow(mount, `/models/${kFlux}/predictions`, kByModel, 'jpg'));
  test(`${mount}: the create by version ends with a WebP of one megapixel`, () =>
    checkFlow(mount, '/predictions', kByVersion, 'webp'));
}

test('a version may be named in the three official forms', async () => {
  for (const version of [
    kFluxLoraVersion,
    `lucataco/flux-schnell-lora:${kFluxLoraVersion}`,
    'lucataco/flux-schnell-lora',
  ]) {
    const answer = await api.post('/predictions', { ...kByVersion, version });
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.json().version, kFluxLoraVersion);
  }
});

test('status only moves forwards and the middle state is seen', async () => {
  const { id } = await api.create(kFlux, smallImage('[sandbox:setup=300ms] [sandbox:delay=300ms] fox'));
  const order = ['starting', 'processing', 'succeeded'];
  const seen = [];
  await api.finished(id, (p) => {
    if (seen.at(-1) !== p.status) seen.push(p.status);
    return p.status === 'succeeded';
  });
  assert.deepEqual(
    seen,
    order.filter((s) => seen.includes(s)),
  );
  assert.ok(seen.includes('processing'));
});

test('both words for the scheme of a key are accepted, in any case', async () => {
  for (const scheme of ['Bearer', 'Token', 'bearer', 'TOKEN']) {
    const answer = await api.get('/account', { authorization: `${scheme} ${server.key}` });
    assert.equal(answer.status, 200);
  }
});

test('a create that waits answers 201 with the outcome and says what it applied', async () => {
  for (const prefer of ['wait', 'wait=20']) {
    const answer = await api.post(`/models/${kFlux}/predictions`, { input: smallImage('fox') }, { prefer });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers['preference-applied'], prefer);
    assert.equal(answer.json().status, 'succeeded');
    assert.equal(answer.json().output.length, 1);
  }
});

test('a create whose wait runs out answers 202 and starting, whatever happened meanwhile', async () => {
  const answer = await api.post(
    `/models/${kLlama}/predictions`,
    { input: { prompt: 'slow [sandbox:pause=400ms]', max_tokens: 40 } },
    { prefer: 'wait=1' },
  );
  assert.equal(answer.status, 202);
  const created = answer.json();
  assert.deepEqual(Object.keys(created), kCreateKeys);
  assert.deepEqual([created.status, created.output, created.logs], ['starting', null, '']);
  const now = await api.finished(created.id, (p) => p.status !== 'starting');
  assert.equal(now.status, 'processing');
  await api.post(`/predictions/${created.id}/cancel`, '');
});

test('a failure within the wait is in the answer', async () => {
  const body = { input: smallImage('[sandbox:fail=out of paint]') };
  const answer = await api.post(`/models/${kFlux}/predictions`, body, { prefer: 'wait' });
  assert.equal(answer.status, 201);
  const failed = answer.json();
  assert.deepEqual([failed.status, failed.error, failed.output], ['failed', 'out of paint', null]);
  assert.equal(typeof failed.logs, 'string');
});

test('Cancel-After aborts what has not started and cancels what runs', async () => {
  const headers = { 'cancel-after': '5' };
  const waiting = await api.create(kFlux, smallImage('[sandbox:setup=300s] fox'), headers);
  const running = await api.create(kFlux, smallImage('[sandbox:delay=300s] fox'), headers);
  for (const [created, status] of [
    [waiting, 'aborted'],
    [running, 'canceled'],
  ]) {
    assert.equal(Date.parse(created.deadline) - Date.parse(created.created_at), 5000);
    const ended = await api.finished(created.id);
    assert.equal(ended.status, status);
    assert.ok(ended.completed_at >= ended.deadline);
    assert.equal(ended.output, null);
  }
});

test('a body is read as JSON whatever its Content-Type says', async () => {
  const body = JSON.stringify({ input: smallImage('fox') });
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/json; charset=utf-8', undefined]) {
    const headers = { ...api.headers, ...(type ? { 'content-type': type } : {}) };
    const answer = await send(server.origin, `/v1/models/${kFlux}/predictions`, { method: 'POST', headers, body });
    assert.equal(answer.status, 201, type);
  }
});

test('a Cancel-After that is too short or unreadable is refused', async () => {
  for (const value of ['4s', '0', 'soon', '1h-5m']) {
    const answer = await api.post(`/models/${kFlux}/predictions`, kByModel, { 'cancel-after': value });
    assert.equal(answer.status, 422, value);
    assert.match(answer.json().detail, /Cancel-After/);
  }
  const answer = await api.post(`/models/${kFlux}/predictions`, kByModel, { 'cancel-after': '1h30m45s' });
  assert.equal(answer.status, 201);
  assert.ok(answer.json().deadline);
});

test('cancel answers with the terminal prediction, and changes nothing that has ended', async () => {
  const { id } = await api.create(kFlux, smallImage('[sandbox:delay=300s] fox'));
  const canceled = await api.post(`/predictions/${id}/cancel`, '');
  assert.equal(canceled.status, 200);
  assert.equal(canceled.json().status, 'canceled');
  assert.ok(canceled.json().completed_at);
  assert.equal((await api.post(`/predictions/${id}/cancel`, '')).text, canceled.text);

  const done = await api.run(kFlux, smallImage('fox'));
  const late = await api.post(`/predictions/${done.id}/cancel`, '');
  assert.equal(late.status, 200);
  assert.deepEqual(late.json(), done);
});

test('URLs follow the request: its host, its mount, and a trusted proxy', async () => {
  const urls = async (mount, headers) => {
    const answer = await new Api(server, { mount }).post(
      `/models/${kFlux}/predictions`,
      { input: smallImage('fox') },
      {
        ...headers,
        prefer: 'wait',
      },
    );
    const p = answer.json();
    return [p.urls.get, p.output[0], p.urls.stream, answer.headers.location].map((url) => new URL(url).origin);
  };
  assert.deepEqual(new Set(await urls('/v1', { host: 'hekto.test:8443' })), new Set(['http://hekto.test:8443']));
  const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'api.example' };
  assert.deepEqual(new Set(await urls('/replicate/v1', forwarded)), new Set(['https://api.example']));
});

test('a proxy that is not trusted is not believed', async (t) => {
  const strict = await startServer(t, { args: ['--sandbox-speed', '0', '--trusted-proxies', 'none'] });
  const created = await new Api(strict).create(kFlux, smallImage('fox'), {
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.example',
  });
  assert.equal(new URL(created.urls.get).origin, strict.origin);
});

test('--public-url is the origin of every link', async (t) => {
  const args = ['--sandbox-speed', '0', '--public-url', 'https://hekto.example'];
  const open = new Api(await startServer(t, { args }));
  const p = await open.run(kFlux, smallImage('fox'));
  for (const url of [p.urls.get, p.urls.cancel, p.urls.stream, p.urls.web, p.output[0]]) {
    assert.equal(new URL(url).origin, 'https://hekto.example');
  }
  const link = await send(open.origin, p.output[0]);
  assert.equal(link.status, 200);
});

test('unusual base URLs of clients reach the same handlers', async () => {
  const { id } = await api.create(kFlux, smallImage('fox'));
  for (const mount of ['/v1/v1', '/replicate/v1/v1', '/replicate']) {
    const answer = await new Api(server, { mount }).get(`/predictions/${id}`);
    assert.equal(answer.status, 200, mount);
  }
});

test('the same seed gives the same image', async () => {
  const etags = [];
  for (let i = 0; i < 2; ++i) {
    const p = await api.run(kFlux, { ...smallImage('a fox'), seed: 7 });
    etags.push((await send(server.origin, p.output[0])).headers.etag);
  }
  assert.equal(etags[0], etags[1]);
});

test('a second prediction waits its turn when only one may run at a time', async (t) => {
  const narrow = await startServer(t, { args: ['--sandbox-speed', '0', '--predictions-concurrency', '1'] });
  const one = new Api(narrow);
  const first = await one.create(kFlux, smallImage('[sandbox:delay=300s] fox'));
  await one.finished(first.id, (p) => p.status === 'processing');
  const second = await one.create(kFlux, smallImage('fox'));
  assert.equal((await one.prediction(second.id)).status, 'starting');
  await one.post(`/predictions/${first.id}/cancel`, '');
  await until('the second to end', async () => (await one.prediction(second.id)).status === 'succeeded');
});

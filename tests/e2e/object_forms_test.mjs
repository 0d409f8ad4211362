// SPDX-License-Identifier: Apache-2.0
// What every object looks like in every state: its members and their order, ids, times, URLs, and what is never null.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, isTerminal, kFlux, kFluxLoraVersion, kLlama, send, sendRaw, smallImage } from './support/http.mjs';
import { startServer } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0', '--rate-limits-creates', '0'] });
const api = new Api(server, { mount: '/replicate/v1' });

const kId = /^[0-9a-hjkmnp-tv-z]{26}$/;
const kVersionId = /^[0-9a-f]{64}$/;
const kMicros = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const kAtOnce = ['id', 'model', 'version', 'input', 'logs', 'output', 'data_removed', 'error', 'source', 'status'];
const kStatuses = ['starting', 'processing', 'succeeded', 'failed', 'canceled', 'aborted'];

/** Every member of `object` at any depth, as [path, value]. The inside of `input` and of schemas is not ours. */
function* members(object, path = '') {
  for (const [name, value] of Object.entries(object ?? {})) {
    yield [`${path}/${name}`, value];
    if (value && typeof value === 'object' && !['input', 'openapi_schema', 'metadata'].includes(name)) {
      yield* members(value, `${path}/${name}`);
    }
  }
}

/** What must hold of any answer: URLs are absolute texts, times have one form, nothing of `urls` is null. */
function checkValues(object) {
  for (const [path, value] of members(object)) {
    if (/_(at|after)$|\/deadline$/.test(path)) assert.match(value, kMicros, path);
    if (/\/urls\/\w+$/.test(path)) {
      assert.equal(typeof value, 'string', path);
      assert.equal(new URL(value).origin, server.origin, path);
    }
    if (path.endsWith('/urls')) assert.ok(value && typeof value === 'object', path);
  }
}

/** What must hold of a prediction in any state; `asked` says whether it was created with Cancel-After. */
function checkPrediction(p, { asked = false, streams = true } = {}) {
  checkValues(p);
  const times = ['created_at', 'deadline', 'deployment', 'started_at', 'completed_at', 'metrics'];
  assert.deepEqual(
    Object.keys(p),
    [...kAtOnce, ...times.filter((name) => name in p), 'urls'],
    'the members stand in the official order',
  );
  assert.match(p.id, kId);
  assert.match(p.version, kVersionId);
  assert.match(p.created_at, kMicros);
  assert.equal(typeof p.logs, 'string');
  assert.equal(typeof p.data_removed, 'boolean');
  assert.ok(p.input && typeof p.input === 'object');
  assert.equal(p.source, 'api');
  assert.ok(kStatuses.includes(p.status), p.status);
  assert.ok(p.error === null || (p.status === 'failed' && typeof p.error === 'string' && p.error !== ''), p.error);
  if (p.status === 'failed') assert.notEqual(p.error, null);
  if (p.status === 'aborted') assert.ok(asked, 'aborted is for those who sent Cancel-After');
  assert.equal('deadline' in p, asked);
  assert.equal('started_at' in p, !['starting', 'aborted'].includes(p.status));
  assert.equal('completed_at' in p, isTerminal(p.status));
  assert.equal('metrics' in p, isTerminal(p.status));
  for (const value of Object.values(p.metrics ?? {})) assert.equal(typeof value, 'number');
  const base = `${server.origin}/replicate/v1/predictions/${p.id}`;
  assert.deepEqual(Object.keys(p.urls), streams ? ['cancel', 'get', 'stream', 'web'] : ['cancel', 'get', 'web']);
  assert.deepEqual([p.urls.cancel, p.urls.get, p.urls.web], [`${base}/cancel`, base, `${server.origin}/p/${p.id}`]);
}

test('a prediction keeps its form through starting, processing and succeeded', async () => {
  const created = await api.create(kFlux, smallImage('[sandbox:setup=300ms] [sandbox:delay=300ms] fox'));
  checkPrediction(created);
  assert.deepEqual([created.status, created.logs, created.output, created.error], ['starting', '', null, null]);
  const seen = new Set([created.status]);
  const done = await api.finished(created.id, (p) => {
    checkPrediction(p);
    seen.add(p.status);
    return isTerminal(p.status) ? p : null;
  });
  assert.deepEqual([...seen], ['starting', 'processing', 'succeeded']);
  assert.deepEqual([done.error, done.output.length], [null, 1]);
  assert.ok(done.created_at <= done.started_at && done.started_at <= done.completed_at);
  assert.deepEqual(Object.keys(done.metrics).slice(0, 2), ['predict_time', 'total_time']);
});

test('a failed prediction has an error text, logs and times, with output and without', async () => {
  for (const [prompt, output] of [
    ['[sandbox:fail=out of words]', false],
    ['[sandbox:fail-after=2]', true],
    ['[sandbox:fail]', false],
  ]) {
    const failed = await api.run(kLlama, { prompt, max_tokens: 20 });
    checkPrediction(failed);
    assert.equal(failed.status, 'failed');
    assert.ok(failed.logs.length > 0);
    assert.equal(failed.output !== null, output);
    assert.ok(failed.started_at <= failed.completed_at);
  }
});

test('a canceled prediction keeps its form, started or not', async () => {
  for (const directive of ['setup', 'delay']) {
    const created = await api.create(kFlux, smallImage(`[sandbox:${directive}=300s] fox`));
    if (directive === 'delay') await api.finished(created.id, (p) => p.status === 'processing');
    const answer = await api.post(`/predictions/${created.id}/cancel`, '');
    const p = answer.json();
    const { started_at: started, ...rest } = p;
    assert.deepEqual([answer.status, p.status, p.output, p.error], [200, 'canceled', null, null]);
    assert.equal(started !== undefined, directive === 'delay');
    assert.equal('predict_time' in p.metrics, directive === 'delay');
    checkValues(p);
    assert.deepEqual(Object.keys(rest), [...kAtOnce, 'created_at', 'completed_at', 'metrics', 'urls']);
    assert.equal(typeof p.logs, 'string');
    assert.deepEqual(await api.prediction(created.id), p);
  }
});

test('aborted is only ever seen by those who sent Cancel-After', async (t) => {
  // One run at a time: what is queued behind it has not started when its deadline comes.
  const narrow = await startServer(t, { args: ['--sandbox-speed', '0', '--predictions-concurrency', '1'] });
  const one = new Api(narrow);
  const busy = await one.create(kFlux, smallImage('[sandbox:delay=300s] fox'));
  await one.finished(busy.id, (p) => p.status === 'processing');
  const plain = await one.create(kFlux, smallImage('fox'));
  const asked = await one.create(kFlux, smallImage('fox'), { 'cancel-after': '5s' });
  const aborted = await one.finished(asked.id);
  assert.deepEqual([aborted.status, aborted.output, aborted.error], ['aborted', null, null]);
  assert.deepEqual(
    Object.keys(aborted),
    [...kAtOnce, 'created_at', 'deadline', 'completed_at', 'metrics', 'urls'],
  );
  assert.equal(Date.parse(aborted.deadline) - Date.parse(aborted.created_at), 5000);
  assert.match(aborted.deadline, kMicros);
  // Older than the aborted one and waiting just as long, yet it waits on; a cancel makes it canceled, nothing else.
  const waiting = await one.prediction(plain.id);
  assert.equal(waiting.status, 'starting');
  assert.ok(!('deadline' in waiting));
  const canceled = (await one.post(`/predictions/${plain.id}/cancel`, '')).json();
  assert.equal(canceled.status, 'canceled');
});

test('a prediction whose data is gone keeps its form, with texts and an object where data was', async (t) => {
  const short = await startServer(t, { args: ['--sandbox-speed', '0', '--links-lifetime', '1s', '--retention-after', '2s'] });
  const own = new Api(short);
  const created = [
    await own.create(kFlux, smallImage('fox')),
    await own.create(kLlama, { prompt: '[sandbox:fail=lost]', max_tokens: 3 }),
  ];
  for (const { id, error } of created) {
    const p = await own.finished(id, (now) => now.data_removed);
    assert.deepEqual([p.input, p.output, p.logs, p.data_removed], [{}, null, '', true]);
    assert.deepEqual(Object.keys(p), [
      ...kAtOnce,
      'created_at',
      'started_at',
      'completed_at',
      'metrics',
      'urls',
    ]);
    assert.equal(p.error === null, p.status === 'succeeded');
    for (const url of Object.values(p.urls)) assert.equal(new URL(url).origin, short.origin);
    assert.equal(error, null);
  }
});

test('output and logs only grow while a prediction is processing', async () => {
  const created = await api.create(kLlama, { prompt: 'Grow. [sandbox:pause=15ms]', max_tokens: 80 });
  let [output, logs, polls, growths] = [null, '', 0, 0];
  for (;;) {
    const p = await api.prediction(created.id);
    ++polls;
    checkPrediction(p);
    assert.ok(p.logs.startsWith(logs), 'logs only grow');
    if (output !== null) {
      assert.ok(Array.isArray(p.output), 'output stays a list once it is one');
      assert.deepEqual(p.output.slice(0, output.length), output);
      if (p.output.length > output.length) ++growths;
    }
    [output, logs] = [p.output, p.logs];
    if (isTerminal(p.status)) {
      assert.equal(p.status, 'succeeded');
      break;
    }
  }
  assert.ok(growths > 3, `the output grew ${growths} times in ${polls} polls`);
});

test('the files of a list come one after the other, and none is taken back', async () => {
  const input = { ...smallImage('Files. [sandbox:pause=200ms]'), num_outputs: 4 };
  const created = await api.create(kFlux, input);
  const lengths = new Set();
  let output = [];
  await api.finished(created.id, (p) => {
    checkPrediction(p);
    const now = p.output ?? [];
    assert.deepEqual(now.slice(0, output.length), output);
    lengths.add(now.length);
    output = now;
    return isTerminal(p.status);
  });
  assert.equal(output.length, 4);
  assert.ok(lengths.size > 2, `lengths seen: ${[...lengths]}`);
});

test('an item of a list has the form of the object that is read alone', async () => {
  const page = (await api.get('/predictions')).json();
  assert.deepEqual(Object.keys(page), ['next', 'previous', 'results']);
  for (const p of page.results) {
    checkValues(p);
    assert.deepEqual(Object.keys(p).slice(0, kAtOnce.length), kAtOnce);
    assert.deepEqual((await api.get(`/predictions/${p.id}`)).json(), p);
  }
});

test('models and versions have the members of the official ones, in their order', async () => {
  const recorded = [
    'url',
    'owner',
    'name',
    'description',
    'visibility',
    'github_url',
    'paper_url',
    'license_url',
    'run_count',
    'cover_image_url',
    'default_example',
    'latest_version',
  ];
  const made = await api.post('/models', {
    owner: (await api.get('/account')).json().username,
    name: 'formed',
    visibility: 'private',
    hardware: 'cpu',
    description: 'An example model',
  });
  assert.equal(made.status, 201, made.text);
  const model = (await api.get(`/models/${kFlux}`)).json();
  for (const object of [model, made.json()]) {
    checkValues(object);
    assert.deepEqual(
      Object.keys(object).filter((name) => recorded.includes(name)),
      recorded,
    );
    assert.deepEqual(Object.keys(object).filter((name) => !recorded.includes(name)).sort(), [
      'created_at',
      'is_official',
      'weights_url',
    ]);
    assert.equal(typeof object.run_count, 'number');
    for (const name of ['github_url', 'paper_url', 'license_url', 'weights_url', 'cover_image_url']) {
      if (object[name] !== null) assert.match(new URL(object[name]).protocol, /^https?:$/, name);
    }
  }
  assert.deepEqual([made.json().latest_version, made.json().default_example], [null, null]);
  const versions = (await api.get(`/models/${kFlux}/versions`)).json();
  const one = (await api.get(`/models/${kFlux}/versions/${model.latest_version.id}`)).json();
  assert.deepEqual(Object.keys(one), ['id', 'created_at', 'cog_version', 'openapi_schema']);
  assert.match(one.id, kVersionId);
  assert.match(one.created_at, kMicros);
  assert.deepEqual(model.latest_version, one);
  assert.deepEqual(versions.results[0], one);
});

test('collections, hardware, account and the webhook secret have the official members', async () => {
  const collections = (await api.get('/collections')).json();
  assert.deepEqual(Object.keys(collections), ['next', 'previous', 'results']);
  for (const { slug } of collections.results) {
    const collection = (await api.get(`/collections/${slug}`)).json();
    assert.deepEqual(Object.keys(collection), ['name', 'slug', 'description', 'full_description', 'models']);
    assert.equal(typeof collection.description, 'string');
  }
  for (const item of collections.results) assert.deepEqual(Object.keys(item), ['name', 'slug', 'description']);
  assert.deepEqual((await api.get('/hardware')).json(), [
    { sku: 'cpu', name: 'CPU' },
    { sku: 'gpu-t4', name: 'Nvidia T4 GPU' },
    { sku: 'gpu-a40-small', name: 'Nvidia A40 GPU' },
    { sku: 'gpu-a40-large', name: 'Nvidia A40 (Large) GPU' },
  ]);
  const account = (await api.get('/account')).json();
  assert.deepEqual(Object.keys(account).slice(0, 3), ['type', 'username', 'name']);
  assert.ok(['user', 'organization'].includes(account.type));
  const secret = (await api.get('/webhooks/default/secret')).json();
  assert.deepEqual(Object.keys(secret), ['key']);
  assert.match(secret.key, /^whsec_[A-Za-z0-9+/]{32}$/);
});

test('files and deployments have whole URLs and times of one form', async () => {
  const body =
    '--b\r\nContent-Disposition: form-data; name="content"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n';
  const answer = await api.post('/files', body, { 'content-type': 'multipart/form-data; boundary=b' });
  assert.equal(answer.status, 201, answer.text);
  const file = answer.json();
  checkValues(file);
  assert.match(file.id, kId);
  assert.equal(file.urls.get, `${server.origin}/replicate/v1/files/${file.id}`);
  assert.deepEqual(
    ['id', 'name', 'content_type', 'size', 'etag', 'checksums', 'metadata', 'created_at', 'expires_at', 'urls'].filter(
      (name) => !(name in file),
    ),
    [],
  );

  const deployment = await api.post('/deployments', {
    name: 'formed',
    model: 'lucataco/flux-schnell-lora',
    version: kFluxLoraVersion,
    hardware: 'cpu',
    min_instances: 0,
    max_instances: 2,
  });
  assert.equal(deployment.status, 200, deployment.text);
  const made = deployment.json();
  checkValues(made);
  assert.deepEqual(Object.keys(made), ['owner', 'name', 'current_release']);
  assert.equal(made.current_release.version, kFluxLoraVersion);
  const created = await api.post(`/deployments/${made.owner}/${made.name}/predictions`, { input: { prompt: 'fox' } });
  assert.equal(created.status, 201, created.text);
  checkPrediction(created.json());
  assert.equal(created.json().deployment, made.name);
});

test('errors are objects in the official order, one line each', async () => {
  const nobody = await send(server.origin, '/v1/predictions', { headers: { authorization: 'Bearer wrong' } });
  assert.deepEqual(
    [nobody.status, nobody.text.trimEnd()],
    [401, '{"title":"Unauthenticated","detail":"You did not pass a valid authentication token","status":401}'],
  );
  const missing = await api.get(`/predictions/${'0'.repeat(26)}`);
  assert.deepEqual(
    [missing.status, missing.text.trimEnd()],
    [404, '{"detail":"The requested resource could not be found.","status":404}'],
  );
  const version = await api.post('/predictions', { version: '0'.repeat(64), input: {} });
  assert.deepEqual(Object.keys(version.json()), ['title', 'detail', 'status']);
  const invalid = await api.post('/predictions', {});
  assert.deepEqual(Object.keys(invalid.json()), ['detail', 'status', 'title', 'invalid_fields']);
  for (const answer of [nobody, missing, version, invalid]) {
    assert.match(answer.headers['content-type'], /^application\/problem\+json\b/);
    assert.equal(answer.text.trimEnd().split('\n').length, 1);
    assert.equal(answer.json().status, answer.status);
    assert.equal(typeof answer.json().detail, 'string');
  }
});

test('what is refused below the API is told in the same form', async () => {
  const authorization = `Authorization: Bearer ${server.key}`;
  const request = (line, ...lines) => [line, 'Host: x', ...lines, 'Connection: close', '', ''].join('\r\n');
  const kRequests = {
    400: request('GET /v1/predictions HTTP/1.1', authorization, 'Content-Length: 3', 'Transfer-Encoding: chunked'),
    404: request('GET /nowhere HTTP/1.1', authorization),
    405: request('PUT /v1/predictions HTTP/1.1', authorization),
    413: request(`POST /v1/models/${kFlux}/predictions HTTP/1.1`, authorization, 'Content-Length: 999999999'),
    415: request('POST /v1/predictions HTTP/1.1', authorization, 'Content-Encoding: gzip', 'Content-Length: 2') + '{}',
    431: request('GET /v1/predictions HTTP/1.1', authorization, `X-Long: ${'a'.repeat(100_000)}`),
  };
  for (const [status, text] of Object.entries(kRequests)) {
    const answer = await sendRaw(server, text);
    const [head, body] = answer.split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(head, /\r\ncontent-type: application\/problem\+json/i, status);
    const problem = JSON.parse(body);
    assert.equal(problem.status, Number(status));
    assert.ok(typeof problem.detail === 'string' && problem.detail !== '', status);
    assert.equal(body.trimEnd().split('\n').length, 1);
  }
});

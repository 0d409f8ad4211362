// SPDX-License-Identifier: Apache-2.0
// Every refusal in the official words, byte for byte, and as problem+json.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, kFlux, kFluxLoraVersion, send, smallImage } from './support/http.mjs';
import { startServer } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0'] });
const api = new Api(server);
const kCreate = `/models/${kFlux}/predictions`;
const kNotFound = '{"detail":"The requested resource could not be found.","status":404}';

/** Checks status, content type and the exact body; one closing newline is allowed, as the official service sends it. */
function isProblem(answer, status, body) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'], /^application\/problem\+json\b/);
  assert.ok(answer.headers['x-request-id']);
  assert.equal(answer.text.replace(/\n$/, ''), body);
}

const invalid = (...problems) => {
  const fields = problems.map(([type, field, description]) => ({ type, field, description }));
  const line = ({ field, description }) => `- ${field ? `${field}: ` : ''}${description}\n`;
  return JSON.stringify({
    detail: fields.map(line).join(''),
    status: 422,
    title: 'Input validation failed',
    invalid_fields: fields,
  });
};

test('401: no key, and keys that open nothing', async () => {
  const words = (detail) => JSON.stringify({ title: 'Unauthenticated', detail, status: 401 });
  const missing = await send(server.origin, '/v1/predictions');
  isProblem(missing, 401, words('You did not pass an authentication token'));
  const changed = server.key.slice(0, -1) + (server.key.endsWith('0') ? '1' : '0');
  for (const authorization of [
    'Bearer wrong',
    `Bearer ${changed}`,
    `Bearer ${server.key}x`,
    `Basic ${server.key}`,
    server.key,
  ]) {
    const answer = await send(server.origin, '/v1/predictions', { headers: { authorization } });
    isProblem(answer, 401, words('You did not pass a valid authentication token'));
  }
});

test('401 comes before anything else is looked at', async () => {
  for (const [method, path] of [
    ['POST', kCreate],
    ['POST', '/predictions'],
    ['GET', `/predictions/${'0'.repeat(26)}`],
  ]) {
    const answer = await send(server.origin, `/v1${path}`, { method, body: method === 'POST' ? '{' : undefined });
    assert.equal(answer.status, 401);
  }
});

test('404: unknown predictions, models and versions of a model', async () => {
  for (const path of [`/predictions/${'0'.repeat(26)}`, '/predictions/nothing', '/models/nobody/nothing']) {
    isProblem(await api.get(path), 404, kNotFound);
  }
  isProblem(await api.post('/models/nobody/nothing/predictions', { input: {} }), 404, kNotFound);
  isProblem(await api.post(`/predictions/${'0'.repeat(26)}/cancel`, ''), 404, kNotFound);
});

test('404: a prediction of another account looks like one that does not exist', async () => {
  const { id } = await api.create(kFlux, smallImage('private fox'));
  await server.makeAccount('strangers');
  const other = new Api(server, { key: await server.makeKey('stranger', '--account', 'strangers') });
  isProblem(await other.get(`/predictions/${id}`), 404, kNotFound);
  isProblem(await other.post(`/predictions/${id}/cancel`, ''), 404, kNotFound);
  assert.deepEqual((await other.get('/predictions')).json().results, []);
  assert.notEqual((await api.prediction(id)).status, 'canceled');
});

test('404 and 405: paths and methods that are not there', async () => {
  assert.equal((await api.get('/no/such/path')).status, 404);
  assert.match((await api.get('/no/such/path')).headers['content-type'], /problem\+json/);
  const answer = await send(server.origin, '/v1/predictions', {
    method: 'PUT',
    headers: { authorization: `Bearer ${server.key}` },
  });
  isProblem(answer, 405, '{"detail":"Method \\"PUT\\" not allowed.","status":405}');
  assert.match(answer.headers.allow, /\bGET\b/);
  assert.match(answer.headers.allow, /\bPOST\b/);
  const trace = await send(server.origin, '/v1/account', { method: 'TRACE' });
  isProblem(trace, 405, '{"detail":"Method \\"TRACE\\" not allowed.","status":405}');
});

test('422: everything that is wrong with an input, at once', async () => {
  isProblem(
    await api.post(kCreate, { input: { num_inference_steps: 5 } }),
    422,
    invalid(
      ['required', 'input', 'prompt is required'],
      ['number_lte', 'input.num_inference_steps', 'Must be less than or equal to 4'],
    ),
  );
  isProblem(
    await api.post(kCreate, { input: { prompt: 1 } }),
    422,
    invalid(['invalid_type', 'input.prompt', 'Invalid type. Expected: string, given: integer']),
  );
  isProblem(
    await api.post(kCreate, { input: { prompt: 'x', num_outputs: 0, output_format: 'gif' } }),
    422,
    invalid(
      ['number_gte', 'input.num_outputs', 'Must be greater than or equal to 1'],
      ['enum', 'input.output_format', 'output_format must be one of the following: "webp", "jpg", "png"'],
    ),
  );
});

test('422: bodies that are not of the closed form', async () => {
  isProblem(await api.post(kCreate, {}), 422, invalid(['required', '', 'input is required']));
  isProblem(
    await api.post('/predictions', { input: { prompt: 'x' } }),
    422,
    invalid(['required', '', 'version is required']),
  );
  isProblem(
    await api.post(kCreate, { model: kFlux, input: { prompt: 'x' } }),
    422,
    invalid(['additional_property_not_allowed', '', 'Additional property model is not allowed']),
  );
  isProblem(
    await api.post(kCreate, { version: kFluxLoraVersion, input: { prompt: 'x' } }),
    422,
    invalid(['additional_property_not_allowed', '', 'Additional property version is not allowed']),
  );
});

test('422: a version that does not exist', async () => {
  const body = JSON.stringify({
    title: 'Invalid version or not permitted',
    detail: "The specified version does not exist (or perhaps you don't have permission to use it?)",
    status: 422,
  });
  for (const version of [
    '0'.repeat(64),
    'garbage',
    'nobody/nothing',
    `${kFlux}:latest`,
    `${kFlux}:${kFluxLoraVersion}`,
  ]) {
    isProblem(await api.post('/predictions', { version, input: { prompt: 'x' } }), 422, body);
  }
});

test('400: bodies that are no JSON, or JSON that two readers may read differently', async () => {
  const body = '{"title":"Bad request","detail":"The request body is not valid JSON","status":400}';
  for (const text of [
    '',
    '{',
    '{"input":{"prompt":"x"}} x',
    '{"input":{"prompt":"x","prompt":"y"}}',
    '{"input":{"prompt":NaN}}',
  ]) {
    isProblem(await api.post(kCreate, text), 400, body);
  }
});

test('413: a body over the limit is refused from its head', async (t) => {
  const small = new Api(await startServer(t, { args: ['--limits-body-bytes', '2KiB'] }));
  const answer = await small.post(kCreate, { input: { prompt: 'x'.repeat(4096) } });
  assert.equal(answer.status, 413);
  assert.match(answer.headers['content-type'], /problem\+json/);
});

test('429: creates over the allowance, with the time that it takes to come back', async (t) => {
  const tight = new Api(await startServer(t, { args: ['--sandbox-speed', '0', '--rate-limits-creates', '2'] }));
  for (let i = 0; i < 2; ++i) await tight.create(kFlux, smallImage('fox'));
  const answer = await tight.post(kCreate, { input: smallImage('fox') });
  const seconds = Number(answer.headers['retry-after']);
  assert.ok(seconds >= 1 && seconds <= 30, answer.headers['retry-after']);
  isProblem(
    answer,
    429,
    `{"detail":"Request was throttled. Your rate limit resets in ~${seconds}s.","status":429,"retry_after":${seconds}}`,
  );
  assert.equal(answer.headers['ratelimit-remaining'], '0');
  assert.equal(answer.headers['ratelimit-reset'], String(seconds));
  assert.equal((await tight.get('/predictions')).status, 200, 'other requests have an allowance of their own');
  assert.equal((await tight.get('/predictions')).json().results.length, 2);
});

test('answers say how much of the allowance is left', async (t) => {
  const fresh = new Api(await startServer(t, { args: ['--sandbox-speed', '0'] }));
  const created = await fresh.post(kCreate, { input: smallImage('fox') });
  assert.equal(created.headers['ratelimit-remaining'], '599');
  assert.equal((await fresh.get('/account')).headers['ratelimit-remaining'], '2999');
  assert.equal((await fresh.get(`/predictions/${created.json().id}`)).headers['ratelimit-remaining'], '59999');
  assert.equal(created.headers['ratelimit-reset'], '1');
});

test('an unknown key inside the input is accepted, as a model would drop it', async () => {
  const answer = await api.post(kCreate, { input: { ...smallImage('fox'), guidance_scale: 3 } });
  assert.equal(answer.status, 201);
});

test('values that a client may not set are not taken from it', async () => {
  for (const name of ['id', 'status', 'created_at', 'output', 'account', 'urls']) {
    const answer = await api.post(kCreate, { input: smallImage('fox'), [name]: 'mine' });
    assert.equal(answer.status, 422, name);
  }
});

test('503: a disk with less than its reserve takes no new work and serves what there is', async (t) => {
  const full = await startServer(t, { args: ['--sandbox-speed', '0', '--storage-reserve', '1024GiB'] });
  const there = new Api(full);
  const refusal = JSON.stringify({
    title: 'Service unavailable',
    detail: "This server's disk is nearly full. Nothing was created; please try later.",
    status: 503,
  });
  const create = await there.post(kCreate, { input: { prompt: 'x' } });
  isProblem(create, 503, refusal);
  assert.ok(Number(create.headers['retry-after']) >= 1);
  const form = new FormData();
  form.set('content', new Blob(['x']), 'x.txt');
  const upload = await fetch(`${full.origin}/v1/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${full.key}` },
    body: form,
  });
  assert.equal(upload.status, 503);
  const list = await there.get('/predictions');
  assert.deepEqual([list.status, list.json().results], [200, []]);
  assert.equal((await send(full.origin, '/readyz')).status, 200);
  assert.match((await send(full.origin, '/metrics')).text, /^hekto_disk_has_room 0$/m);
});

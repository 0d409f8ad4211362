// SPDX-License-Identifier: Apache-2.0
// Every operation is called for real, and every answer is held to the OpenAPI document: its status, headers, content
// type and body. And the other way round: every answer below 500 that the document has for an operation is seen.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, kFlux, kLlama, send, smallImage } from './support/http.mjs';
import { Document } from './support/openapi.mjs';
import { form, kRequests, Maker, perform } from './support/operations.mjs';
import { startServer, until } from './support/server.mjs';

const args = ['--sandbox-speed', '0', '--limits-body-bytes', '1MiB', '--files-max-size', '1KiB'];
const server = await startServer({ after }, { args });
const document = await Document.load(server);
const api = new Api(server);
const maker = new Maker(api, 'default');
const authorization = `Bearer ${server.key}`;

/** operationId -> statuses that were answered. */
const seen = new Map([...document.operations.keys()].map((id) => [id, new Set()]));

/** Performs `request` and holds the answer to the document; `status` is the one expected. */
async function call(id, request, status, options = { authorization }) {
  const answer = await perform(options.server ?? server, document.operations.get(id), request, options);
  assert.equal(answer.status, status, `${id}: ${answer.text.slice(0, 300)}`);
  document.check(id, answer);
  seen.get(id).add(String(status));
  return answer;
}

const documented = (id, status) => String(status) in document.operations.get(id).value.responses;
/** The first that the document has: a refusal only where nothing else can come. */
const successOf = (id) => Number(Object.keys(document.operations.get(id).value.responses).find((s) => s !== '401'));

test('every operation of the document has a request here, and no other', () => {
  assert.deepEqual(Object.keys(kRequests).sort(), [...document.operations.keys()].sort());
});

for (const mount of ['/v1', '/replicate/v1']) {
  for (const id of Object.keys(kRequests)) {
    test(`${mount}: ${id} answers as the document says`, async () => {
      await call(id, await kRequests[id](maker), successOf(id), { authorization, mount });
    });
  }
}

for (const { id, method, open, value } of document.operations.values()) {
  const request = () => kRequests[id](maker);

  if (method === 'GET') {
    test(`${id}: HEAD has the head of GET`, async () => {
      const asked = await request();
      const operation = document.operations.get(id);
      const get = await perform(server, operation, asked, { authorization });
      const head = await perform(server, operation, asked, { authorization, method: 'HEAD' });
      document.check(id, head, { head: true });
      const shown = ({ status, headers }) => [status, headers['content-type'], headers['content-length'], headers.etag];
      assert.deepEqual(shown(head), shown(get));
      assert.equal(head.text, '');
    });
  }
  if (!open) {
    test(`${id}: without a valid key the answer is 401`, async () => {
      for (const none of [undefined, 'Bearer hk-nonsense', 'Basic Zm9v']) {
        await call(id, await request(), 401, { authorization: none });
      }
    });
  }
  if (value.requestBody && id !== 'models.search') {
    test(`${id}: a body that cannot be read is 400, one that breaks the rules 422`, async () => {
      const valid = await request();
      if (Buffer.isBuffer(valid.body)) {
        await call(id, { ...valid, body: valid.body.subarray(0, 60) }, 400);
        await call(id, { ...valid, ...(await form(null)) }, 422);
        return;
      }
      await call(id, { ...valid, body: '{"input":' }, 400);
      await call(id, { ...valid, body: { nonsense: 1 } }, 422);
      await call(id, { ...valid, body: '[]' }, 422);
    });
  }
  if (documented(id, 413)) {
    test(`${id}: a body that is too large is 413, one in a content coding 415`, async () => {
      const valid = await request();
      const isForm = id === 'files.create';
      const large = isForm ? await form('x'.repeat(3 << 20)) : { body: Buffer.alloc(3 << 20, 32) };
      await call(id, { ...valid, ...large }, 413);
      const headers = { ...valid.headers, 'content-encoding': 'gzip' };
      await call(id, { ...valid, body: valid.body ?? '{}', headers }, 415);
    });
  }
  if (documented(id, 404)) {
    test(`${id}: what is not there is 404`, async () => {
      const { params, ...rest } = await request();
      const others = Object.fromEntries(Object.keys(params).map((name) => [name, 'nothing']));
      await call(id, { ...rest, params: others }, 404);
    });
  }
}

test('lists refuse a cursor that means nothing', async () => {
  for (const id of ['predictions.list', 'deployments.list', 'files.list', 'models.list', 'trainings.list']) {
    await call(id, { query: 'cursor=nonsense' }, 400);
  }
  const { owner, name } = await maker.model();
  const params = { model_owner: owner, model_name: name };
  await call('models.versions.list', { params, query: 'cursor=nonsense' }, 400);
  await call('predictions.list', { query: 'created_after=yesterday' }, 400);
  await call('predictions.list', { query: 'source=api' }, 400);
  await call('models.list', { query: 'sort_by=name' }, 400);
  await call('search', {}, 400);
  await call('search', { query: 'query=a&limit=51' }, 400);
});

test('what may not be changed is 403', async () => {
  await call('models.create', { body: { ...maker.modelBody(), owner: 'somebody' } }, 403);
  const params = { model_owner: 'meta', model_name: kLlama.split('/')[1] };
  await call('models.update', { params, body: { readme: 'mine' } }, 403);
  await call('models.delete', { params }, 403);
  await call('models.versions.delete', await kRequests['models.versions.get'](maker), 403);
  await call('delivery.get', { params: { delivery_token: 'none', file_name: 'out.png' } }, 403);
});

test('a create that waits answers 201 with the end, or 202 when that is far', async () => {
  for (const id of ['predictions.create', 'models.predictions.create', 'deployments.predictions.create']) {
    const asked = await kRequests[id](maker);
    const ended = await call(id, { ...asked, headers: { prefer: 'wait=30' } }, 201);
    assert.equal(ended.json().status, 'succeeded');
    assert.equal(ended.headers['preference-applied'], 'wait=30');
    const slow = { ...asked.body, input: { ...asked.body.input, prompt: 'slow [sandbox:delay=10m]' } };
    const early = await call(id, { ...asked, body: slow, headers: { prefer: 'wait=1', 'cancel-after': '10m' } }, 202);
    await call('predictions.cancel', { params: { prediction_id: early.json().id } }, 200);
    await call(id, { ...asked, headers: { 'cancel-after': 'soon' } }, 422);
    await call(id, { ...asked, headers: { 'hekto-sandbox': 'nonsense' } }, 422);
    await call(id, { ...asked, body: { ...asked.body, input: { prompt: 7 } } }, 422);
  }
  await call('predictions.create', { body: { version: 'no/such', input: {} } }, 422);
  const training = await kRequests['trainings.create'](maker);
  await call('trainings.create', { ...training, headers: { 'cancel-after': 'soon' } }, 422);
});

test('a create with a key is answered once more, and 409 while it is being stored', async (t) => {
  const busy = await startServer(t, { args: [...args, '--rate-limits-creates', '0'] });
  const options = { server: busy, authorization: `Bearer ${busy.key}` };
  const own = new Maker(new Api(busy), 'default');
  const ids = ['predictions.create', 'models.predictions.create', 'deployments.predictions.create', 'trainings.create'];
  for (const id of ids) {
    const asked = await kRequests[id](own);
    // Which of many comes while the first is being stored is not ours to say: new keys until one does.
    await until(`a 409 of ${id}`, async () => {
      const request = { ...asked, headers: { 'idempotency-key': `${id}-${Math.random()}` } };
      const all = Array.from({ length: 8 }, () => perform(busy, document.operations.get(id), request, options));
      const answers = await Promise.all(all);
      for (const answer of answers) document.check(id, answer);
      const replayed = await call(id, request, 201, options);
      assert.equal(replayed.headers['idempotent-replayed'], 'true');
      await call(id, { ...request, body: { ...asked.body, input: { prompt: 'another' } } }, 422, options);
      if (!answers.some(({ status }) => status === 409)) return false;
      seen.get(id).add('409');
      return true;
    });
    await call(id, { ...asked, headers: { 'idempotency-key': 'x'.repeat(256) } }, 400, options);
  }
});

test('predictions fit the document in every state that they can be in', async () => {
  const check = async (id) => (await call('predictions.get', { params: { prediction_id: id } }, 200)).json();
  const webhook = 'http://127.0.0.1:9/hook';
  const made = await call('models.predictions.create', {
    params: { model_owner: kFlux.split('/')[0], model_name: kFlux.split('/')[1] },
    body: { input: smallImage('a fox [sandbox:fail=broken]'), webhook, webhook_events_filter: ['start'] },
  }, 201);
  await api.finished(made.json().id);
  assert.equal((await check(made.json().id)).status, 'failed');
  const running = await api.create(kLlama, { prompt: 'one two three [sandbox:pause=1m]' }, { 'cancel-after': '10m' });
  await api.finished(running.id, (p) => p.status === 'processing' && p.output?.length > 0);
  await check(running.id);
  await call('predictions.cancel', { params: { prediction_id: running.id } }, 200);
  assert.equal((await check(running.id)).status, 'canceled');
  await check((await maker.image()).id);
  await call('predictions.list', {}, 200);
});

test('trainings fit the document in every state that they can be in', async () => {
  const check = async (id) => (await call('trainings.get', { params: { training_id: id } }, 200)).json();
  const { id } = await maker.endedTraining({ trigger_word: '[sandbox:fail=broken]' });
  assert.equal((await check(id)).status, 'failed');
  await maker.trainedVersion();
  const { results } = (await call('trainings.list', {}, 200)).json();
  assert.ok(results[0].output.weights);
  await call('predictions.get', { params: { prediction_id: results[0].id } }, 200);
});

test('a stream of files fits the document', async () => {
  const file_id = new URL((await maker.image()).urls.stream).pathname.split('/').at(-1);
  const answer = await call('files.get', { params: { file_id } }, 200, {});
  assert.match(answer.headers['content-type'], /^text\/event-stream/);
});

test('pages that have neighbours name them', async () => {
  for (let i = 0; i < 30; i += 1) await maker.model();
  const page = (await call('models.list', {}, 200)).json();
  const query = new URL(page.next).search.slice(1);
  const next = (await call('models.list', { query }, 200)).json();
  assert.equal(typeof next.previous, 'string');
});

test('parts of files and answers without a body fit the document', async () => {
  for (const id of ['files.download', 'delivery.get']) {
    const asked = await kRequests[id](maker);
    const whole = await call(id, asked, 200);
    await call(id, { ...asked, headers: { range: 'bytes=0-3' } }, 206);
    await call(id, { ...asked, headers: { range: 'bytes=999999999-' } }, 416);
    await call(id, { ...asked, headers: { 'if-none-match': whole.headers.etag } }, 304);
  }
  const { headers } = await call('openapi.get', {}, 200);
  await call('openapi.get', { headers: { 'if-none-match': headers.etag } }, 304);
});

test('an upload of another type than a form is 415', async () => {
  await call('files.create', { body: '{}' }, 415);
});

test('a key whose allowance is used up gets 429 from every operation that needs one', async (t) => {
  const few = ['--rate-limits-creates', '1', '--rate-limits-reads', '1', '--rate-limits-others', '1'];
  const strict = await startServer(t, { args: few });
  const nothing = (id) => {
    const names = [...document.operations.get(id).path.matchAll(/\{(\w+)\}/g)].map((found) => found[1]);
    return { params: Object.fromEntries(names.map((name) => [name, 'nothing'])) };
  };
  const options = { server: strict, authorization: `Bearer ${strict.key}` };
  for (const { id, open } of document.operations.values()) {
    if (open) continue;
    // The first of each class takes the only one there is.
    await perform(strict, document.operations.get(id), nothing(id), options);
    await call(id, nothing(id), 429, options);
  }
});

test('a server without room refuses what would take some, as the document says', async (t) => {
  const full = await startServer(t, { args: ['--storage-reserve', '1024GiB'] });
  const there = new Maker(new Api(full), 'default');
  const ids = ['predictions.create', 'models.predictions.create', 'deployments.predictions.create', 'trainings.create'];
  for (const id of [...ids, 'files.create']) {
    await call(id, await kRequests[id](there), 503, { server: full, authorization: `Bearer ${full.key}` });
  }
});

test('a path of the document has no other methods, and says which it has', async () => {
  const byPath = new Map();
  for (const operation of document.operations.values()) {
    if (!byPath.has(operation.path)) byPath.set(operation.path, []);
    byPath.get(operation.path).push(operation);
  }
  for (const [path, operations] of byPath) {
    const methods = operations.map((operation) => operation.method);
    const known = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'].filter(
      (method) => methods.includes(method) || (method === 'HEAD' && methods.includes('GET')),
    );
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      if (known.includes(method)) continue;
      const url = (operations[0].root ? '' : '/v1') + path.replace(/\{\w+\}/g, 'nothing');
      for (const headers of [{}, { authorization }]) {
        const answer = await send(server.origin, url, { method, headers });
        const what = `${method} ${path}`;
        assert.equal(answer.status, 405, what);
        assert.equal(answer.headers.allow, known.join(', '), what);
        assert.equal(answer.headers['content-type'], 'application/problem+json', what);
        const body = `{"detail":"Method \\"${method}\\" not allowed.","status":405}`;
        assert.equal(answer.text, method === 'HEAD' ? '' : body, what);
      }
    }
  }
});

test('every answer below 500 that the document promises has been seen', () => {
  for (const { id, value } of document.operations.values()) {
    const promised = Object.keys(value.responses).filter((status) => status < '500' || seen.get(id).has(status));
    assert.deepEqual([...seen.get(id)].sort(), promised.sort(), id);
  }
});

// SPDX-License-Identifier: Apache-2.0
// What can be handed over: creates by model, version, deployment and training, and inputs that are files held here.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { form } from '../e2e/support/operations.mjs';
import { until } from '../e2e/support/server.mjs';
import { Api } from '../e2e/support/http.mjs';
import { kLlama, startRelay, unique } from './relay.mjs';

const creates = (stub) =>
  stub
    .entries()
    .filter(({ phase, method, path }) => phase === 'received' && method === 'POST' && /(ions|ings)$/.test(path));

describe('what is handed over', { concurrency: true }, () => {
  test('by version and by a model’s version: the version alone is named', async (t) => {
    const relay = await startRelay(t);
    const direct = new Api(relay.stub, { key: 'r8_one_main' });
    const { id: version } = (await direct.get(`/models/${kLlama}`)).json().latest_version;
    for (const named of [version, `${kLlama}:${version}`]) {
      const prompt = unique('version');
      const answer = await relay.api.post('/predictions', { version: named, input: { prompt } });
      assert.equal(answer.status, 201, answer.text);
      assert.deepEqual([answer.json().model, answer.json().version], [kLlama, version]);
      const last = await relay.api.finished(answer.json().id);
      assert.equal(last.status, 'succeeded');
      const { received } = relay.seen(prompt);
      assert.equal(received[0].path, '/v1/predictions');
      assert.deepEqual(received[0].body, { version, input: { prompt } });
    }
  });

  test('by deployment', async (t) => {
    const relay = await startRelay(t);
    const prompt = unique('deployed');
    const answer = await relay.api.post('/deployments/acme/fast/predictions', { input: { prompt } });
    assert.equal(answer.status, 201, answer.text);
    assert.equal((await relay.api.finished(answer.json().id)).status, 'succeeded');
    assert.equal(relay.seen(prompt).received[0].path, '/v1/deployments/acme/fast/predictions');
  });

  test('a training, and its cancel', async (t) => {
    const relay = await startRelay(t);
    const direct = new Api(relay.stub, { key: 'r8_one_main' });
    const { id: version } = (await direct.get('/models/acme/upscaler')).json().latest_version;
    const path = `/models/acme/upscaler/versions/${version}/trainings`;
    const input = (words) => ({ input_images: 'https://files.example/a.zip', note: words });
    const make = async (words) => {
      const answer = await relay.api.post(path, { destination: 'acme/own', input: input(words) });
      assert.equal(answer.status, 201, answer.text);
      return answer.json();
    };
    const read = async ({ id }) => (await relay.api.get(`/trainings/${id}`)).json();
    const done = await make(unique('trained'));
    const last = await until('the end', async () => ((await read(done)).completed_at ? read(done) : null));
    assert.equal(last.status, 'succeeded');
    assert.match(last.output.version, /^acme\/own:[0-9a-f]{64}$/);
    const endless = await make(unique('[[stub:never]]'));
    await relay.api.post(`/trainings/${endless.id}/cancel`, '');
    assert.equal((await read(endless)).status, 'canceled');
    await until('the cancel', async () => (await relay.stub.state()).at(-1).status === 'canceled');
    assert.deepEqual(
      creates(relay.stub).map(({ path: at }) => at),
      [`/v1${path}`, `/v1${path}`],
    );
    // A training that was lost is looked up among the trainings.
    const lost = await make(unique('[[stub:reset-after-accept]]'));
    const found = await until('the end', async () => ((await read(lost)).completed_at ? read(lost) : null));
    assert.equal(found.status, 'succeeded');
    assert.equal(creates(relay.stub).length, 3);
  });

  test('a file that is held here is uploaded once, and used again', async (t) => {
    const relay = await startRelay(t);
    const { body, headers } = await form('a small picture', 'picture.png');
    const file = (await relay.api.post('/files', body.toString('latin1'), headers)).json();
    const prompts = [unique('first'), unique('second')];
    for (const prompt of prompts) {
      const run = await relay.run(prompt, { model: 'acme/upscaler', input: { image: file.urls.get } });
      assert.equal(run.last.status, 'succeeded', run.last.error);
      assert.equal(run.last.input.image, file.urls.get, 'the client reads what it sent');
      assert.ok(run.received[0].body.input.image.startsWith(`${relay.stub.origin}/v1/files/`));
    }
    const uploads = relay.stub
      .entries()
      .filter((e) => e.phase === 'received' && e.method === 'POST' && e.path === '/v1/files');
    assert.equal(uploads.length, 1);
    const [there] = prompts.map((prompt) => relay.seen(prompt).received[0].body.input.image);
    const bytes = await fetch(`${there}/download`, { headers: { authorization: 'Bearer r8_one_main' } });
    assert.equal(await bytes.text(), 'a small picture');
  });

  test('an upload that fails is made again, and a lost create with a file is found', async (t) => {
    const relay = await startRelay(t);
    await relay.stub.script({ match: { method: 'POST', path: '/files$' }, times: 1, do: 'status=500' });
    await relay.stub.script({ match: { method: 'POST', path: '/files$' }, times: 1, do: 'reset' });
    const { body, headers } = await form('another picture', 'picture.png');
    const file = (await relay.api.post('/files', body.toString('latin1'), headers)).json();
    const prompt = unique('[[stub:fin-after-accept]]');
    const run = await relay.run(prompt, { model: 'acme/upscaler', input: { image: file.urls.get } });
    assert.equal(run.last.status, 'succeeded', run.last.error);
    assert.deepEqual([run.received.length, run.accepted.length], [1, 1]);
  });
});

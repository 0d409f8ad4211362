// SPDX-License-Identifier: Apache-2.0
// One server relays to another, whose webhooks tell it of the ends. Proxies stand on both ways and remember all.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Api, send } from './support/http.mjs';
import { Proxy } from './support/proxy.mjs';
import { startServer, tempFolder, until } from './support/server.mjs';

const kModel = 'black-forest-labs/flux-schnell';
const kCreate = /^\/v1\/models\/[^/]+\/[^/]+\/predictions$/;
const kHook = /^\/upstream-webhooks\//;

/** The front with its client, the back, and the proxies: `upstream` before the back, `entrance` before the front. */
async function setUp(t, { safetyPoll = '1m' } = {}) {
  const back = await startServer(t);
  const upstream = await Proxy.start(t, back.origin);
  const entrance = await Proxy.start(t, '');
  const folder = tempFolder(t);
  writeFileSync(
    join(folder, 'hekto.yaml'),
    `public_url: ${entrance.origin}
upstreams:
  replicate:
    url: ${upstream.origin}
    webhooks: on
    safety_poll: ${safetyPoll}
    accounts:
      - {name: main, token: ${back.key}}
`,
  );
  const front = await startServer(t, { folder });
  entrance.target = front.origin;
  await until('the signing secret', () => upstream.sent('GET', /webhooks\/default\/secret$/)[0]?.answer);
  const set = { back, upstream, entrance, front, api: new Api(front) };
  // From its first webhook on an account counts as one that tells.
  await until('a webhook', async () => {
    const p = await set.api.create(kModel, { prompt: 'the first' });
    await set.api.finished(p.id);
    return (await hooks(front)).verified > 0;
  });
  return set;
}

/** The counts of hekto_upstream_webhooks_total by outcome. */
async function hooks(server) {
  const { text } = await send(server.origin, '/metrics');
  const counts = text.matchAll(/^hekto_upstream_webhooks_total\{outcome="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries([...counts].map(([, outcome, count]) => [outcome, Number(count)]));
}

/** The create that the front has sent with this prompt: {id, body} of the back's prediction. */
function submission({ upstream }, prompt) {
  const create = upstream.sent('POST', kCreate).find((entry) => JSON.parse(entry.body).input.prompt === prompt);
  return { id: JSON.parse(create.answer).id, body: JSON.parse(create.body), headers: create.headers };
}

const reads = ({ upstream }, id) => upstream.sent('GET', new RegExp(`^/v1/predictions/${id}$`)).length;
const lists = ({ upstream }) => upstream.sent('GET', /^\/v1\/predictions\?/).length;

function signed(secret, body, { id = 'msg_test', time = Math.floor(Date.now() / 1000) } = {}) {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${time}.${body}`).digest('base64');
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(time),
    'webhook-signature': `v1,${signature}`,
  };
}

test('an end is learnt from the webhook alone, and nothing of it is shown to the client', async (t) => {
  const set = await setUp(t);
  const prompt = 'told [sandbox:delay=2500ms]';
  const created = await set.api.create(kModel, { prompt });
  const before = lists(set);
  const finished = await set.api.finished(created.id);
  assert.equal(finished.status, 'succeeded');
  assert.equal(finished.output.length, 1);
  assert.match(finished.logs, /it\/s/);
  assert.ok(finished.started_at && finished.metrics.predict_time > 2);

  const { id, body } = submission(set, prompt);
  assert.equal(reads(set, id), 0);
  assert.equal(lists(set), before);
  assert.ok(body.webhook.startsWith(`${set.entrance.origin}/upstream-webhooks/`));
  assert.deepEqual(body.webhook_events_filter, ['start', 'output', 'logs', 'completed']);
  for (const text of [JSON.stringify(created), JSON.stringify(finished)]) {
    assert.doesNotMatch(text, /upstream-webhooks/);
    assert.ok(!('webhook' in JSON.parse(text)));
  }
  const { received, verified, refused } = await hooks(set.front);
  assert.equal(received, verified);
  assert.equal(refused, 0);
});

test('what is not signed by the upstream is refused, and what is unknown is ignored', async (t) => {
  const set = await setUp(t);
  const prompt = 'forged [sandbox:delay=4s]';
  const created = await set.api.create(kModel, { prompt });
  const { id, body } = submission(set, prompt);
  const path = new URL(body.webhook).pathname;
  const secret = (await new Api(set.back).get('/webhooks/default/secret')).json().key;
  const forged = JSON.stringify({ id, status: 'failed', error: 'forged', output: null, logs: '', input: {} });
  const post = (to, text, headers) => send(set.front.origin, to, { method: 'POST', headers, body: text });
  const refusal = async (wanted, answer) => {
    const { status, headers, text } = await answer;
    assert.equal(status, wanted, text);
    assert.match(headers['content-type'], /^application\/problem\+json/);
    assert.equal(JSON.parse(text).status, wanted);
  };

  await refusal(401, post(path, forged, {}));
  await refusal(401, post(path, forged, signed('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', forged)));
  await refusal(401, post(path, forged, signed(secret, `${forged} `)));
  await refusal(401, post(path, forged, signed(secret, forged, { time: Math.floor(Date.now() / 1000) - 400 })));
  const other = path.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  await refusal(404, post(other, forged, signed(secret, forged)));
  await refusal(404, post('/upstream-webhooks/none', forged, signed(secret, forged)));
  await refusal(405, send(set.front.origin, path));
  // From the head alone.
  await refusal(413, post(path, 'x', { ...signed(secret, 'x'), 'content-length': String((16 << 20) + 1) }));
  await refusal(400, post(path, '{"a":1}', signed(secret, '{"a":1}')));

  const unknown = JSON.stringify({ ...JSON.parse(forged), id: 'nobodys' });
  assert.equal((await post(path, unknown, signed(secret, unknown))).status, 200);
  const finished = await set.api.finished(created.id);
  assert.equal(finished.status, 'succeeded');
  assert.ok((await hooks(set.front)).refused >= 3);

  // Sent again, and late: the end stays what it is.
  const told = set.entrance.sent('POST', kHook).filter((entry) => entry.path === path);
  for (const { headers, body: text } of told.reverse()) assert.equal((await post(path, text, headers)).status, 200);
  assert.equal((await post(path, forged, signed(secret, forged))).status, 200);
  assert.deepEqual(await set.api.prediction(created.id), finished);
});

test('a lost webhook is made up for by the safety poll', async (t) => {
  const set = await setUp(t, { safetyPoll: '1500ms' });
  set.entrance.meddle = (entry) => (kHook.test(entry.path) ? 503 : null);
  const prompt = 'lost [sandbox:delay=2s]';
  const created = await set.api.create(kModel, { prompt });
  assert.equal((await set.api.finished(created.id)).status, 'succeeded');
  assert.ok(reads(set, submission(set, prompt).id) >= 1);
  assert.ok(set.entrance.requests.some((entry) => entry.status === 503));
});

for (const [how, title] of [
  ['lose', 'a create whose answer broke off is found by its webhook'],
  ['silence', 'a create whose answer does not come is found by its webhook'],
]) {
  test(title, async (t) => {
    const set = await setUp(t);
    // Nor does the list help.
    set.upstream.meddle = (entry) => {
      if (entry.method === 'POST' && kCreate.test(entry.path)) return how;
      return /^\/v1\/predictions\?/.test(entry.path) ? 503 : null;
    };
    const prompt = `${how} [sandbox:delay=1s]`;
    const created = await set.api.create(kModel, { prompt });
    assert.equal((await set.api.finished(created.id)).status, 'succeeded');
    const creates = set.upstream.sent('POST', kCreate).filter((e) => JSON.parse(e.body).input.prompt === prompt);
    assert.equal(creates.length, 1);
  });
}

test('Cancel-After is passed on, and what never began is aborted', async (t) => {
  const set = await setUp(t);
  const prompt = 'late [sandbox:setup=60s]';
  const created = await set.api.create(kModel, { prompt }, { 'cancel-after': '6s' });
  const finished = await set.api.finished(created.id);
  assert.equal(finished.status, 'aborted');
  assert.equal(submission(set, prompt).headers['cancel-after'], '6s');
  const there = new Api(set.back);
  const { id } = submission(set, prompt);
  // By its own deadline, or by our cancel.
  await until('the end upstream', async () => ['aborted', 'canceled'].includes((await there.prediction(id)).status));
});

test('a cancel reaches the upstream', async (t) => {
  const set = await setUp(t);
  const there = new Api(set.back);
  const created = await set.api.create(kModel, { prompt: 'canceled [sandbox:hang]' });
  const { id } = submission(set, 'canceled [sandbox:hang]');
  await set.api.finished(created.id, (p) => p.status === 'processing');
  assert.equal((await set.api.post(`/predictions/${created.id}/cancel`, '')).json().status, 'canceled');
  await until('the cancel', async () => (await there.prediction(id)).status === 'canceled');
  const again = await set.api.post(`/predictions/${created.id}/cancel`, '');
  assert.equal(again.json().status, 'canceled');
});

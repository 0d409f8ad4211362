// SPDX-License-Identifier: Apache-2.0
// Webhooks as a receiver sees them, their signatures checked by the official npm client.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import Replicate from 'replicate';

import { Api, kFlux, kLlama, send, smallImage } from './support/http.mjs';
import { Receiver } from './support/receiver.mjs';
import { hekto, startServer, tempFolder, until } from './support/server.mjs';

const { validateWebhook } = Replicate;
const kQuick = ['--sandbox-speed', '0', '--rate-limits-creates', '0'];
// 5 s, 5 min, 30 min become 5 ms, 300 ms, 1.8 s.
const kCompressed = ['--webhooks-schedule-scale', '0.001'];

const server = await startServer({ after }, { args: [...kQuick, ...kCompressed] });
const api = new Api(server);

const client = (mount = '/v1', on = server) => new Replicate({ auth: on.key, baseUrl: on.origin + mount });

/** Whether the official client takes the request for genuine. */
function isGenuine({ headers, body }, secret, on = headers) {
  return validateWebhook({
    id: on['webhook-id'],
    timestamp: on['webhook-timestamp'],
    signature: on['webhook-signature'],
    body,
    secret,
  });
}

async function create(to, body, model = kFlux, on = api) {
  const answer = await on.post(`/models/${model}/predictions`, { input: smallImage('a fox'), webhook: to, ...body });
  assert.equal(answer.status, 201, answer.text);
  return answer.json();
}

async function webhooks(on, ...args) {
  const result = await hekto(['webhooks', ...args, '--data', on.data], { cwd: on.folder });
  assert.equal(result.code, 0, result.stderr);
  return result.stdout;
}
const listed = async (on, ...args) => JSON.parse(await webhooks(on, 'list', '--json', ...args)).webhooks;
const logOf = async (on, id) => (await listed(on)).find((entry) => entry.prediction === id)?.log ?? [];

for (const mount of ['/v1', '/replicate/v1']) {
  test(`${mount}: the end of a prediction arrives as a reader sees it, signed for the official client`, async (t) => {
    const receiver = await Receiver.start(t);
    const replicate = client(mount);
    const created = await replicate.predictions.create({
      model: kFlux,
      input: smallImage('a fôx 🦊'),
      webhook: receiver.url('/hook?token=t%20t'),
      webhook_events_filter: ['completed'],
    });
    assert.equal(created.webhook, receiver.url('/hook?token=t%20t'));
    assert.deepEqual(created.webhook_events_filter, ['completed']);

    const [request] = await receiver.received(1, '/hook?token=t%20t');
    assert.equal(request.method, 'POST');
    assert.equal(request.headers['content-type'], 'application/json');
    assert.match(request.headers['webhook-id'], /^msg_\w+$/);
    assert.equal(request.headers['content-length'], String(Buffer.byteLength(request.body)));
    const read = await new Api(server, { mount }).get(`/predictions/${created.id}`);
    assert.equal(request.body, read.text, 'the payload is what a read answers, byte for byte');
    assert.equal(request.prediction.status, 'succeeded');
    assert.equal((await fetch(request.prediction.output[0])).status, 200);

    const { key } = await replicate.webhooks.default.secret.get();
    assert.match(key, /^whsec_[A-Za-z0-9+/]{32}$/);
    assert.equal((await replicate.webhooks.default.secret.get()).key, key);
    assert.equal(await isGenuine(request, key), true);
    assert.equal(await isGenuine(request, `whsec_${Buffer.alloc(24).toString('base64')}`), false);
    assert.equal(await isGenuine({ ...request, body: `${request.body} ` }, key), false);
    const age = Math.abs(Date.now() / 1000 - Number(request.headers['webhook-timestamp']));
    assert.ok(age < 90, 'the timestamp is that of the attempt');
  });
}

test('start, output and logs come while it runs, and nothing after the end', async (t) => {
  const receiver = await Receiver.start(t);
  const slow = await startServer(t, { args: ['--sandbox-speed', '2'] });
  const on = new Api(slow);
  const events = ['start', 'output', 'logs', 'completed'];
  const input = { prompt: 'Tell a story.', max_tokens: 200 };
  const { id } = await create(receiver.url(), { input, webhook_events_filter: events }, kLlama, on);
  await until('the end', () => receiver.got.some(({ prediction }) => prediction.status === 'succeeded'));
  const last = await on.finished(id);
  const { key } = (await on.get('/webhooks/default/secret')).json();
  const predictions = receiver.got.map(({ prediction }) => prediction);
  assert.equal(predictions[0].status, 'processing');
  assert.deepEqual(predictions.at(-1), last);
  assert.ok(predictions.length >= 3, 'there was news in between');
  const lengths = predictions.map(({ output }) => output?.length ?? 0);
  assert.deepEqual(lengths, [...lengths].sort((a, b) => a - b), 'output only grows');
  for (const request of receiver.got) assert.equal(await isGenuine(request, key), true);
  assert.equal(new Set(receiver.got.map(({ headers }) => headers['webhook-id'])).size, receiver.got.length);
});

test('without a filter there is no start and no logs; a filter of logs brings no end', async (t) => {
  const receiver = await Receiver.start(t);
  const plain = await create(receiver.url('/plain'));
  const logs = await create(receiver.url('/logs'), { webhook_events_filter: ['logs', 'logs'] });
  assert.equal('webhook_events_filter' in plain, false);
  assert.deepEqual(logs.webhook_events_filter, ['logs']);
  await until('the end', async () => (await receiver.received(1, '/plain')).at(-1).prediction.status === 'succeeded');
  await api.finished(logs.id);
  const last = (await receiver.received(1, '/logs')).at(-1);
  assert.equal(last.prediction.status, 'processing');
  assert.equal((await listed(server)).some(({ prediction }) => prediction === logs.id), false);
});

test('webhook_completed is the old spelling for the end alone', async (t) => {
  const receiver = await Receiver.start(t);
  const { id, webhook, webhook_events_filter } = await create(undefined, { webhook_completed: receiver.url() });
  assert.equal(webhook, receiver.url());
  assert.deepEqual(webhook_events_filter, ['completed']);
  const [request] = await receiver.received(1);
  assert.equal(request.prediction.id, id);
  assert.equal(request.prediction.status, 'succeeded');
});

test('cancel, failure and a passed deadline are told as well', async (t) => {
  const receiver = await Receiver.start(t);
  const slow = smallImage('[sandbox:delay=300s]');
  const canceled = await create(receiver.url('/canceled'), { input: slow });
  await api.post(`/predictions/${canceled.id}/cancel`, '');
  await create(receiver.url('/failed'), { input: smallImage('[sandbox:fail=the brush broke]') });
  const late = await api.post(
    `/models/${kFlux}/predictions`, { input: slow, webhook: receiver.url('/late') }, { 'cancel-after': '5s' });
  assert.equal(late.status, 201);
  assert.equal((await receiver.received(1, '/canceled')).at(-1).prediction.status, 'canceled');
  const [failed] = await receiver.received(1, '/failed');
  assert.equal(failed.prediction.status, 'failed');
  assert.equal(failed.prediction.error, 'the brush broke');
  const ended = (await receiver.received(1, '/late')).at(-1).prediction;
  assert.ok(['canceled', 'aborted'].includes(ended.status));
});

test('a receiver that fails is tried again, with the same id and a signature of its own', async (t) => {
  const receiver = await Receiver.start(t, (_, index) => [500, 429, 503, 200][index] ?? 200);
  const { id } = await create(receiver.url(), { webhook_events_filter: ['completed'] });
  const requests = await receiver.received(4);
  const { key } = (await api.get('/webhooks/default/secret')).json();
  for (const request of requests) {
    assert.equal(request.headers['webhook-id'], requests[0].headers['webhook-id']);
    assert.equal(request.body, requests[0].body);
    assert.equal(await isGenuine(request, key), true);
  }
  assert.notEqual(requests[0].headers['webhook-timestamp'], requests[3].headers['webhook-timestamp']);
  await until('it is delivered', async () => (await listed(server)).find((m) => m.prediction === id).state === 'delivered');
  assert.deepEqual((await logOf(server, id)).map(({ status }) => status), [500, 429, 503, 200]);
});

test('a redirect is not followed', async (t) => {
  const other = await Receiver.start(t);
  const receiver = await Receiver.start(t, (_, index) =>
    index < 2 ? { status: [301, 307][index], headers: { location: other.url() } } : 200);
  await create(receiver.url(), { webhook_events_filter: ['completed'] });
  await receiver.received(3);
  assert.equal(other.connections, 0);
});

test('an address of this machine is not called once others reach the server, unless it is allowed', async (t) => {
  const receiver = await Receiver.start(t);
  const args = [...kQuick, ...kCompressed, '--public-url', 'https://hekto.example'];
  const open = await startServer(t, { args });
  const { id } = await create(receiver.url(), {}, kFlux, new Api(open));
  await until('attempts', async () => (await logOf(open, id)).length >= 2);
  const [attempt] = await logOf(open, id);
  assert.equal(attempt.status, null);
  assert.equal(attempt.error, 'the address is not allowed');
  assert.equal(receiver.connections, 0);

  const allowing = await startServer(t, { args: [...args, '--egress-allow', '127.0.0.1'] });
  const allowed = await create(receiver.url(), { webhook_events_filter: ['completed'] }, kFlux, new Api(allowing));
  const [request] = await receiver.received(1);
  assert.equal(request.prediction.id, allowed.id);
  assert.equal(request.prediction.urls.get, `https://hekto.example/v1/predictions/${allowed.id}`);
});

test('private networks are not called even by a server for this machine alone', async () => {
  const to = ['http://10.0.0.1:9/', 'http://169.254.169.254/latest/', 'http://[fd00::1]/', 'http://192.168.0.1/'];
  const ids = [];
  for (const webhook of to) ids.push((await create(webhook, { webhook_events_filter: ['completed'] })).id);
  for (const id of ids) {
    const log = await until('an attempt', async () => {
      const attempts = await logOf(server, id);
      return attempts.length > 0 && attempts;
    });
    assert.equal(log[0].error, 'the address is not allowed');
  }
});

test('kill -9 between the end of a prediction and its delivery: it is delivered after the next start', async (t) => {
  const receiver = await Receiver.start(t, () => null);
  const folder = tempFolder(t);
  const first = await startServer(t, { folder, args: kQuick });
  const on = new Api(first);
  const { key } = (await on.get('/webhooks/default/secret')).json();
  const { id } = await create(receiver.url(), { webhook_events_filter: ['completed'] }, kFlux, on);
  const [cut] = await receiver.received(1);
  await first.stop('SIGKILL');

  receiver.answer = () => 200;
  const second = await startServer(t, { folder, args: kQuick, key: false });
  const requests = await receiver.received(2);
  assert.equal(requests[1].headers['webhook-id'], cut.headers['webhook-id']);
  assert.equal(requests[1].body, cut.body);
  assert.equal(requests[1].prediction.id, id);
  assert.equal(await isGenuine(requests[1], key), true);
  await until('it is delivered', async () => (await listed(second)).find((m) => m.prediction === id).state === 'delivered');
});

test('kill -9 while the receiver is away: it is delivered when both are back', async (t) => {
  const folder = tempFolder(t);
  const gone = await Receiver.start(t);
  const { port } = gone.server.address();
  await new Promise((resolve) => gone.server.close(resolve));
  const first = await startServer(t, { folder, args: [...kQuick, '--webhooks-schedule-scale', '0.01'] });
  const { id } = await create(`http://127.0.0.1:${port}/hook`, {}, kFlux, new Api(first));
  await until('a failed attempt', async () => (await logOf(first, id)).length > 0);
  await first.stop('SIGKILL');

  const back = await Receiver.start(t);
  await new Promise((resolve) => back.server.close(resolve));
  await new Promise((resolve) => back.server.listen(port, '127.0.0.1', resolve));
  await startServer(t, { folder, args: [...kQuick, '--webhooks-schedule-scale', '0.01'], key: false });
  const [request] = await back.received(1);
  assert.equal(request.prediction.id, id);
});

test('one dead receiver delays no other', async (t) => {
  const dead = await Receiver.start(t, () => null);
  const good = await Receiver.start(t);
  // Patient enough that the dead one is still being waited for when the good one has got everything.
  const own = await startServer(t, { args: [...kQuick, '--webhooks-timeout', '1m', '--drain-grace', '0s'] });
  const on = new Api(own);
  const filter = { webhook_events_filter: ['completed'] };
  for (let i = 0; i < 20; i++) await create(dead.url(), filter, kFlux, on);
  await dead.received(2);
  for (let i = 0; i < 20; i++) await create(good.url(), filter, kFlux, on);
  await good.received(20);
  assert.ok((await listed(own, '--failed')).length === 0 && dead.got.length === 2, 'two at once, and no more');
});

test('the secret is changed with a day of overlap, in which both are signed with', async (t) => {
  const receiver = await Receiver.start(t);
  const own = await startServer(t, { args: kQuick });
  const on = new Api(own);
  const secret = async () => (await on.get('/webhooks/default/secret')).json().key;
  const before = await secret();
  const printed = (await webhooks(own, 'rotate')).trimEnd().split('\n').at(-1);
  const now = await secret();
  assert.equal(printed, now);
  assert.notEqual(now, before);
  await create(receiver.url(), { webhook_events_filter: ['completed'] }, kFlux, on);
  const [request] = await receiver.received(1);
  assert.equal(request.headers['webhook-signature'].split(' ').length, 2);
  assert.equal(await isGenuine(request, now), true);
  assert.equal(await isGenuine(request, before), true);
});

test('every account has a secret of its own', async () => {
  await server.makeAccount('others');
  const other = new Api(server, { key: await server.makeKey('other', '--account', 'others') });
  const keys = [];
  for (const who of [api, other]) keys.push((await who.get('/webhooks/default/secret')).json().key);
  assert.notEqual(keys[0], keys[1]);
  assert.equal((await send(server.origin, '/v1/webhooks/default/secret')).status, 401);
});

test('hekto webhooks lists what failed and sends it again, with and without a running server', async (t) => {
  let status = 400;
  const receiver = await Receiver.start(t, () => status);
  const own = await startServer(t, { args: [...kQuick, '--webhooks-schedule-scale', '0.0001'] });
  const on = new Api(own);
  const dead = await create(receiver.url('/dead?secret=1'), { webhook_events_filter: ['completed'] }, kFlux, on);
  const states = async (...args) => (await listed(own, ...args)).map(({ prediction, state }) => [prediction, state]);
  await until('it is given up', async () => (await states('--failed')).some(([, state]) => state === 'dead'));
  assert.equal((await logOf(own, dead.id)).length, 10);
  const table = await webhooks(own, 'list', '--failed');
  assert.match(table, /dead\s+10\s+400/);
  assert.doesNotMatch(table, /secret/);

  status = 200;
  await webhooks(own, 'resend', dead.id);
  await receiver.received(11, '/dead?secret=1');
  await until('it is delivered', async () => (await states()).some(([, state]) => state === 'delivered'));
  assert.deepEqual(await states('--failed'), []);
  await webhooks(own, 'resend', `msg_${dead.id}`);
  const again = (await receiver.received(12, '/dead?secret=1')).at(-1);
  assert.equal(again.prediction.status, 'succeeded');

  const unknown = await hekto(['webhooks', 'resend', 'msg_nothing', '--data', own.data], { cwd: own.folder });
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no webhook message msg_nothing/);

  const metrics = (await send(own.origin, '/metrics')).text;
  assert.match(metrics, /^hekto_webhook_attempts_total\{outcome="failed"\} 10$/m);
  assert.match(metrics, /^hekto_webhooks_dead_total 1$/m);
  const { key } = (await on.get('/webhooks/default/secret')).json();
  assert.deepEqual(await own.stop(), { code: 0, signal: null });
  for (const hidden of ['secret=1', 'a fox', key, key.slice(6)]) {
    assert.equal(own.log.some((line) => line.includes(hidden)), false, `the log holds ${hidden}`);
  }
  await webhooks(own, 'resend', dead.id);
  assert.deepEqual(await states(), [[dead.id, 'pending']]);
});

test('422: a webhook that is no http URL', async () => {
  const refused = async (body) => {
    const answer = await api.post(`/models/${kFlux}/predictions`, { input: smallImage('fox'), ...body });
    assert.equal(answer.status, 422, JSON.stringify(body));
    return answer.json().invalid_fields;
  };
  const form = 'Must be an http or https URL of at most 4096 bytes without a user name';
  for (const url of ['ftp://hook.example/', 'http://user:word@hook.example/', 'http://hook.example:0/', 'mailto:a@b.example']) {
    assert.deepEqual(await refused({ webhook: url }), [{ type: 'format', field: 'webhook', description: form }]);
    assert.deepEqual(await refused({ webhook_completed: url }), [
      { type: 'format', field: 'webhook_completed', description: form },
    ]);
  }
  const [problem] = await refused({ webhook: 'not a url' });
  assert.deepEqual(problem, { type: 'format', field: 'webhook', description: "Does not match format 'uri'" });
  await refused({ webhook: 7 });
  await refused({ webhook: 'https://hook.example/', webhook_events_filter: ['finished'] });
});

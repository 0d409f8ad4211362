// SPDX-License-Identifier: Apache-2.0
// Whatever an upstream echoes: its token, its address and the name of the account reach no client and no log.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Receiver } from '../e2e/support/receiver.mjs';
import { send } from '../e2e/support/http.mjs';
import { readStream } from '../e2e/support/sse.mjs';
import { kEcho, kFlux, kLlama, sleep, startRelay, unique } from './relay.mjs';

/** Collects every byte that a client gets, and says where a secret is among them. */
class Collector {
  seen = [];
  constructor(relay) {
    this.relay = relay;
  }

  add(what, text) {
    this.seen.push([what, text]);
  }
  answer(what, answer) {
    this.add(what, `${answer.status} ${JSON.stringify(answer.headers)}\n${answer.body.toString('latin1')}`);
    return answer;
  }
  async get(path, headers) {
    return this.answer(`GET ${path}`, await this.relay.api.get(path, headers));
  }

  /** Fails with every place that holds a secret in any spelling. */
  check(secrets) {
    const found = [];
    for (const [what, text] of this.seen) {
      const plain = text.replace(/\\+\//g, '/').toLowerCase();
      const decoded = plain.replace(/%[0-9a-f]{2}/g, (code) => String.fromCharCode(parseInt(code.slice(1), 16)));
      for (const secret of secrets) {
        const form = [plain, decoded].find((one) => one.includes(secret.toLowerCase()));
        if (!form) continue;
        const at = form.indexOf(secret.toLowerCase());
        found.push(`${what} holds ${secret}: …${form.slice(Math.max(0, at - 60), at + 60)}…`);
      }
    }
    assert.deepEqual(found, []);
  }
}

test('nothing that an upstream echoes gets out', async (t) => {
  const relay = await startRelay(t, {
    stubs: { one: { accounts: { main: 'r8_Secret+Token/of.one' } } },
    args: ['--log-level', 'debug', '--log-access', 'all'],
  });
  const collector = new Collector(relay);
  const receiver = await Receiver.start(t);
  const run = async (prompt, model = kLlama, more = {}) => {
    const answer = await relay.api.post(`/models/${model}/predictions`, {
      input: { prompt },
      webhook: receiver.url(),
      webhook_events_filter: ['start', 'output', 'logs', 'completed'],
      ...more,
    });
    collector.answer(`create of ${prompt}`, answer);
    if (answer.status !== 201) return null;
    const { id, urls } = answer.json();
    const stream = urls.stream ? readStream(urls.stream) : null;
    const last = await relay.api.finished(id, (p) => {
      collector.add(`poll of ${prompt}`, JSON.stringify(p));
      return p.completed_at;
    });
    if (stream) collector.add(`stream of ${prompt}`, (await stream).text);
    await collector.get(`/predictions/${id}`);
    return last;
  };

  const text = await run(unique('[[stub:echo]][[stub:delay=800]]'));
  assert.equal(text.status, 'succeeded');
  assert.ok(text.output.join('').startsWith('Rain taps on the roof.'));
  const value = await run(unique('[[stub:echo]]'), kEcho);
  assert.ok(value.output.echo.length > 0);
  const failed = await run(unique('[[stub:echo]][[stub:fail=It broke]]'));
  assert.match(failed.error, /^It broke /);
  const files = await run(unique('[[stub:echo]]'), kFlux);
  for (const url of files.output) collector.answer('a file', await send(relay.server.origin, url));
  for (const status of [400, 404, 422, 429, 503]) await run(unique(`[[stub:status=${status}*1]][[stub:echo]]`));
  await run(unique('[[stub:status-after-accept=500]][[stub:echo]]'));
  await run(unique('[[stub:redirect]]'));
  await run(unique('[[stub:out-redirect]]'), kFlux);
  await run(unique('[[stub:reset-after-accept]][[stub:echo]]'));
  const running = (await relay.create(unique('[[stub:never]][[stub:echo]]'))).json();
  await relay.api.finished(running.id, (p) => p.status === 'processing');
  collector.answer('cancel', await relay.api.post(`/predictions/${running.id}/cancel`, ''));
  await run(unique('[[stub:status=402]][[stub:echo]]')); // after this the account is left alone

  for (const path of ['/models', `/models/${kLlama}`, `/models/${kLlama}/versions`, `/models/${kFlux}/readme`]) {
    await relay.stub.script({ match: { method: 'GET', path: `^/v1${path}$` }, times: 2, do: 'echo' });
    await collector.get(path);
  }
  for (const path of [
    '/collections',
    '/search?query=flux',
    '/hardware',
    '/account',
    '/models/none/there',
    '/predictions',
    '/trainings',
    '/deployments/a/b',
    '/webhooks/default/secret',
  ]) {
    await relay.stub.script({
      match: { method: 'GET', path: `^/v1${path.replace('?', '\\?')}$` },
      times: 1,
      do: ['echo', ...(path === '/models/none/there' ? ['status=404'] : [])],
    });
    await collector.get(path);
  }
  collector.add('metrics', (await send(relay.server.origin, '/metrics')).text);
  await sleep(300);
  for (const hook of receiver.got) collector.add('a webhook', JSON.stringify(hook.headers) + hook.body);
  assert.ok(receiver.got.length >= 4);
  collector.add('the log', relay.server.log.join('\n'));
  const { host } = new URL(relay.stub.origin);
  collector.check(['r8_Secret+Token/of.one', 'user-one-main', host]);
});

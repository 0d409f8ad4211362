// SPDX-License-Identifier: Apache-2.0
// A create whose answer was lost, at an account that makes thousands of other predictions meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Api, kLlama, send } from '../e2e/support/http.mjs';
import { startServer, tempFolder, until } from '../e2e/support/server.mjs';
import { Stub } from './stub/start.mjs';

const kOthers = 2_500;

/** Creates that others make at the stub with the same account. */
async function makeOthers(stub) {
  const headers = { authorization: 'Bearer t', 'content-type': 'application/json' };
  let left = kOthers;
  const one = async () => {
    while (left > 0) {
      left -= 1;
      const body = JSON.stringify({ input: { prompt: `another ${left}` } });
      const answer = await send(stub.origin, `/v1/models/${kLlama}/predictions`, { method: 'POST', headers, body });
      assert.equal(answer.status, 201, answer.text);
    }
  };
  await Promise.all(Array.from({ length: 16 }, one));
}

test('a lost answer is made up for however many others the account makes', async (t) => {
  const folder = tempFolder(t);
  const stub = await Stub.for(t, { folder, args: ['--delay-ms', '0'] });
  const args = ['--replicate-url', stub.origin];
  const server = await startServer(t, { folder, args, env: { REPLICATE_API_TOKEN: 't' } });
  const api = new Api(server);
  // Shown by lists only when all the others are, so that it is not found before.
  const prompt = 'mine [[stub:reset-after-accept]] [[stub:list-delay=15000]]';
  const { id } = await api.create(kLlama, { prompt });
  await until('the create to be taken', () => stub.creates('mine').accepted.length > 0);
  await makeOthers(stub);
  const ended = await api.finished(id);
  assert.equal(ended.status, 'succeeded', ended.error);
  assert.equal(stub.creates('mine').received.length, 1);
});

// SPDX-License-Identifier: Apache-2.0
// Output files of upstreams: whole or not at all. D25 of the reliability contract.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { send } from '../e2e/support/http.mjs';
import { kFlux, startRelay, unique } from './relay.mjs';

/** Fails unless each link of the output gives the bytes that the upstream has. */
async function areWhole(relay, { last, accepted }, what) {
  assert.equal(last.status, 'succeeded', `${what}: ${last.error}`);
  for (const [i, url] of last.output.entries()) {
    assert.ok(url.startsWith(`${relay.server.origin}/delivery/`), url);
    const file = await send(relay.server.origin, url);
    assert.equal(file.status, 200);
    assert.equal(Number(file.headers['content-length']), file.body.length);
    const whole = file.body.toString('latin1').includes(`${accepted[0].id}-${i}`) || /data-url/.test(what);
    assert.ok(whole, `${what}: ${file.body.length} bytes`);
    assert.equal(file.headers['content-type'], 'image/png');
  }
}

const downloads = (relay, prompt) => relay.stub.askedOf(prompt).filter(({ path }) => path.startsWith('/out/'));

describe('D25: files that cannot be had at once', { concurrency: true }, () => {
  for (const words of [
    ['out-status=500*2', 'out-status=404*1', 'out-status=429*1'],
    ['out-half*2', 'out-cut=7*1', 'out-reset*2', 'out-fin*1'],
    ['out-slow=3', 'data-url', 'out-huge=3', 'out-type=image/png'],
  ]) {
    test(`${words.join(', ')}: they are fetched until they are whole`, async (t) => {
      const relay = await startRelay(t);
      await Promise.all(
        words.map(async (word) => {
          const prompt = unique(`[[stub:${word}]]`);
          const run = await relay.run(prompt, { model: kFlux, input: { num_outputs: 2 } });
          await areWhole(relay, run, word);
          assert.equal(run.last.output.length, 2);
          assert.equal(run.accepted.length, 1);
        }),
      );
    });
  }

  test('one that is not there, lies elsewhere, unpacks without end or is too large fails, with a name', async (t) => {
    const relay = await startRelay(t, { upstream: { max_output: '1MiB' } });
    const words = ['out-status=404', 'out-redirect', 'out-bomb', 'out-endless', 'out-huge=2'];
    await Promise.all(
      words.map(async (word) => {
        const prompt = unique(`[[stub:${word}]]`);
        const { last, accepted } = await relay.run(prompt, { model: kFlux });
        assert.equal(last.status, 'failed', word);
        assert.match(last.error, /\(code: output_unavailable\)$/, word);
        assert.equal(last.output, null, word);
        assert.equal(accepted.length, 1);
        assert.ok(downloads(relay, prompt).length <= 20, `${word}: ${downloads(relay, prompt).length} downloads`);
      }),
    );
    const strays = relay.stub.entries().filter(({ path }) => path?.startsWith('/elsewhere'));
    assert.deepEqual(strays, [], 'redirects of outputs are not followed');
  });

  test('with outputs: pass the links are the upstream’s', async (t) => {
    const relay = await startRelay(t, { upstream: { outputs: 'pass' } });
    const prompt = unique('passed');
    const { last, accepted } = await relay.run(prompt, { model: kFlux });
    assert.deepEqual(last.output, [`${relay.stub.origin}/out/${accepted[0].id}/0/out-0.png`]);
    assert.equal(downloads(relay, prompt).length, 0);
  });
});

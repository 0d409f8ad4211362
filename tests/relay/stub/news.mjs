// SPDX-License-Identifier: Apache-2.0
// What the stub tells by itself: event streams and webhooks.
import { createHmac, randomBytes } from 'node:crypto';

import { isTerminal } from './predictions.mjs';

const kTickMs = 20;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Streams the text of a prediction as events; resumes behind Last-Event-ID. Words: cut=N breaks off after N events of
 * this connection, stall=N says nothing more after N.
 */
export async function streamEvents(prediction, request, response, orders) {
  const last = Number(/:(\d+)$/.exec(request.headers['last-event-id'] ?? '')?.[1] ?? -1);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(': hi\n\n');
  const seconds = Math.floor(prediction.createdAt / 1e6);
  let number = last + 1;
  let told = 0;
  const tell = (event, data) => {
    response.write(
      `event: ${event}\nid: ${seconds}:${number}\n${data
        .split('\n')
        .map((l) => `data: ${l}\n`)
        .join('')}\n`,
    );
    number += 1;
    told += 1;
    if (orders.has('cut') && told >= orders.number('cut')) {
      request.socket.destroy();
      return false;
    }
    return true;
  };
  while (!response.destroyed && !request.socket.destroyed) {
    const now = Date.now() * 1000;
    const items = prediction.output(prediction.canceledAt ?? now) ?? [];
    while (number < items.length) {
      if (orders.has('stall') && told >= orders.number('stall')) return;
      if (!tell('output', items[number])) return;
    }
    const status = prediction.status(now);
    if (isTerminal(status)) {
      if (status === 'failed') tell('error', JSON.stringify({ detail: prediction.life.get('fail') }));
      const reason = { failed: 'error', canceled: 'canceled' }[status];
      tell('done', reason ? JSON.stringify({ reason }) : '{}');
      response.end();
      return;
    }
    await sleep(kTickMs);
  }
}

export function signed(secret, body) {
  const id = `msg_${randomBytes(12).toString('hex')}`;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(secret.slice(secret.indexOf('_') + 1), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}

/**
 * Posts what happens to a prediction to its webhook until its end. Words: hook-none, hook-twice, hook-forged (with a
 * signature that is not the account's), hook-late=MS.
 */
export async function sendWebhooks(prediction, origin, secret, log) {
  const { life } = prediction;
  if (!prediction.webhook || life.has('hook-none')) return;
  const wanted = new Set(prediction.events ?? ['output', 'completed']);
  const post = async (event) => {
    if (!wanted.has(event)) return true;
    await sleep(life.number('hook-late'));
    const body = JSON.stringify(prediction.show(origin));
    const key = life.has('hook-forged') ? 'whsec_Zm9yZ2VkZm9yZ2VkZm9yZ2Vk' : secret;
    let status = 0;
    for (let i = 0; i < (life.has('hook-twice') ? 2 : 1); ++i) {
      const answer = await fetch(prediction.webhook, { method: 'POST', headers: signed(key, body), body }).catch(
        () => null,
      );
      await answer?.arrayBuffer().catch(() => null);
      status = answer?.status ?? 0;
    }
    await log.append({ phase: 'webhook', event, id: prediction.id, status });
    return status >= 200 && status < 300;
  };
  let started = false;
  let shown = 0;
  for (;;) {
    const now = Date.now() * 1000;
    const status = prediction.status(now);
    if (!started && status !== 'starting') {
      started = true;
      await post('start');
    }
    if (isTerminal(status)) break;
    const length = prediction.output(now, origin)?.length ?? 0;
    if (length > shown) {
      shown = length;
      await post('output');
    }
    await sleep(100);
  }
  for (const pause of [0, 500, 1000, 2000, 4000]) {
    await sleep(pause);
    if (await post('completed')) return;
  }
}

// SPDX-License-Identifier: Apache-2.0
// Requests as they are written: any header, any method, nothing decoded and nothing retried.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

import { until } from './server.mjs';

/** Resolves with {status, headers, body (Buffer), text, json()}. `path` may be an absolute URL of the same server. */
export function send(origin, path, { method = 'GET', headers = {}, body, ca } = {}) {
  const url = new URL(origin);
  const target = path.startsWith('http') ? path.slice(new URL(path).origin.length) : path;
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).request(
      {
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path: target,
        method,
        headers,
        ca,
        agent: false,
      },
      (response) => {
        const pieces = [];
        response.on('data', (piece) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(pieces);
          const text = bytes.toString('utf8');
          resolve({
            status: response.statusCode,
            headers: response.headers,
            body: bytes,
            text,
            json: () => JSON.parse(text),
          });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Sends the bytes of `text` (latin1) as they are and resolves with everything that comes back until the end. */
export function sendRaw(server, text) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1', () => socket.end(Buffer.from(text, 'latin1')));
    const pieces = [];
    socket.on('data', (piece) => pieces.push(piece));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(pieces).toString('latin1')));
  });
}

/** The API of one server with one key. */
export class Api {
  constructor(server, { mount = '/v1', key = server.key, headers = {}, ca } = {}) {
    this.origin = server.origin;
    this.mount = mount;
    this.ca = ca;
    this.headers = { authorization: `Bearer ${key}`, ...headers };
  }

  get(path, headers = {}) {
    return send(this.origin, this.mount + path, { headers: { ...this.headers, ...headers }, ca: this.ca });
  }

  post(path, body, headers = {}) {
    return send(this.origin, this.mount + path, {
      method: 'POST',
      headers: { ...this.headers, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ca: this.ca,
    });
  }

  /** Creates a prediction of `model` and returns the answer's object; fails unless it was accepted. */
  async create(model, input, headers = {}) {
    const answer = await this.post(`/models/${model}/predictions`, { input }, headers);
    if (answer.status !== 201 && answer.status !== 202) throw new Error(`create: ${answer.status} ${answer.text}`);
    return answer.json();
  }

  async prediction(id) {
    const answer = await this.get(`/predictions/${id}`);
    if (answer.status !== 200) throw new Error(`get: ${answer.status} ${answer.text}`);
    return answer.json();
  }

  /** Waits until prediction `id` is terminal, or satisfies `wanted`. */
  finished(id, wanted = (p) => isTerminal(p.status)) {
    return until(`prediction ${id}`, async () => {
      const p = await this.prediction(id);
      return wanted(p) ? p : null;
    });
  }

  /** Creates and waits for the end. */
  async run(model, input) {
    return this.finished((await this.create(model, input)).id);
  }
}

export const kFlux = 'black-forest-labs/flux-schnell';
export const kLlama = 'meta/meta-llama-3-8b-instruct';
export const kFluxLoraVersion = '2a6b576af31790b470f0a8442e1e9791213fa13799cbb65a9fc1436e96389574';

/** A quick small image. */
export const smallImage = (prompt) => ({ prompt, megapixels: '0.25', output_format: 'jpg', num_inference_steps: 1 });

export const isTerminal = (status) => ['succeeded', 'failed', 'canceled', 'aborted'].includes(status);

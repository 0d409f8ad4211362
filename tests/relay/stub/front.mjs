// SPDX-License-Identifier: Apache-2.0
// The listener: reads requests, records them, and breaks what is to be broken around the API.
import http from 'node:http';

import { Orders } from './directives.mjs';
import { refusal } from './problems.mjs';
import { breakOff, sendAnswer } from './wire.mjs';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const kMaxBody = 256 << 20;

async function readBody(request) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    pieces.push(piece);
    size += piece.length;
    if (size > kMaxBody) throw new Error('a body is too long');
  }
  return Buffer.concat(pieces);
}

export class Front {
  #connections = 0;
  /** Connections are reset as soon as they are made, so many. */
  resetConnections = 0;

  constructor(api, log) {
    this.api = api;
    this.log = log;
    this.server = this.#make();
  }

  #make() {
    const server = http.createServer((request, response) => {
      this.#serve(request, response).catch((error) => {
        console.error(error);
        request.socket.destroy();
      });
    });
    server.keepAliveTimeout = 600_000;
    server.headersTimeout = 0;
    server.requestTimeout = 0;
    server.on('connection', (socket) => {
      socket.number = this.#connections += 1;
      socket.requests = 0;
      socket.on('error', () => {});
      if (this.resetConnections > 0) {
        this.resetConnections -= 1;
        this.log.append({ phase: 'connection-reset', connection: socket.number });
        socket.resetAndDestroy();
      }
    });
    server.on('clientError', (_, socket) => socket.destroy());
    return server;
  }

  listen(port) {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, '127.0.0.1', 4096, () => {
        this.port = this.server.address().port;
        this.api.origin = `http://127.0.0.1:${this.port}`;
        resolve(this.port);
      });
    });
  }

  /** Connections are refused from now on, and those that are there are cut. */
  stopListening() {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  async listenAgain() {
    this.server = this.#make();
    await this.listen(this.port);
  }

  async #serve(request, response) {
    const { socket, method } = request;
    socket.requests += 1;
    response.on('error', () => {});
    const url = new URL(request.url, 'http://stub');
    const path = url.pathname;
    if (path.startsWith('/_stub/')) return this.control.serve(request, response);
    const token = /^(?:bearer|token) +(.*)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const account = this.api.accountOf(token);
    const about = {
      method,
      path: request.url,
      token: account?.name ?? (token ? 'unknown' : null),
      connection: socket.number,
      nth: socket.requests,
    };
    const early = new Orders().take(
      this.api.scripts.match({ method, path: request.url, account: account?.name, text: null }),
    );
    if (early.names.length > 0) {
      await this.log.append({ phase: 'head', ...about, did: early.names });
      if (early.has('hang-before-read')) return request.pause();
      return breakOff(request, early.has('reset-before-read') ? 'reset' : 'fin');
    }
    let body;
    try {
      body = await readBody(request);
    } catch {
      await this.log.append({ phase: 'broken', ...about });
      return undefined;
    }
    const type = request.headers['content-type'] ?? '';
    const text = /multipart/.test(type) ? '' : body.toString('utf8');
    const call = {
      request,
      response,
      method,
      path,
      target: request.url,
      parts: path.split('/').filter(Boolean).slice(1).map(decodeURIComponent),
      query: url.searchParams,
      body,
      text,
      account,
      about,
      releases: this.api.releases,
    };
    call.value = /^\s*[{[]/.test(text) ? parseOrNull(text) : undefined;
    await this.log.append({
      phase: 'received',
      ...about,
      body: call.value ?? (text || undefined),
      bytes: body.length,
      idempotencyKey: request.headers['idempotency-key'],
    });
    await this.#answer(call);
    return undefined;
  }

  async #answer(call) {
    const { request, about } = call;
    const orders = new Orders();
    call.scripted = this.api.scripts.match({ ...call, path: call.target, account: call.account?.name });
    orders.take(call.scripted.map((directive) => ({ ...directive })));
    this.api.addOrders(call, orders);
    const echo = this.api.echoOf(call.account);
    const note = (did, more = {}) => this.log.append({ phase: 'answered', ...about, ...more, did });
    if (orders.has('close-if-reused') && about.nth > 1) orders.take([{ name: 'fin', value: '', left: 1 }]);
    if (orders.has('wait')) await sleep(orders.number('wait'));
    for (const how of ['reset', 'fin']) {
      if (!orders.has(how)) continue;
      await note(how);
      return breakOff(request, how);
    }
    if (orders.has('hang')) return note('hang');
    let answer = orders.has('status')
      ? refusal(orders.number('status'), orders, echo)
      : await this.api.answer(call, orders);
    if (answer === null) return note('streamed');
    if (orders.has('hold')) await this.api.held(call, orders.number('hold'));
    for (const how of ['reset', 'fin']) {
      if (!orders.has(`${how}-after-accept`)) continue;
      await note(`${how}-after-accept`);
      return breakOff(request, how);
    }
    if (orders.has('hang-after-accept')) return note('hang-after-accept');
    if (orders.has('status-after-accept')) answer = refusal(orders.number('status-after-accept'), orders, echo);
    if (orders.has('redirect')) {
      const location = orders.get('redirect') || `${this.api.origin}/elsewhere?token=${this.api.tokenOf(call.account)}`;
      answer = { ...answer, status: 307, headers: { ...answer.headers, location } };
    }
    if (orders.has('echo')) Object.assign(answer.headers, this.api.echoHeaders(call.account));
    Object.assign(answer.headers, this.api.limitHeaders(call), answer.headers);
    return note(await sendAnswer(request, call.response, answer, orders), { status: answer.status });
  }
}

function parseOrNull(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

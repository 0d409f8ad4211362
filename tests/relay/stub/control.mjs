// SPDX-License-Identifier: Apache-2.0
// How tests steer the stub: POST /_stub/script, /_stub/reset-scripts, /_stub/release, /_stub/stop-listening,
// /_stub/listen, /_stub/reset-connections; GET /_stub/state.
import http from 'node:http';

async function jsonOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8');
  return text ? JSON.parse(text) : {};
}

export class Control {
  constructor(api, front) {
    this.api = api;
    this.front = front;
  }

  /** A port that answers when the other refuses connections. */
  listen(port) {
    this.server = http.createServer((request, response) => this.serve(request, response));
    return new Promise((resolve) => {
      this.server.listen(port, '127.0.0.1', () => resolve(this.server.address().port));
    });
  }

  async serve(request, response) {
    let status = 200;
    let value = {};
    try {
      value = (await this.#act(request.url.slice('/_stub/'.length), await jsonOf(request))) ?? {};
    } catch (error) {
      status = 400;
      value = { error: error.message };
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  }

  async #act(name, body) {
    const { api, front } = this;
    switch (name) {
      case 'script':
        return api.scripts.add(body);
      case 'reset-scripts':
        return api.scripts.clear();
      case 'release':
        return api.release();
      case 'stop-listening':
        return front.stopListening();
      case 'listen':
        return front.listenAgain();
      case 'reset-connections':
        front.resetConnections = body.times ?? 1;
        return {};
      case 'state':
        return { predictions: [...api.predictions.byId.values()].map((p) => p.show(api.origin)) };
      default:
        throw new Error(`no such thing: ${name}`);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// The API itself: what is taken, what is shown. It knows nothing of connections.
import { findModel, findVersion } from './catalog.mjs';
import { Orders, Scripts, directivesIn } from './directives.mjs';
import { documentFor } from './documents.mjs';
import { Uploads, contentOf, outputAnswer, showFile } from './files.mjs';
import { sendWebhooks, streamEvents } from './news.mjs';
import { Prediction, Predictions } from './predictions.mjs';
import { missingPrompt, refusal, throttled } from './problems.mjs';
import { jsonAnswer } from './wire.mjs';

const kWebhookSecret = 'whsec_c3R1YnN0dWJzdHVic3R1YnN0dWJzdHVi';
const kNone = new Orders();

const limit = (left) => ({ 'ratelimit-remaining': String(Math.floor(left)), 'ratelimit-reset': '1' });

/** So many a minute, evenly, with what is left of a tenth of it at once. */
class Bucket {
  #at = Date.now();
  constructor(aMinute) {
    this.aMinute = aMinute;
    this.left = Math.max(1, aMinute / 10);
  }
  take() {
    const now = Date.now();
    this.left = Math.min(Math.max(1, this.aMinute / 10), this.left + ((now - this.#at) * this.aMinute) / 60_000);
    this.#at = now;
    if (this.left < 1) return false;
    this.left -= 1;
    return true;
  }
}

export class Api {
  predictions = new Predictions();
  uploads = new Uploads();
  scripts = new Scripts();
  origin = '';
  releases = 0;
  #held = new Set();
  #words = new Map();

  constructor({ log, delayMs, accounts, createsPerMinute, othersPerMinute, fileLifetimeMs, answers }) {
    Object.assign(this, { log, delayMs, createsPerMinute, othersPerMinute, fileLifetimeMs, answers });
    this.accounts = accounts.map((account) => this.#account(account));
    this.anybody =
      accounts.length === 0 ? this.#account({ name: 'account', token: null, username: 'stub-owner' }) : null;
  }

  #account(from) {
    const bucket = (aMinute) => (aMinute > 0 ? new Bucket(aMinute) : null);
    return {
      ...from,
      webhookSecret: kWebhookSecret,
      creates: bucket(this.createsPerMinute),
      others: bucket(this.othersPerMinute),
    };
  }

  accountOf(token) {
    if (token === '') return undefined;
    if (this.anybody) return { ...this.anybody, token };
    return this.accounts.find((account) => account.token === token);
  }

  tokenOf(account) {
    return account?.token ?? '';
  }

  /** All that must not reach a client, in some of its spellings. `name`: with what the account is called. */
  echoOf(account, { name = true } = {}) {
    const { origin } = this;
    const token = this.tokenOf(account);
    const spelt = [
      token,
      `Bearer ${token}`,
      name ? account?.username : '',
      origin,
      encodeURIComponent(origin),
      `${origin}/v1/account`,
    ];
    return spelt.concat(origin.replaceAll('/', '\\/'), origin.toUpperCase()).join(' ');
  }

  echoHeaders(account) {
    const token = this.tokenOf(account);
    return {
      'x-token': token,
      'x-account': account?.username ?? '',
      'set-cookie': `session=${token}`,
      link: `<${this.origin}>`,
    };
  }

  limitHeaders({ method, parts, account }) {
    const create = method === 'POST' && /predictions|trainings/.test(parts.at(-1));
    if (method === 'GET' && parts[0] === 'predictions' && parts.length === 2) return limit(59999);
    if (create) return limit(account?.creates?.left ?? 599);
    return limit(account?.others?.left ?? 2999);
  }

  /** Adds what an input says of the request that it stands in, or of later requests for what it made. */
  addOrders(call, orders) {
    const { method, parts } = call;
    if (this.#isCreate(call)) {
      // One list for all creates of one input, so that `*2` counts over them.
      const input = JSON.stringify(call.value?.input);
      if (!this.#words.has(input)) this.#words.set(input, directivesIn(call.value?.input));
      orders.take(this.#words.get(input));
      return;
    }
    const about = this.#concerned(call);
    if (!about) return;
    const cancel = method === 'POST';
    const prefix = call.path.startsWith('/out/')
      ? 'out-'
      : parts[0] === 'streams'
        ? 'stream-'
        : cancel
          ? 'cancel-'
          : 'poll-';
    orders.take(about.directives, prefix);
    if (about.life.has('echo')) orders.take([{ name: 'echo', value: '', left: 1 }]);
  }

  #isCreate({ method, parts, path }) {
    return method === 'POST' && path.startsWith('/v1/') && ['predictions', 'trainings'].includes(parts.at(-1));
  }

  #concerned({ parts, path }) {
    if (path.startsWith('/out/')) return this.predictions.byId.get(parts[0]);
    if (parts[0] === 'streams') return this.predictions.byStream.get(parts[1]);
    if (parts[0] === 'predictions' || parts[0] === 'trainings') return this.predictions.byId.get(parts[1]);
    return undefined;
  }

  /** What the service says; null when it was said already. */
  async answer(call, orders) {
    const { path, parts, method, account } = call;
    if (path.startsWith('/out/')) return this.#output(call);
    if (!path.startsWith('/v1/')) return jsonAnswer(404, { detail: 'Not found.' });
    if (parts[0] === 'streams') return this.#stream(call, orders);
    if (!account && parts[0] !== 'search') return refusal(401, kNone, '');
    const recorded = this.answers?.find(call, this.origin);
    if (recorded) {
      if (this.#isCreate(call)) await this.log.append({ phase: 'accepted', ...call.about, id: recorded.id });
      return recorded;
    }
    if (this.#isCreate(call)) return this.#create(call);
    const single = parts[0] === 'predictions' && parts.length === 2;
    if (!single && account?.others && !account.others.take()) return throttled({ retryAfter: 1 });
    if (parts[0] === 'predictions' || parts[0] === 'trainings') return this.#read(call, orders);
    if (parts[0] === 'files') return this.#files(call);
    const document = documentFor(parts, { ...call, account: account ?? this.anybody, method });
    return document ?? refusal(404, kNone, '');
  }

  async #create(call) {
    const { parts, value, account } = call;
    const training = parts.at(-1) === 'trainings';
    if (!value) return refusal(400, kNone, '');
    let model;
    if (parts[0] === 'models') model = findModel(`${parts[1]}/${parts[2]}`);
    else if (parts[0] === 'deployments') model = findModel('meta/meta-llama-3-8b-instruct');
    else model = findVersion(String(value.version).replace(/^.*:/, '')) ?? findModel(value.version);
    if (!model && parts[0] === 'predictions') return refusal(422, kNone, '');
    if (!model || (training && parts[4] !== model.version.id)) return refusal(404, kNone, '');
    if (training && !/^[a-z0-9-]+\/[a-z0-9.-]+$/.test(value.destination ?? '')) {
      return jsonAnswer(404, { detail: 'The specified training destination does not exist', status: 404 });
    }
    if (!training && model.required.some((name) => !(name in (value.input ?? {})))) return missingPrompt();
    if (account.creates && !account.creates.take()) return throttled({ retryAfter: 1 });
    const prediction = new Prediction({
      kind: training ? 'training' : 'prediction',
      model,
      version: model.version.id,
      input: value.input,
      destination: value.destination,
      webhook: value.webhook,
      events: value.webhook_events_filter,
      account: account.name,
      delayMs: this.delayMs,
      echo: this.echoOf(account),
      echoedOutput: this.echoOf(account, { name: false }),
      words: call.scripted,
    });
    this.predictions.add(prediction);
    await this.log.append({
      phase: 'accepted',
      ...call.about,
      id: prediction.id,
      prompt: value.input?.prompt,
      idempotencyKey: call.request.headers['idempotency-key'],
    });
    sendWebhooks(prediction, this.origin, account.webhookSecret, this.log);
    return jsonAnswer(201, prediction.show(this.origin, { fresh: true, now: prediction.createdAt }));
  }

  #read(call, orders) {
    const { parts, method, account, query } = call;
    const kind = parts[0] === 'trainings' ? 'training' : 'prediction';
    if (parts.length === 1) return jsonAnswer(200, this.predictions.page(this.origin, account.name, kind, query));
    const found = this.predictions.find(parts[1], account.name, kind);
    if (!found || found.forgotten) return refusal(404, kNone, '');
    if (method === 'POST' && parts[2] === 'cancel') {
      if (!found.life.has('uncancelable')) found.cancel();
      return jsonAnswer(200, found.show(this.origin));
    }
    return jsonAnswer(200, found.poll(this.origin, orders));
  }

  #files(call) {
    const { parts, method, account, body, request } = call;
    if (method === 'POST') {
      const content = contentOf(body, request.headers['content-type']);
      if (!content) return jsonAnswer(422, { detail: 'content is required', status: 422 });
      return jsonAnswer(201, showFile(this.uploads.add(content, account.name, this.fileLifetimeMs), this.origin));
    }
    const file = this.uploads.find(parts[1], account.name);
    if (!file) return jsonAnswer(404, { detail: 'File not found', status: 404 });
    if (parts[2] === 'download') return { status: 200, headers: { 'content-type': file.type }, body: file.bytes };
    return jsonAnswer(200, showFile(file, this.origin));
  }

  #output({ parts, request }) {
    const prediction = this.predictions.byId.get(parts[0]);
    if (!prediction) return jsonAnswer(404, { detail: 'Not found.' });
    return outputAnswer(prediction, Number(parts[1]), request.headers.range);
  }

  async #stream({ parts, request, response }, orders) {
    const prediction = this.predictions.byStream.get(parts[1]);
    if (!prediction) return refusal(404, kNone, '');
    await streamEvents(prediction, request, response, orders);
    return null;
  }

  /** Resolves after `ms`, or, when that is 0, with a release() since the request was read. */
  held(call, ms) {
    return new Promise((resolve) => {
      if (ms > 0) {
        setTimeout(resolve, ms);
        return;
      }
      // What is in the log may be released before it gets here.
      if (this.releases > call.releases) resolve();
      else this.#held.add(resolve);
    });
  }

  release() {
    this.releases += 1;
    for (const resolve of this.#held) resolve();
    this.#held.clear();
  }
}

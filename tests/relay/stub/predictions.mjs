// SPDX-License-Identifier: Apache-2.0
// What the stub has taken: predictions and trainings, whose state at any moment follows from the time alone.
import { randomBytes } from 'node:crypto';

import { Orders, directivesIn } from './directives.mjs';

const kDigits = '0123456789abcdefghjkmnpqrstvwxyz';
const kPage = 100;

export const newId = () => [...randomBytes(26)].map((byte) => kDigits[byte % 32]).join('');

let lastMicros = 0;
/** Microseconds since 1970, never the same twice. */
function nowMicros() {
  lastMicros = Math.max(lastMicros + 1, Date.now() * 1000);
  return lastMicros;
}

/** With six digits. */
export function timeText(micros) {
  const whole = new Date(Math.floor(micros / 1000)).toISOString().slice(0, -1);
  return `${whole}${String(micros % 1000).padStart(3, '0')}Z`;
}

/** Microseconds of an ISO 8601 text; NaN when it is none. */
export function microsOf(text) {
  const found = /^(.*\.\d{3})(\d{1,6})(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!found) return Date.parse(text) * 1000;
  return Date.parse(found[1] + found[3]) * 1000 + Number(found[2].padEnd(3, '0').slice(0, 3));
}

export const isTerminal = (status) => ['succeeded', 'failed', 'canceled', 'aborted'].includes(status);

export class Prediction {
  /**
   * `of`: {kind ('prediction' or 'training'), model (an entry of the catalog), version, input, account (its name),
   * destination, webhook, events, words (more directives), delayMs, echo (text with all that must not
   * get out), echoedOutput (the part of it that must not stand in outputs either)}.
   */
  constructor(of) {
    Object.assign(this, of);
    this.id = newId();
    this.streamToken = randomBytes(32).toString('hex').slice(0, 52);
    this.createdAt = nowMicros();
    this.directives = [...directivesIn(of.input), ...(of.words ?? [])];
    const life = new Orders().take(this.directives.filter(({ left }) => left === Infinity));
    this.life = life;
    const whole = life.number('delay', of.delayMs);
    this.startsAt = this.createdAt + life.number('start', whole / 4) * 1000;
    this.endsAt = life.has('never') ? Infinity : this.createdAt + whole * 1000;
    this.polls = 0;
  }

  cancel() {
    if (!this.canceledAt && !isTerminal(this.status())) this.canceledAt = nowMicros();
  }

  status(now = Date.now() * 1000) {
    if (this.canceledAt) return 'canceled';
    if (now >= this.endsAt) return this.life.has('fail') ? 'failed' : 'succeeded';
    return now >= this.startsAt ? 'processing' : 'starting';
  }

  /** Items of a list, or the value, that are there. */
  output(now, origin) {
    const { kind } = this.model;
    const done = now >= this.endsAt;
    if (this.kind === 'training') {
      const version = `${this.destination}:${'f00d'.repeat(16)}`;
      return done ? { version, weights: `${origin}/out/${this.id}/0/weights.tar` } : null;
    }
    if (kind === 'value') {
      return done ? { said: this.input, echo: this.life.has('echo') ? this.echoedOutput : '' } : null;
    }
    if (kind === 'file') return done ? `${origin}/out/${this.id}/0/out.png` : null;
    if (kind === 'files') {
      const count = this.life.number('outputs', this.input.num_outputs ?? 1);
      const urls = Array.from({ length: count }, (_, i) => `${origin}/out/${this.id}/${i}/out-${i}.png`);
      if (this.life.has('data-url')) urls[0] = `data:image/png;base64,${kPng.toString('base64')}`;
      return done ? urls : null;
    }
    const words = this.words_();
    if (done) return words;
    if (now < this.startsAt) return null;
    const part = Math.floor((words.length * (now - this.startsAt)) / (this.endsAt - this.startsAt));
    return part > 0 ? words.slice(0, Number.isFinite(part) ? part : 1) : null;
  }

  words_() {
    const words = ['Rain', ' taps', ' on the', ' roof', '.'];
    if (this.life.has('echo')) words.push(` ${this.echoedOutput}`);
    for (let i = words.length; i < this.life.number('chunks'); ++i) words.push(` ${i}`);
    return words;
  }

  logs(now) {
    if (now < this.startsAt) return '';
    const text = `Using seed: 4242\n${this.life.has('echo') ? `${this.echo}\n` : ''}`;
    return now >= this.endsAt ? `${text}100%|##########| 4/4 [00:00<00:00,  9.81it/s]\n` : text;
  }

  /** As get, lists and webhooks show it. `fresh`: as the answer to a create does. */
  show(origin, { fresh = false, now = Date.now() * 1000 } = {}) {
    const seen = this.canceledAt ? Math.min(now, this.canceledAt) : now;
    const status = this.status(now);
    const trainings = this.kind === 'training';
    const base = `${origin}/v1/${trainings ? 'trainings' : 'predictions'}/${this.id}`;
    const shown = { id: this.id, model: this.model.name, version: this.version, input: this.input };
    shown.logs = this.logs(seen);
    shown.output = this.output(seen, origin);
    Object.assign(shown, { data_removed: false, error: null, source: 'api', status });
    if (status === 'failed') {
      const said = this.life.get('fail') || 'The model broke down (code: E9999)';
      shown.error = this.life.has('echo') ? `${said} ${this.echo}` : said;
      shown.output = null;
    }
    shown.created_at = timeText(this.createdAt);
    if (!fresh || status !== 'starting') {
      const end = this.canceledAt ?? this.endsAt;
      const started = seen >= this.startsAt;
      shown.started_at = started ? timeText(this.startsAt) : null;
      shown.completed_at = isTerminal(status) ? timeText(end) : null;
      shown.metrics = isTerminal(status)
        ? { predict_time: started ? (end - this.startsAt) / 1e6 : 0, total_time: (end - this.createdAt) / 1e6 }
        : {};
    }
    shown.urls = { cancel: `${base}/cancel`, get: base };
    if (this.model.kind === 'texts' && !trainings && !this.life.has('no-stream'))
      shown.urls.stream = `${origin}/v1/streams/${this.streamToken}`;
    shown.urls.web = `${origin}/p/${this.id}`;
    if (this.webhook) shown.webhook = this.webhook;
    return shown;
  }

  /** As a poll shows it under `orders`: wrong-id, unknown-status, unknown-end, and what the life says. */
  poll(origin, orders) {
    this.polls += 1;
    const shown = this.show(origin);
    if (orders.has('wrong-id')) shown.id = newId();
    if (this.life.has('backwards') && !isTerminal(shown.status) && this.polls % 2 === 0) {
      Object.assign(shown, { status: 'starting', logs: '', output: null, started_at: null });
    }
    if (orders.has('unknown-status') || (this.life.has('unknown-status') && !isTerminal(shown.status))) {
      shown.status = 'rebooting';
    }
    if (this.life.has('unknown-end') && isTerminal(shown.status)) shown.status = 'evaporated';
    return shown;
  }

  /** Whether it is not known (any more): forget=N, after N polls; forget-after=MS; forget-for=MS, at first. */
  get forgotten() {
    const age = Date.now() - this.createdAt / 1000;
    if (this.life.has('forget')) return this.polls >= this.life.number('forget');
    if (this.life.has('forget-after')) return age >= this.life.number('forget-after');
    return this.life.has('forget-for') && age < this.life.number('forget-for');
  }

  /** Whether lists show it: unlisted, list-delay=MS. */
  get listed() {
    if (this.life.has('unlisted')) return false;
    return Date.now() - this.createdAt / 1000 >= this.life.number('list-delay');
  }
}

export class Predictions {
  byId = new Map();
  byStream = new Map();
  #newestLast = [];

  add(prediction) {
    this.byId.set(prediction.id, prediction);
    this.byStream.set(prediction.streamToken, prediction);
    this.#newestLast.push(prediction);
  }

  get size() {
    return this.#newestLast.length;
  }

  find(id, account, kind) {
    const found = this.byId.get(id);
    return found?.account === account && (kind !== 'training' || found.kind === kind) ? found : undefined;
  }

  /** A page of the account's, newest first, with the input. `query`: created_after, created_before, cursor. */
  page(origin, account, kind, query) {
    let after = query.get('created_after');
    let before = query.get('created_before');
    let from = Infinity;
    const cursor = query.get('cursor');
    if (cursor) {
      const told = JSON.parse(Buffer.from(cursor, 'base64url').toString());
      ({ after, before, from } = told);
    }
    const lowest = after ? microsOf(after) : -Infinity;
    const highest = Math.min(before ? microsOf(before) : Infinity, from);
    const results = [];
    let next = null;
    for (let i = this.#newestLast.length - 1; i >= 0; --i) {
      const p = this.#newestLast[i];
      if (p.createdAt < lowest) break;
      if (p.createdAt >= highest || p.account !== account || p.kind !== kind || !p.listed) continue;
      if (results.length === kPage) {
        const told = JSON.stringify({ after, before, from: this.byId.get(results.at(-1).id).createdAt });
        next = `${origin}/v1/${kind}s?cursor=${Buffer.from(told).toString('base64url')}`;
        break;
      }
      results.push(p.show(origin));
    }
    return { next, previous: null, results };
  }
}

/** A whole PNG of one pixel. */
export const kPng = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

// SPDX-License-Identifier: Apache-2.0
// What clients do to a server that is killed again and again: they create, look, cancel, download and read streams,
// and keep everything that they saw for the oracle. Shared by the crash tests.
import { createHash } from 'node:crypto';

import { isTerminal, send } from '../e2e/support/http.mjs';
import { parseEvents, readStream } from '../e2e/support/sse.mjs';

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Server arguments that every crash test uses: nobody is held back. */
export const kServerArgs = [
  '--sandbox-speed',
  '50',
  '--rate-limits-creates',
  '0',
  '--rate-limits-reads',
  '0',
  '--rate-limits-others',
  '0',
  '--log-level',
  'warn',
];

export class Load {
  /** For judge() of oracle.mjs. */
  history = {
    accepted: [],
    prompts: new Set(),
    repeatable: new Map(),
    asked: new Map(),
    refused: new Set(),
    interrupted: new Set(),
    sentAt: new Map(), // prompt -> when it was sent first
    killedAt: [],
    sightings: [],
    final: new Map(),
    listed: [],
    files: [],
    streams: [],
  };
  unexpected = [];
  stopping = false;
  brokenOff = 0; // requests whose outcome the client never learnt
  repeats = 0; // creates that were sent again
  replayed = 0; // and were answered with what an earlier attempt had made

  #sent = 0;
  #unanswered = []; // creates that may be sent again and were not answered yet
  #answered = []; // creates with a key that were
  #open = new Set(); // prompts of creates that are under way
  #unfinished = new Set();
  #busy = new Set(); // ids with a request under way: two answers at once have no order
  #ended = new Map(); // id -> its prediction when first seen terminal
  #streams = new Map(); // id -> URL of its stream
  #downloads = new Map(); // path of a link -> hash of the first download

  /**
   * options: `seed`; `launch()` starts the server without waiting for it (Server.launch); `input(name, random, twin)`
   * gives [model, input], with `name` at the beginning of the prompt; `refusal(input)`: the status that it is to be
   * refused with, if any; `twins`: the share of creates that are sent twice, as two clients would that ask for the same;
   * `cancels(input)`: the share that is canceled at once; `maxUnfinished`: beyond it the creators wait, since the point
   * is kills, not a backlog; `recoveryMs`: how long everything may take to end after the last kill;
   * `files(prediction)`: how many files it must have.
   */
  constructor(options) {
    const usual = { refusal: () => 0, twins: 0, cancels: () => 0.1, maxUnfinished: 300, files: () => 0 };
    this.options = { ...usual, recoveryMs: 240_000, ...options };
    this.random = makeRandom(options.seed);
  }

  pick(list) {
    return list[Math.floor(this.random() * list.length)];
  }

  /** Starts the server and makes a key. */
  async start() {
    this.server = this.options.launch();
    await this.server.ready;
    this.headers = {
      authorization: `Bearer ${await this.server.makeKey('load')}`,
      'content-type': 'application/json',
    };
  }

  /** One request to the server of the moment; null when there is none, or when it died under it. */
  async request(path, options = {}) {
    const { origin } = this.server;
    if (!origin) return null;
    try {
      return { origin, ...(await send(origin, path, { headers: this.headers, ...options })) };
    } catch (error) {
      if (error.code !== 'ECONNREFUSED') ++this.brokenOff;
      return null;
    }
  }

  #note(id, answer) {
    const prediction = answer.json();
    const text = answer.text.replaceAll(answer.origin, '');
    const output = prediction.output && JSON.parse(JSON.stringify(prediction.output).replaceAll(answer.origin, ''));
    this.history.sightings.push({ id, status: prediction.status, output, text });
    const stream = prediction.urls?.stream && new URL(prediction.urls.stream).pathname;
    if (stream?.includes('/streams/')) this.#streams.set(id, stream); // of text; others carry files
    if (isTerminal(prediction.status) && !this.#ended.has(id)) {
      this.#ended.set(id, prediction);
      this.#unfinished.delete(id);
    }
  }

  /** GET or cancel of one prediction, one at a time. */
  async look(id, method = 'GET') {
    if (this.#busy.has(id)) return;
    this.#busy.add(id);
    const answer = await this.request(`/v1/predictions/${id}${method === 'POST' ? '/cancel' : ''}`, { method });
    this.#busy.delete(id);
    if (answer?.status === 200) this.#note(id, answer);
    else if (answer && answer.status !== 503) this.unexpected.push(`${method} ${id}: ${answer.status} ${answer.text}`);
  }

  /** A create that was not sent yet: half carry a key, a quarter count their attempts, a quarter are sent once. */
  #nextCreate() {
    const kind = this.random();
    const twin = this.random() < this.options.twins; // then neither is sent again
    const [model, input] = this.options.input(`${this.options.seed}-${this.#sent++}`, this.random, twin);
    const { prompt } = input;
    this.history.prompts.add(prompt);
    this.history.sentAt.set(prompt, Date.now());
    const create = { model, input, twin, body: JSON.stringify({ input }), attempts: 0, headers: () => ({}) };
    if (twin) return create;
    if (kind < 0.75) this.history.repeatable.set(prompt, new Set());
    if (kind < 0.5) create.headers = () => ({ 'idempotency-key': `create-${prompt}` });
    else if (kind < 0.75) create.headers = () => ({ 'x-stainless-retry-count': String(create.attempts) });
    create.keyed = kind < 0.5;
    create.repeatable = kind < 0.75;
    return create;
  }

  /** Sends a create for the first time or again. */
  async #sendCreate(create) {
    const { model, input, body } = create;
    this.#open.add(input.prompt);
    const answer = await this.request(`/v1/models/${model}/predictions`, {
      method: 'POST',
      body,
      headers: { ...this.headers, ...create.headers() },
    });
    this.#open.delete(input.prompt);
    if (create.attempts > 0) ++this.repeats;
    ++create.attempts;
    // 409: the first is still being stored, and what it comes to is not known yet.
    if (!answer || answer.status === 503 || (create.keyed && answer.status === 409)) {
      if (create.repeatable) this.#unanswered.push(create);
      return;
    }
    if (answer.status === this.options.refusal(input)) {
      this.history.refused.add(input.prompt);
      this.history.repeatable.delete(input.prompt);
      return;
    }
    if (answer.status !== 201) {
      this.unexpected.push(`create: ${answer.status} ${answer.text}`);
      return;
    }
    const { id } = answer.json();
    if (answer.headers['idempotent-replayed']) ++this.replayed;
    this.history.repeatable.get(input.prompt)?.add(id);
    if (create.keyed) this.#answered.push(create);
    // Known: what a second answer says has no order with other looks.
    if (this.#ended.has(id) || this.#unfinished.has(id)) return;
    this.history.accepted.push({ id, input });
    this.#unfinished.add(id);
    if (create.attempts === 1) this.#note(id, answer);
    if (this.random() < this.options.cancels(input)) await this.look(id, 'POST');
  }

  async creator() {
    while (!this.stopping) {
      if (!this.server.origin) {
        // It does not listen yet: whatever is sent only once would be wasted.
      } else if (this.#unanswered.length > 0) {
        await this.#sendCreate(this.#unanswered.shift());
      } else if (this.#answered.length > 0 && this.random() < 0.05) {
        await this.#sendCreate(this.pick(this.#answered));
      } else if (this.#unfinished.size + this.#unanswered.length < this.options.maxUnfinished) {
        const create = this.#nextCreate();
        if (create.twin) {
          this.history.asked.set(create.input.prompt, 2);
          await Promise.all([this.#sendCreate(create), this.#sendCreate({ ...create })]);
        } else {
          await this.#sendCreate(create);
        }
      }
      await pause(this.random() * 10);
    }
  }

  /** Downloads a link and returns what the oracle wants to know; null when the server died under it. */
  async #download(id, url) {
    const path = new URL(url).pathname;
    const answer = await this.request(path);
    if (!answer) return null;
    const hash = sha256(answer.body);
    const before = this.#downloads.get(path) ?? null;
    if (answer.status === 200 && before === null) this.#downloads.set(path, hash);
    return {
      id,
      http: answer.status,
      sha256: hash,
      etag: answer.headers.etag,
      length: answer.body.length,
      declared: Number(answer.headers['content-length']),
      before,
    };
  }

  /** Looks at what is not finished, again at what is, and into files. */
  async watcher() {
    while (!this.stopping) {
      if (this.#unfinished.size > 0) await this.look(this.pick([...this.#unfinished]));
      if (this.#ended.size > 0 && this.random() < 0.3) {
        const [id, prediction] = this.pick([...this.#ended]);
        await this.look(id);
        if (prediction.status === 'succeeded' && this.options.files(prediction) > 0) {
          await this.#download(id, this.pick(prediction.output));
        }
      }
      await pause(2);
    }
  }

  /** Reads streams of text until they end or the server dies. */
  async streamer() {
    while (!this.stopping) {
      const id = this.pick([...this.#unfinished].filter((each) => this.#streams.has(each)).slice(-20));
      if (!id || !this.server.origin) {
        await pause(10);
        continue;
      }
      try {
        const { status, text } = await readStream(this.server.origin + this.#streams.get(id));
        // The last event may be cut off where the server died.
        const whole = text.slice(0, text.lastIndexOf('\n\n') + 2);
        if (status === 200) this.history.streams.push({ id, events: parseEvents(whole) });
        else if (status !== 503) this.unexpected.push(`stream of ${id}: ${status} ${text}`);
      } catch {
        await pause(10); // it died before it answered
      }
    }
  }

  async killAndRestart() {
    await pause(30 + this.random() * 570);
    const victim = this.server;
    victim.child.kill('SIGKILL');
    this.history.killedAt.push(Date.now());
    for (const prompt of this.#open) this.history.interrupted.add(prompt);
    await victim.ended;
    victim.checkSanitizers();
    this.server = this.options.launch();
    if (this.random() < 0.1) return pause(this.random() * 30); // the next kill may come before it listens
    try {
      await this.server.ready;
    } catch (error) {
      throw new Error(`after kill ${this.history.killedAt.length} the server did not start again: ${error.message}`);
    }
  }

  async #readList() {
    this.history.listed = [];
    for (let path = '/v1/predictions'; path;) {
      const answer = await this.request(path);
      if (answer?.status !== 200) throw new Error(`list: ${answer?.status} ${answer?.text}`);
      const page = answer.json();
      for (const { id, status, input, output, error, completed_at } of page.results) {
        this.history.listed.push({ id, status, prompt: input.prompt, output, error, completed_at });
      }
      path = page.next && page.next.slice(new URL(page.next).origin.length);
    }
  }

  /** Sends what may be sent again until it is answered, and waits until everything has ended. */
  async #settle() {
    const end = Date.now() + this.options.recoveryMs;
    while (this.#unanswered.length > 0 && Date.now() < end) await this.#sendCreate(this.#unanswered.shift());
    if (this.#unanswered.length > 0) throw new Error(`${this.#unanswered.length} creates were never answered`);
    for (;;) {
      for (const id of [...this.#unfinished]) await this.look(id);
      await this.#readList();
      const open = this.history.listed.filter(({ status }) => !isTerminal(status)).length;
      if ((this.#unfinished.size === 0 && open === 0) || Date.now() > end) return;
      await pause(100);
    }
  }

  async #readFinal() {
    const { history } = this;
    for (const { id } of history.accepted) {
      const answer = await this.request(`/v1/predictions/${id}`);
      if (answer?.status !== 200) {
        history.final.set(id, { http: answer?.status ?? 0 });
        continue;
      }
      const prediction = answer.json();
      const { status, input, output } = prediction;
      history.final.set(id, {
        http: 200,
        status,
        input,
        output: output && JSON.parse(JSON.stringify(output).replaceAll(answer.origin, '')),
        text: answer.text.replaceAll(answer.origin, ''),
      });
      const files = status === 'succeeded' ? this.options.files(prediction) : 0;
      if (files === 0) continue;
      if (output?.length !== files) history.files.push({ id, http: `${output?.length} links` });
      for (const url of output ?? []) history.files.push((await this.#download(id, url)) ?? { id, http: 0 });
    }
  }

  /** Kills the server so often while `workers` (promises of creator(), watcher(), …) run, and sees all to its end. */
  async run(kills, workers) {
    for (let i = 0; i < kills; ++i) await this.killAndRestart();
    await this.server.ready;
    this.stopping = true;
    await Promise.all(workers);
    await this.#settle();
    await this.#readFinal();
    this.server.checkSanitizers();
  }

  /** The counts that every crash test prints. */
  summary() {
    const byStatus = {};
    for (const { status } of this.history.final.values()) byStatus[status] = (byStatus[status] ?? 0) + 1;
    return {
      accepted: this.history.accepted.length,
      broken_off: this.brokenOff,
      repeats: this.repeats,
      replayed: this.replayed,
      ...byStatus,
      files: this.history.files.length,
    };
  }
}

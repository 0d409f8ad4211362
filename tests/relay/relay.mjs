// SPDX-License-Identifier: Apache-2.0
// A server in front of stub upstreams, and what tests ask of both.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Api, isTerminal } from '../e2e/support/http.mjs';
import { startServer, tempFolder } from '../e2e/support/server.mjs';
import { Stub } from './stub/start.mjs';

export { isTerminal };
export const kLlama = 'meta/meta-llama-3-8b-instruct';
export const kFlux = 'black-forest-labs/flux-schnell';
export const kEcho = 'acme/echo';

/** A text that is in no other prompt. */
let count = 0;
export const unique = (what) => `${what} no. ${(count += 1)};`;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Text of hekto.yaml for `upstreams`: {name: {url, accounts: [{…}], …}}. JSON is YAML. */
const yamlOf = (upstreams, more) => JSON.stringify({ ...more, upstreams }, null, 1);

/**
 * Starts stubs and a server in front of them; all end with the test or suite `t`.
 *   stubs      {name: {accounts: {account: token}, args: [flags]}}; default one, called `one`, with the account `main`
 *   upstream   more options of every upstream (`submit_limit`, …), or a function of the stub's name
 *   account    likewise of every account
 *   args, env  of the server
 */
export async function startRelay(t, options = {}) {
  const { stubs: wanted = { one: {} }, upstream = {}, account = {}, args = [], config = {} } = options;
  const folder = tempFolder(t);
  const stubs = {};
  const upstreams = {};
  const of = (more, ...names) => (typeof more === 'function' ? more(...names) : more);
  for (const [name, { accounts = { main: `r8_${name}_main` }, args: flags = [] }] of Object.entries(wanted)) {
    const users = Object.keys(accounts).flatMap((who) => ['--account', `${who}=${accounts[who]}=user-${name}-${who}`]);
    stubs[name] = await Stub.for(t, { folder, name, args: [...users, ...flags] });
    upstreams[name] = {
      url: stubs[name].origin,
      accounts: Object.entries(accounts).map(([who, token]) => ({
        name: who,
        token,
        username: `user-${name}-${who}`,
        ...of(account, name, who),
      })),
      ...of(upstream, name),
    };
  }
  writeFileSync(join(folder, 'hekto.yaml'), yamlOf(upstreams, config));
  const launch = {
    folder,
    args: ['--rate-limits-creates', '0', '--rate-limits-others', '0', '--rate-limits-reads', '0', ...args],
    env: options.env,
  };
  const server = await startServer(t, launch);
  return new Relay(server, stubs, launch);
}

export class Relay {
  constructor(server, stubs, launch) {
    Object.assign(this, { server, stubs, launch });
    this.stub = Object.values(stubs)[0];
    this.api = new Api(server);
  }

  create(prompt, { model = kLlama, input = {}, headers = {} } = {}) {
    return this.api.post(`/models/${model}/predictions`, { input: { prompt, ...input } }, headers);
  }

  /**
   * Creates with `prompt` and waits for the end; `mark` is what the stub's log is searched for (the prompt). Returns
   * {answer (to the create), first (its object), last (the final one), received, accepted, answered}.
   */
  async run(prompt, options) {
    const answer = await this.create(prompt, options);
    assert.equal(answer.status, 201, `${prompt}: ${answer.text}`);
    const first = answer.json();
    const last = await this.api.finished(first.id);
    return { answer, first, last, ...this.seen(prompt) };
  }

  /** The creates with this prompt, of all stubs. */
  seen(prompt) {
    const all = Object.values(this.stubs).map((stub) => stub.creates(JSON.stringify(prompt).slice(1, -1)));
    const joined = (phase) => all.flatMap((one) => one[phase]);
    return { received: joined('received'), accepted: joined('accepted'), answered: joined('answered') };
  }

  /** Ids of everything in the list. */
  async listed() {
    return (await this.api.get('/predictions')).json().results.map(({ id }) => id);
  }

  metrics() {
    return this.api.get('/metrics');
  }

  /** kill -9 of the server, and another in its place. */
  async restart(t, { signal = 'SIGKILL' } = {}) {
    const { key } = this.server;
    await this.server.stop(signal);
    this.server.checkSanitizers();
    this.server = await startServer(t, { ...this.launch, key: false });
    this.server.key = key;
    this.api = new Api(this.server);
  }
}

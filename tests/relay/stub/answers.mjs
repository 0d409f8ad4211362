// SPDX-License-Identifier: Apache-2.0
// Replays recorded answers: JSON files of lists of {request: {method, path}, response: {status, headers, body}}.
import fs from 'node:fs/promises';
import { join } from 'node:path';

/** What stands in the files for the service's own address. */
export const kOfficial = 'https://api.replicate.com';

export class Answers {
  #list = [];

  static async load(folder) {
    const answers = new Answers();
    for (const name of (await fs.readdir(folder)).filter((entry) => entry.endsWith('.json')).sort()) {
      const steps = JSON.parse(await fs.readFile(join(folder, name), 'utf8'));
      answers.#list.push(...steps.map((step) => ({ ...step, used: 0 })));
    }
    return answers;
  }

  /** The next answer for this request: each is given once, but the last of its kind again and again. */
  find(call, origin) {
    const fits = ({ request }) =>
      request.method === call.method && request.path === call.target.replace(/^\/v1/, '/v1');
    const all = this.#list.filter(fits).filter(({ request }) => !request.body || fitsBody(request.body, call.value));
    if (all.length === 0) return null;
    const step = all.find(({ used }) => used === 0) ?? all.at(-1);
    step.used += 1;
    const { status, headers, body } = step.response;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return {
      status,
      headers: { ...headers },
      body: Buffer.from(text.replaceAll(kOfficial, origin)),
      id: body?.id,
    };
  }
}

const fitsBody = (wanted, value) =>
  Object.entries(wanted).every(([name, member]) => JSON.stringify(value?.[name]) === JSON.stringify(member));

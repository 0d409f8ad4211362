// SPDX-License-Identifier: Apache-2.0
// What the stub is told to do instead of behaving: words such as `status=503`, in an input as `[[stub:status=503]]`, or
// in a script for the next requests that match. `word*2` holds for the first two requests that it concerns.

/** [{name, value (text, '' when absent), left (how often it still applies)}] */
export function parseDirectives(words) {
  return words.map((word) => {
    const found = /^([a-z0-9-]+)(?:=(.*?))?(?:\*(\d+))?$/s.exec(word);
    if (!found) throw new Error(`not a directive: ${word}`);
    return { name: found[1], value: found[2] ?? '', left: found[3] ? Number(found[3]) : Infinity };
  });
}

/** Those in any string of a value. */
export function directivesIn(value) {
  const text = JSON.stringify(value ?? null);
  return parseDirectives([...text.matchAll(/\[\[stub:([^\]]+)\]\]/g)].map((found) => found[1]));
}

/** Words that apply to one request, as a Map name -> value. */
export class Orders {
  #words = new Map();

  /** Takes what begins with `prefix` (which is cut off), and counts it down. */
  take(directives, prefix = '') {
    for (const directive of directives) {
      if (!directive.name.startsWith(prefix) || directive.left <= 0) continue;
      directive.left -= 1;
      this.#words.set(directive.name.slice(prefix.length), directive.value);
    }
    return this;
  }

  has(name) {
    return this.#words.has(name);
  }

  /** The value as it was written; undefined when there is no such word. */
  get(name) {
    return this.#words.get(name);
  }

  number(name, otherwise = 0) {
    const value = this.#words.get(name);
    return value === undefined || value === '' ? otherwise : Number(value);
  }

  get names() {
    return [...this.#words.keys()];
  }
}

/** Scripts: each says what the next requests that match it get. */
export class Scripts {
  #scripts = [];

  /**
   * {match: {method, path (regular expression), text (part of the body), account}, times (default 1), after (so many
   * matching ones pass first), do: [words]}
   */
  add({ match = {}, times = 1, after = 0, do: words }) {
    const path = match.path ? new RegExp(match.path) : null;
    this.#scripts.push({ ...match, path, left: times, after, directives: parseDirectives([].concat(words)) });
  }

  clear() {
    this.#scripts = [];
  }

  /** The directives for this request; those of the first script that matches. `text` null: the body is not read yet. */
  match({ method, path, text, account }) {
    for (const script of this.#scripts) {
      if (script.left <= 0) continue;
      if (script.method && script.method !== method) continue;
      if (script.path && !script.path.test(path)) continue;
      if (script.account && script.account !== account) continue;
      const early = script.directives.every(({ name }) => name.endsWith('-before-read'));
      if (early !== (text === null)) continue;
      if (script.text && !(text ?? '').includes(script.text)) continue;
      if (script.after > 0) {
        script.after -= 1;
        continue;
      }
      script.left -= 1;
      return script.directives.map((directive) => ({ ...directive }));
    }
    return [];
  }
}

// SPDX-License-Identifier: Apache-2.0
// A file of JSON lines. What append() has resolved for is on the disk. Lines that come while one sync runs share the
// next, so that many at once cost few.
import { closeSync, openSync } from 'node:fs';
import fs from 'node:fs/promises';
import { readFileSync } from 'node:fs';

export class SyncedLog {
  #file;
  #waiting = [];
  #busy = false;

  static async open(path) {
    // Made by name first, so that a reader finds it before the first line.
    closeSync(openSync(path, 'a'));
    const log = new SyncedLog();
    log.#file = await fs.open(path, 'a');
    return log;
  }

  /** Resolves when the line is synced. The order of lines is the order of calls. */
  append(entry) {
    const line = `${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, resolve, reject });
      if (!this.#busy) this.#write();
    });
  }

  async #write() {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0);
      try {
        await this.#file.appendFile(group.map(({ line }) => line).join(''));
        await this.#file.datasync();
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#busy = false;
  }
}

/** The whole lines of a log, which may still grow. */
export function readLog(path) {
  const text = readFileSync(path, 'utf8');
  const end = text.lastIndexOf('\n') + 1;
  return text
    .slice(0, end)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

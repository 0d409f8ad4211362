// SPDX-License-Identifier: Apache-2.0
// What the two drivers in Node share. Every driver, in whatever language, is started with
//   CONFORMANCE_ORIGIN, CONFORMANCE_MOUNT   where the server is
//   CONFORMANCE_KEY                         a key of an account that nobody else uses
//   CONFORMANCE_PAGES_KEY, _PAGES_FILE      a key of an account with predictions, and a JSON list of their ids, newest
//                                           first
//   CONFORMANCE_OPERATIONS                  ids of operations, with commas
// and prints {"version": "…"} for its client, then for each operation {"operation": "…", "problem": null or "…"}.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

export const origin = process.env.CONFORMANCE_ORIGIN;
export const mount = process.env.CONFORMANCE_MOUNT;
export const key = process.env.CONFORMANCE_KEY;
export const pagesKey = process.env.CONFORMANCE_PAGES_KEY;
export const secure = origin.startsWith('https:');

export const kImageModel = 'black-forest-labs/flux-schnell';
export const kVersionedModel = 'lucataco/flux-schnell-lora';
export const kVersion = '2a6b576af31790b470f0a8442e1e9791213fa13799cbb65a9fc1436e96389574';
export const kTextModel = 'meta/meta-llama-3-8b-instruct';

export const pageIds = () => JSON.parse(readFileSync(process.env.CONFORMANCE_PAGES_FILE, 'utf8'));

let prompts = 0;
/** A prompt that no other operation uses, followed by what the sandbox shall do. */
export const newPrompt = (directives = '') => `prompt ${++prompts} ${directives}`.trim();

/** Input of an image model that is quick to make: 512x512. */
export const image = (prompt, more = {}) => ({ prompt, megapixels: '0.25', output_format: 'jpg', ...more });

export function assertWholeJpeg(bytes) {
  assert.equal(Buffer.from(bytes.subarray(0, 3)).toString('hex'), 'ffd8ff', 'the file does not begin as a JPEG does');
  assert.equal(Buffer.from(bytes.subarray(-2)).toString('hex'), 'ffd9', 'the file does not end as a JPEG does');
}

/** Calls `check` until it returns something truthy. */
export async function until(what, check) {
  const end = Date.now() + 30_000;
  for (;;) {
    const result = await check();
    if (result) return result;
    if (Date.now() > end) throw new Error(`waited 30 s in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Runs what was asked for, one after the other, and reports. */
export async function drive(version, operations) {
  const report = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
  report({ version });
  for (const operation of process.env.CONFORMANCE_OPERATIONS.split(',')) {
    let problem = null;
    try {
      if (!operations[operation]) throw new Error('the driver does not have this operation');
      await operations[operation]();
    } catch (error) {
      problem = error?.stack ?? String(error);
    }
    report({ operation, problem });
  }
}

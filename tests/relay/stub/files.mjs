// SPDX-License-Identifier: Apache-2.0
// Files that clients upload, and files that predictions made.
import { createHash } from 'node:crypto';

import { kPng, newId } from './predictions.mjs';
import { jsonAnswer } from './wire.mjs';

/** The part `content` of a form: {name, type, bytes}; null when there is none. */
export function contentOf(body, contentType) {
  const boundary = /boundary=("?)([^";]+)\1/.exec(contentType ?? '')?.[2];
  if (!boundary) return null;
  const text = body.toString('latin1');
  for (const part of text.split(`--${boundary}`)) {
    const end = part.indexOf('\r\n\r\n');
    if (end < 0) continue;
    const head = part.slice(0, end);
    if (!/name="content"/.test(head)) continue;
    return {
      name: /filename="([^"]*)"/.exec(head)?.[1] ?? 'file',
      type: /content-type: *([^\r\n]+)/i.exec(head)?.[1] ?? 'application/octet-stream',
      bytes: Buffer.from(part.slice(end + 4, -2), 'latin1'),
    };
  }
  return null;
}

export class Uploads {
  byId = new Map();

  add(content, account, lifetimeMs) {
    const file = { id: newId(), ...content, account, createdAt: Date.now(), expiresAt: Date.now() + lifetimeMs };
    this.byId.set(file.id, file);
    return file;
  }

  find(id, account) {
    const file = this.byId.get(id);
    return file?.account === account && file.expiresAt > Date.now() ? file : undefined;
  }
}

export const showFile = (file, origin) => ({
  id: file.id,
  name: file.name,
  content_type: file.type,
  size: file.bytes.length,
  etag: createHash('md5').update(file.bytes).digest('hex'),
  checksums: { sha256: createHash('sha256').update(file.bytes).digest('hex') },
  metadata: {},
  created_at: new Date(file.createdAt).toISOString(),
  expires_at: new Date(file.expiresAt).toISOString(),
  urls: { get: `${origin}/v1/files/${file.id}` },
});

/** Bytes of an output that can be told from any other: a PNG with the prediction's id behind it. */
export function outputBytes(prediction, index) {
  const tail = Buffer.from(`${prediction.id}-${index}`);
  const huge = prediction.life.number('out-huge');
  return Buffer.concat([kPng, tail, Buffer.alloc(huge << 20, 0x2e)]);
}

/** An output file, whole. `orders`: out-… words of the prediction, without the prefix. */
export function outputAnswer(prediction, index, range) {
  const bytes = outputBytes(prediction, index);
  const headers = { 'content-type': 'image/png', 'accept-ranges': 'bytes', 'cache-control': 'public,max-age=3600' };
  const found = /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
  if (!found) return { status: 200, headers, body: bytes };
  const from = Number(found[1]);
  const to = found[2] ? Math.min(Number(found[2]), bytes.length - 1) : bytes.length - 1;
  if (from > to) return jsonAnswer(416, { detail: 'no such range', status: 416 });
  headers['content-range'] = `bytes ${from}-${to}/${bytes.length}`;
  return { status: 206, headers, body: bytes.subarray(from, to + 1) };
}

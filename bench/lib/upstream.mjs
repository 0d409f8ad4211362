// SPDX-License-Identifier: Apache-2.0
// An upstream in which predictions take their time: it answers creates, gets and lists as the official service does and
// holds its clients to the official limits. Its own clock decides when each one starts, writes logs and ends.
// argv: file of the model's document. Prints its origin. GET /stats says what came; POST /hook takes the front's word
// that a prediction has ended.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const MODEL = readFileSync(process.argv[2]);
const START_MILLIS = 1000;
const PAGE = 100;
/// Requests in any 60 seconds; creates are not held to theirs, since filling the front would take a quarter of an hour.
const LIMITS = { others: 3000, reads: 60_000 };

/// Counts the last minute in slots of 100 ms.
class Minute {
  constructor(limit) {
    Object.assign(this, { limit, slots: new Array(600).fill(0), at: 0, sum: 0, all: 0, refused: 0, most: 0 });
  }
  take(now) {
    const slot = Math.floor(now / 100);
    for (let i = Math.max(this.at + 1, slot - 599); i <= slot; ++i) {
      this.sum -= this.slots[i % 600];
      this.slots[i % 600] = 0;
    }
    this.at = slot;
    ++this.all;
    if (this.sum >= this.limit) {
      ++this.refused;
      return false;
    }
    ++this.slots[slot % 600];
    this.most = Math.max(this.most, ++this.sum);
    return true;
  }
}

const limits = { others: new Minute(LIMITS.others), reads: new Minute(LIMITS.reads) };
let creates = 0;
const byId = new Map();
const byPrompt = new Map();
const all = [];  // oldest first
let origin = '';

/// The run time that the model's name asks for, in seconds: "t45" is 45 give or take 15 %, "w45" anything from 4 to 86.
function runMillis(name) {
  const [, form, seconds] = name.match(/^([tw])(\d+)$/);
  const spread = form === 't' ? 0.15 : 0.9;
  return Number(seconds) * 1000 * (1 - spread + 2 * spread * Math.random());
}

function create(owner, name, input) {
  const now = Date.now();
  const id = randomBytes(13).toString('hex');
  const prediction = {
    id, created: now, ends: now + runMillis(name),
    head: JSON.stringify({ id, model: `${owner}/${name}`, version: 'hidden', input }).slice(0, -1),
    tail: JSON.stringify({
      data_removed: false, error: null, source: 'api', created_at: new Date(now).toISOString(),
      urls: { cancel: `${origin}/v1/predictions/${id}/cancel`, get: `${origin}/v1/predictions/${id}` },
    }).slice(1),
  };
  all.push(prediction);
  byId.set(id, prediction);
  byPrompt.set(input.prompt, prediction);
  return prediction;
}

/// Its JSON at this moment.
function render({ created, ends, head, tail }, now) {
  const started = created + START_MILLIS;
  if (now < started) return `${head},"status":"starting","logs":"","output":null,${tail}`;
  const begun = `"started_at":"${new Date(started).toISOString()}"`;
  const halfway = now < (started + ends) / 2 ? '' : 'halfway there\\n';
  if (now < ends) {
    return `${head},"status":"processing","logs":"Using seed: 4711\\n${halfway}","output":null,${begun},${tail}`;
  }
  return `${head},"status":"succeeded","logs":"Using seed: 4711\\n${halfway}done\\n","output":"what it made",${begun},` +
    `"completed_at":"${new Date(ends).toISOString()}","metrics":{"predict_time":${(ends - started) / 1000}},${tail}`;
}

/// How many were created before `time`.
function countBefore(time) {
  let [from, to] = [0, all.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (all[middle].created < time) from = middle + 1;
    else to = middle;
  }
  return from;
}

function page(query, now) {
  const lowest = query.has('created_after') ? countBefore(Date.parse(query.get('created_after'))) : 0;
  let end = query.has('created_before') ? countBefore(Date.parse(query.get('created_before'))) : all.length;
  if (query.has('cursor')) end = Number(query.get('cursor'));
  const begin = Math.max(lowest, end - PAGE);
  const items = [];
  for (let i = end - 1; i >= begin; --i) items.push(render(all[i], now));
  const rest = new URLSearchParams(query);
  rest.set('cursor', String(begin));
  const next = begin > lowest ? JSON.stringify(`${origin}/v1/predictions?${rest}`) : 'null';
  return `{"next":${next},"previous":null,"results":[${items.join(',')}]}`;
}

function stats(query) {
  const [from, to] = [Number(query.get('from')), Number(query.get('to'))];
  const ended = all.filter(({ ends }) => ends >= from && ends < to);
  const kind = ({ all: sent, refused, most }) => ({ sent, refused, most });
  return JSON.stringify({
    creates, others: kind(limits.others), reads: kind(limits.reads),
    open: all.filter(({ ends }) => ends >= to).length,
    ended: ended.length,
    unseen: ended.filter(({ seen }) => seen === undefined).length,
    delays: ended.filter(({ seen }) => seen !== undefined).map(({ seen, ends }) => seen - ends),
  });
}

async function textOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

const server = createServer(async (request, response) => {
  const answer = (status, body, headers = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body),
      ...headers });
    response.end(body);
  };
  const now = Date.now();
  const url = new URL(request.url, 'http://upstream');
  const parts = url.pathname.slice(1).split('/');
  if (url.pathname === '/stats') return answer(200, stats(url.searchParams));
  if (url.pathname === '/hook') {
    const ended = byPrompt.get(JSON.parse(await textOf(request)).input.prompt);
    if (ended) ended.seen ??= now;
    return answer(200, '{}');
  }
  if (request.method === 'POST' && parts[1] === 'models') {
    ++creates;
    const { input } = JSON.parse(await textOf(request));
    return answer(201, render(create(parts[2], parts[3], input), Date.now()));
  }
  const read = parts[1] === 'predictions' && parts.length === 3;
  if (!limits[read ? 'reads' : 'others'].take(now)) {
    return answer(429, '{"detail":"Request was throttled.","status":429}', { 'retry-after': '1' });
  }
  if (parts[1] === 'models') return answer(200, MODEL);
  if (read && byId.has(parts[2])) return answer(200, render(byId.get(parts[2]), now));
  if (parts[1] === 'predictions' && parts.length === 2) return answer(200, page(url.searchParams, now));
  return answer(404, '{"detail":"The requested resource could not be found.","status":404}');
});
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => {
  origin = `http://127.0.0.1:${server.address().port}`;
  process.stdout.write(`${origin}\n`);
});

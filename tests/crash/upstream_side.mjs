// SPDX-License-Identifier: Apache-2.0
// What the stub upstream has on record, in the form that the oracle asks for (judgeUpstream).
import { send } from '../e2e/support/http.mjs';

const isCreate = ({ method, path }) => method === 'POST' && /^\/v1\/(.*\/)?predictions$/.test(path ?? '');
const cancelOf = /^\/v1\/predictions\/([a-z0-9]+)\/cancel$/;

/** One entry for each create that came in whole, from the lines of the stub's log. */
function createsIn(entries) {
  const creates = new Map();
  for (const entry of entries.filter(isCreate)) {
    const request = `${entry.connection}/${entry.nth}`;
    if (entry.phase === 'received') {
      const { prompt } = entry.body.input;
      creates.set(request, { prompt, id: null, status: null, cut: false, hidden: prompt.includes('stub:unlisted') });
    }
    const create = creates.get(request);
    if (!create) continue; // it broke off before its end, and nothing came of it
    if (entry.phase === 'accepted') Object.assign(create, { id: entry.id, takenAt: Date.parse(entry.time) });
    if (entry.phase === 'answered') Object.assign(create, { status: entry.status ?? null, cut: entry.did !== 'whole' });
  }
  return [...creates.values()];
}

async function outcomeOf(stub, id) {
  const answer = await send(stub.origin, `/v1/predictions/${id}`, { headers: { authorization: 'Bearer any' } });
  if (answer.status !== 200) return { status: `GET answers ${answer.status}` };
  const { status, output, input, completed_at } = answer.json();
  // Files have other addresses here and there.
  return { status, output: input.num_outputs ? null : output, prompt: input.prompt, completed_at };
}

/** Everything that the stub was asked for, and what became of it. */
export async function readUpstream(stub) {
  const entries = stub.entries();
  const creates = createsIn(entries);
  const outcomes = new Map();
  for (const { id } of creates) {
    if (id !== null) outcomes.set(id, await outcomeOf(stub, id));
  }
  const told = new Set();
  for (const { phase, method, path } of entries) {
    const id = method === 'POST' && phase === 'received' && cancelOf.exec(path)?.[1];
    if (id) told.add(id);
  }
  // No two predictions of the stub have one time, and clients are shown the upstream's times.
  const byEnd = new Map([...outcomes].map(([id, { prompt, completed_at }]) => [`${completed_at} ${prompt}`, id]));
  return { creates, outcomes, told, remote: ({ completed_at, prompt }) => byEnd.get(`${completed_at} ${prompt}`) };
}

/** Prompts whose submission a kill may have cut off: it came after their create was sent, and before the upstream took
 *  anything for it. */
export function cutOff(history) {
  const takenAt = new Map();
  for (const { prompt, takenAt: at } of history.upstream.creates) {
    if (at !== undefined) takenAt.set(prompt, at);
  }
  const killed = (from, to) => history.killedAt.some((at) => at >= from && at <= to);
  return [...history.sentAt]
    .filter(([prompt, at]) => killed(at, takenAt.get(prompt) ?? Infinity))
    .map(([prompt]) => prompt);
}

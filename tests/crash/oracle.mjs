// SPDX-License-Identifier: Apache-2.0
// Judges what was seen of a server that was killed again and again. Pure: it is given everything and asks nothing.
import { judgeUpstream, kUpstreamKinds } from './oracle_upstream.mjs';

const rank = (status) => ({ starting: 0, processing: 1 })[status] ?? 2;
const isTerminal = (status) => rank(status) === 2;
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const isPrefix = (a, b) => a.length <= b.length && a.every((item, i) => same(item, b[i]));

/**
 * history:
 *   accepted   [{id, input}]             creates that were answered 201
 *   prompts    Set                       every prompt that was sent, acknowledged or not
 *   asked      Map prompt -> number      of those that were sent more often than once on purpose: how often
 *   refused    Set                       prompts whose create was answered with a refusal, which leaves nothing behind
 *   repeatable Map prompt -> Set of ids  creates that were sent until they were answered, with every id in an answer
 *   sightings  [{id, status, output, text}]  answers to GET and cancel in the order seen; text without the origin
 *   final      Map id -> {http, status, input, text}   the last GET of each accepted one
 *   listed     [{id, status, prompt}]    every item of every page of the list
 *   files      [{id, http, sha256, etag, length, declared, before}]   each output link of what succeeded; `before` is
 *                                        the hash that an earlier download had, or null
 *   streams    [{id, events}]            what streams of text gave until they ended or broke off
 *   upstream                             of a server that relays, see judgeUpstream
 *
 * Returns counts of what must not happen, by kind, and `problems`, a line for each. No faults, but counted: `regrown`,
 * sightings whose output was shorter than one before, and `ambiguous`, see judgeUpstream.
 */
export function judge(history) {
  const counts = {
    lost: 0,
    stuck: 0,
    changed: 0,
    backwards: 0,
    missing_files: 0,
    unlisted: 0,
    duplicated: 0,
    created_twice: 0,
    phantom: 0,
    ...Object.fromEntries((history.upstream ? kUpstreamKinds : []).map((kind) => [kind, 0])),
  };
  const problems = [];
  const found = (kind, id, what) => {
    ++counts[kind];
    problems.push(`${kind}: ${id}: ${what}`);
  };

  for (const { id, input } of history.accepted) {
    const last = history.final.get(id);
    if (last?.http !== 200) {
      found('lost', id, `GET answers ${last?.http ?? 'nothing'}`);
      continue;
    }
    if (!isTerminal(last.status)) found('stuck', id, last.status);
    if (!same(last.input, input)) found('changed', id, 'the input is not what was sent');
  }

  const seen = new Map();
  const outputs = new Map(); // id -> the longest output that was seen
  let regrown = 0;
  const check = (now) => {
    const before = seen.get(now.id);
    seen.set(now.id, now);
    if (before && rank(now.status) < rank(before.status)) {
      found('backwards', now.id, `${before.status}, then ${now.status}`);
    } else if (before && isTerminal(before.status)) {
      if (now.text !== before.text) found('changed', now.id, `after its end: ${before.text} became ${now.text}`);
    } else if (['processing', 'succeeded'].includes(now.status)) {
      // Text is shown before it is committed, so a kill may take the newest of it away until it is made again. It must
      // come again as it was: whoever read it must not find something else in its place.
      const longest = outputs.get(now.id) ?? [];
      const output = now.output ?? [];
      if (output.length < longest.length) ++regrown;
      const agrees =
        now.status === 'succeeded' ? isPrefix(longest, output) : isPrefix(longest, output) || isPrefix(output, longest);
      if (!agrees) found('changed', now.id, `${now.status} with other output: ${JSON.stringify([longest, output])}`);
    }
    if (Array.isArray(now.output) && now.output.length > (outputs.get(now.id)?.length ?? 0))
      outputs.set(now.id, now.output);
  };
  history.sightings.forEach(check);
  for (const [id, last] of history.final) {
    if (last.http === 200) check({ id, ...last });
  }

  const times = new Map();
  for (const { id } of history.listed) times.set(id, (times.get(id) ?? 0) + 1);
  for (const { id } of history.accepted) {
    if (!times.has(id)) found('unlisted', id, 'is in no page of the list');
  }
  for (const [id, count] of times) {
    if (count > 1) found('duplicated', id, `is in the list ${count} times`);
  }
  const prompts = new Map(); // prompt -> how many have it
  const accepted = new Set(history.accepted.map(({ id }) => id));
  for (const { id, status, prompt } of history.listed) {
    // What was never acknowledged may be there or not, but if it is, it ends like everything else.
    if (!accepted.has(id) && !isTerminal(status)) found('stuck', id, `${status}, never acknowledged`);
    if (!history.prompts.has(prompt)) found('phantom', id, `nobody asked for ${JSON.stringify(prompt)}`);
    if (history.refused.has(prompt)) found('phantom', id, `${JSON.stringify(prompt)} was refused`);
    const made = history.repeatable.get(prompt);
    if (made) made.add(id);
    else if ((prompts.get(prompt) ?? 0) >= (history.asked.get(prompt) ?? 1) && times.get(id) === 1)
      found('duplicated', id, `one prediction too many for ${JSON.stringify(prompt)}`);
    prompts.set(prompt, (prompts.get(prompt) ?? 0) + 1);
  }
  for (const [prompt, ids] of history.repeatable) {
    if (ids.size > 1)
      found('created_twice', [...ids].join(' and '), `the repeated create of ${JSON.stringify(prompt)}`);
    if (ids.size === 0) found('lost', prompt, 'a create that was sent until it was answered');
  }

  for (const file of history.files) {
    if (file.http !== 200) {
      found('missing_files', file.id, `a link answers ${file.http}`);
    } else if (file.length !== file.declared) {
      found('missing_files', file.id, `${file.length} of ${file.declared} bytes`);
    } else if (file.etag !== `"${file.sha256}"`) {
      found('missing_files', file.id, 'the bytes are not those that the ETag names');
    } else if (file.before !== null && file.before !== file.sha256) {
      found('changed', file.id, 'a file has other bytes than before');
    }
  }

  for (const { id, events } of history.streams) {
    const text = events.filter(({ event }) => event === 'output').map(({ data }) => data);
    const last = history.final.get(id);
    const output = last?.output ?? [];
    // As with sightings: of what was canceled, a kill may have taken away the newest for good.
    const agrees = isPrefix(text, output) || (last?.status !== 'succeeded' && isPrefix(output, text));
    if (!agrees) found('changed', id, `its stream gave other text: ${JSON.stringify([text, output])}`);
  }

  const ambiguous = history.upstream ? judgeUpstream(history, found) : 0;
  return { counts, problems, regrown, ambiguous, bad: Object.values(counts).some((count) => count > 0) };
}

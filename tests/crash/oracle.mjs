// SPDX-License-Identifier: Apache-2.0
// Judges what was seen of a server that was killed again and again. Pure: it is given everything and asks nothing.

const rank = (status) => ({ starting: 0, processing: 1 })[status] ?? 2;
const isTerminal = (status) => rank(status) === 2;
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const isPrefix = (a, b) => a.length <= b.length && a.every((item, i) => same(item, b[i]));

/**
 * history:
 *   accepted   [{id, input}]             creates that were answered 201
 *   prompts    Set                       every prompt that was sent, acknowledged or not; no two are the same
 *   repeatable Map prompt -> Set of ids  creates that were sent until they were answered, with every id in an answer
 *   sightings  [{id, status, output, text}]  answers to GET and cancel in the order seen; text without the origin
 *   final      Map id -> {http, status, input, text}   the last GET of each accepted one
 *   listed     [{id, status, prompt}]    every item of every page of the list
 *   files      [{id, http, sha256, etag, length, declared, before}]   each output link of what succeeded; `before` is
 *                                        the hash that an earlier download had, or null
 *
 * Returns counts of what must not happen, by kind, and `problems`, a line for each; `regrown` counts sightings whose
 * output was shorter than one before, which is no fault.
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
  const prompts = new Set();
  const accepted = new Set(history.accepted.map(({ id }) => id));
  for (const { id, status, prompt } of history.listed) {
    // What was never acknowledged may be there or not, but if it is, it ends like everything else.
    if (!accepted.has(id) && !isTerminal(status)) found('stuck', id, `${status}, never acknowledged`);
    if (!history.prompts.has(prompt)) found('phantom', id, `nobody asked for ${JSON.stringify(prompt)}`);
    const made = history.repeatable.get(prompt);
    if (made) made.add(id);
    else if (prompts.has(prompt) && times.get(id) === 1)
      found('duplicated', id, `a second prediction for ${JSON.stringify(prompt)}`);
    prompts.add(prompt);
  }
  for (const [prompt, ids] of history.repeatable) {
    if (ids.size > 1) found('created_twice', [...ids].join(' and '), `the repeated create of ${JSON.stringify(prompt)}`);
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
  return { counts, problems, regrown, bad: Object.values(counts).some((count) => count > 0) };
}

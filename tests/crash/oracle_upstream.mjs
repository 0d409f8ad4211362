// SPDX-License-Identifier: Apache-2.0
// The upstream's side of the judgement: what a server that relays has asked of an upstream, against what its clients
// asked of it. Pure, as oracle.mjs, which calls it.

const kTerminal = ['succeeded', 'failed', 'canceled', 'aborted'];
const isAmbiguous = (ours) => ours.status === 'failed' && /\(code: submission_unknown\)$/.test(ours.error ?? '');
const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** Lists by the prompt of their items. */
function byPrompt(items) {
  const lists = new Map();
  for (const item of items) lists.set(item.prompt, [...(lists.get(item.prompt) ?? []), item]);
  return lists;
}

/**
 * upstream:
 *   creates   [{prompt, id, status, cut, hidden}]   every create that it got, in order: `id` of the prediction that it
 *             made of it, null when it took nothing; `status` that it answered with, null when it never got so far;
 *             `cut`: the answer was not sent whole; `hidden`: its list showed it too late for anybody to find it there.
 *             Of an idempotent upstream, creates that it took for repetitions have the same id.
 *   outcomes  Map id -> {status, output}   what became of each that it took; `output` null: it cannot be compared
 *   told      Set of ids   that it was asked to cancel
 *   remote    (prediction of ours) => id   whose outcome a prediction shows; undefined when that cannot be told
 *
 * history as in judge(), of which are used: `prompts`; `asked`, a Map of prompts that were sent more often than once on
 * purpose (each time for a prediction of its own); `interrupted`, a Set of prompts whose create had no answer when the
 * server was killed; `listed`.
 *
 * Reports by `found(kind, id, what)`:
 *   submitted_twice      the upstream took more than were asked for
 *   phantom_submissions  it took one that no prediction of ours stands for: nobody asked, or it was forgotten
 *   not_adopted          a prediction says something else than the outcome of what the upstream took for it
 *   adopted_twice        two predictions show the outcome of one
 *   left_running         it was canceled here, and the upstream was not told. Not of those that a kill cut off: the
 *                        upstream's id of such a one may be found out later than this run takes.
 *   unfounded            ambiguous, though nothing came between its create and the answer: no kill, no broken answer
 *   overlooked           ambiguous, though the upstream took it and its list shows it, and no other prediction of ours
 *                        with its input can have it
 *
 * Returns how many are ambiguous. That is no fault by itself: of a create that a kill cut off before the upstream got
 * it, or whose answer was lost and which the upstream's list did not show, nobody can know what became of it.
 */
export function judgeUpstream(history, found) {
  const { creates, outcomes, told, remote } = history.upstream;
  const ours = byPrompt(history.listed);
  const theirs = byPrompt(creates);
  const asked = (prompt) => (history.prompts.has(prompt) ? (history.asked.get(prompt) ?? 1) : 0);
  const takenFor = (prompt) => new Set((theirs.get(prompt) ?? []).filter(({ id }) => id !== null).map(({ id }) => id));

  for (const prompt of theirs.keys()) {
    const taken = takenFor(prompt).size;
    const wanted = asked(prompt);
    const name = JSON.stringify(prompt);
    const stand = Math.min(wanted, ours.get(prompt)?.length ?? 0);
    if (wanted > 0 && taken > wanted) found('submitted_twice', prompt, `${name}: taken ${taken} times`);
    else if (taken > stand) found('phantom_submissions', prompt, `${name}: taken ${taken} times, for ${stand} of ours`);
  }

  let ambiguous = 0;
  const adopted = new Map(); // id there -> id of ours
  for (const [prompt, predictions] of ours) {
    const all = theirs.get(prompt) ?? [];
    const taken = takenFor(prompt);
    const alone = asked(prompt) === 1;
    const unexplained = new Set(all.filter(({ id, hidden }) => id !== null && !hidden).map(({ id }) => id));
    const unknown = predictions.filter(isAmbiguous);
    let canceled = 0;
    for (const prediction of predictions) {
      const { id, status } = prediction;
      if (isAmbiguous(prediction)) {
        ++ambiguous;
        const broken = history.interrupted.has(prompt) || all.some((create) => create.cut || create.status === null);
        if (!broken)
          found('unfounded', id, `nothing came between the create of ${JSON.stringify(prompt)} and its answer`);
        continue;
      }
      if (status === 'canceled' || status === 'aborted') {
        ++canceled;
        // Canceled here, whatever the upstream made of it meanwhile; but it must not be left at work.
        const untold = [...taken].find((there) => !told.has(there) && outcomes.get(there)?.status !== 'canceled');
        if (alone && untold && !history.interrupted.has(prompt))
          found('left_running', id, `${untold} was not canceled`);
        continue;
      }
      if (!kTerminal.includes(status)) continue; // stuck, which is found elsewhere
      const agrees = (there) => {
        const outcome = outcomes.get(there);
        return outcome?.status === status && (outcome.output === null || same(outcome.output, prediction.output));
      };
      const there = remote(prediction) ?? (alone ? ([...taken].find(agrees) ?? [...taken][0]) : undefined);
      if (!taken.has(there)) {
        const refused = status === 'failed' && all.some((create) => create.id === null && create.status >= 400);
        if (!refused) found('not_adopted', id, `${status}, and the upstream has nothing of the kind`);
        continue;
      }
      if (adopted.has(there)) found('adopted_twice', id, `shows ${there}, which ${adopted.get(there)} shows too`);
      adopted.set(there, id);
      unexplained.delete(there);
      if (!agrees(there)) found('not_adopted', id, `${status}, but ${there} is ${JSON.stringify(outcomes.get(there))}`);
    }
    // What all others leave over is the one's that nothing is known of; of what a canceled one left, nobody can tell.
    if (unknown.length === 1 && unexplained.size === 1 && canceled === 0)
      found('overlooked', unknown[0].id, `the upstream has ${[...unexplained]}`);
  }

  return ambiguous;
}

/** The kinds that judgeUpstream reports. */
export const kUpstreamKinds = [
  'submitted_twice',
  'phantom_submissions',
  'not_adopted',
  'adopted_twice',
  'left_running',
  'unfounded',
  'overlooked',
];

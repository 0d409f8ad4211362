// SPDX-License-Identifier: Apache-2.0
// The judge of the upstream's side must be able to condemn too: each history here has one fault planted in it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { judge } from './oracle.mjs';

const kUnknown = 'Whether it runs cannot be learnt (code: submission_unknown)';

/**
 * A relayed history without fault: `done` went as it should; `gone` was canceled; `no` was refused after its client had
 * been answered; `lost` was cut off by a kill before the upstream got it; two clients asked for `twin`; `never` reached
 * nobody.
 */
function sound() {
  return {
    accepted: [],
    prompts: new Set(['done', 'gone', 'no', 'lost', 'twin', 'never']),
    refused: new Set(),
    asked: new Map([['twin', 2]]),
    repeatable: new Map(),
    interrupted: new Set(['lost', 'never']),
    sightings: [],
    final: new Map(),
    listed: [
      { id: 'our-twin-2', status: 'succeeded', prompt: 'twin', output: ['them'], remote: 'twin-2' },
      { id: 'our-twin-1', status: 'succeeded', prompt: 'twin', output: ['them'], remote: 'twin-1' },
      { id: 'our-lost', status: 'failed', prompt: 'lost', output: null, error: kUnknown },
      { id: 'our-no', status: 'failed', prompt: 'no', output: null, error: 'Not in this way' },
      { id: 'our-gone', status: 'canceled', prompt: 'gone', output: ['a'] },
      { id: 'our-done', status: 'succeeded', prompt: 'done', output: ['it'] },
    ],
    files: [],
    streams: [],
    upstream: {
      creates: [
        { prompt: 'done', id: null, status: 503 },
        { prompt: 'done', id: 'done-1', status: 201 },
        { prompt: 'gone', id: 'gone-1', status: 201 },
        { prompt: 'no', id: null, status: 422 },
        { prompt: 'twin', id: 'twin-1', status: 201 },
        { prompt: 'twin', id: 'twin-2', status: 201 },
      ],
      outcomes: new Map([
        ['done-1', { status: 'succeeded', output: ['it'] }],
        ['gone-1', { status: 'succeeded', output: ['a', 'b'] }],
        ['twin-1', { status: 'succeeded', output: ['them'] }],
        ['twin-2', { status: 'succeeded', output: ['them'] }],
      ]),
      told: new Set(['gone-1']),
      remote: ({ remote }) => remote,
    },
  };
}

const ours = (h, id) => h.listed.find((prediction) => prediction.id === id);

/** Spoils a sound history and checks that exactly `kind` is found, once. */
function catches(name, kind, spoil) {
  test(`catches ${name}`, () => {
    const history = sound();
    spoil(history, history.upstream);
    const { counts, bad, problems } = judge(history);
    assert.equal(bad, true);
    assert.deepEqual(
      Object.entries(counts).filter(([, count]) => count > 0),
      [[kind, 1]],
      problems.join('\n'),
    );
  });
}

/** Changes a sound history in a way that is no fault. */
function lets(name, ambiguous, change) {
  test(`lets ${name}`, () => {
    const history = sound();
    change(history, history.upstream);
    const judged = judge(history);
    assert.equal(judged.bad, false, judged.problems.join('\n'));
    assert.equal(judged.ambiguous, ambiguous);
  });
}

test('finds nothing in a sound relayed history, and counts what is ambiguous', () => {
  const { counts, ambiguous, bad, problems } = judge(sound());
  assert.equal(bad, false, problems.join('\n'));
  assert.equal(counts.submitted_twice, 0);
  assert.equal(ambiguous, 1);
});

catches('a prediction that was submitted twice', 'submitted_twice', (h, { creates }) => {
  creates.push({ prompt: 'done', id: 'done-2', status: 201 });
});
catches('one of two that were asked for being submitted twice', 'submitted_twice', (h, { creates }) => {
  creates.push({ prompt: 'twin', id: 'twin-3', status: 201 });
});
catches('a submission that nobody asked for', 'phantom_submissions', (h, { creates }) => {
  creates.push({ prompt: 'ghost', id: 'ghost-1', status: 201 });
});
catches('a submission whose prediction was forgotten', 'phantom_submissions', (h, { creates }) => {
  creates.push({ prompt: 'never', id: 'never-1', status: 201 });
});
catches('two submissions for the one that is left of two', 'phantom_submissions', (h) => h.listed.shift());
catches('an outcome that was not taken over', 'not_adopted', (h) => (ours(h, 'our-done').status = 'failed'));
catches('another output than the upstream gave', 'not_adopted', (h) => (ours(h, 'our-done').output = ['that']));
catches('a result of nothing', 'not_adopted', (h, { creates }) => (creates[1].id = null));
catches('a failure that the upstream did not speak of', 'not_adopted', (h, { creates }) => creates.splice(3, 1));
catches('a result of something else', 'not_adopted', (h) => (ours(h, 'our-done').remote = 'twin-1'));
catches('two predictions with one result', 'adopted_twice', (h) => (ours(h, 'our-twin-1').remote = 'twin-2'));
catches('a canceled prediction that the upstream goes on with', 'left_running', (h, { told }) => told.clear());
catches('an ambiguous prediction that nothing has come between', 'unfounded', (h) => h.interrupted.delete('lost'));
catches('an ambiguous prediction that could have been found', 'overlooked', (h, { creates }) => {
  creates.push({ prompt: 'lost', id: 'lost-1', status: 201 });
});

catches('one of two that is ambiguous though the other has its own', 'overlooked', (h) => {
  h.interrupted.add('twin');
  Object.assign(ours(h, 'our-twin-1'), { status: 'failed', output: null, error: kUnknown });
});

lets('an answer that was broken off be ambiguous', 1, (h, { creates }) => {
  h.interrupted.delete('lost');
  creates.push({ prompt: 'lost', id: null, status: 500, cut: true });
});
lets('an ambiguous prediction be taken that the list hides', 1, (h, { creates }) => {
  creates.push({ prompt: 'lost', id: 'lost-1', status: 201, hidden: true });
});
lets('two that asked for the same be ambiguous', 3, (h) => {
  h.interrupted.add('twin');
  for (const id of ['our-twin-1', 'our-twin-2']) {
    Object.assign(ours(h, id), { status: 'failed', output: null, error: kUnknown });
  }
});
lets('one of two be ambiguous that the upstream did not take', 2, (h, { creates }) => {
  creates[4].id = null;
  creates[4].cut = true;
  Object.assign(ours(h, 'our-twin-1'), { status: 'failed', output: null, error: kUnknown });
});
lets('one of two be ambiguous where the other was canceled before it was known there', 2, (h, { told }) => {
  h.interrupted.add('twin');
  Object.assign(ours(h, 'our-twin-1'), { status: 'failed', output: null, error: kUnknown });
  ours(h, 'our-twin-2').status = 'canceled';
  told.add('twin-2');
});
lets('an idempotent upstream be asked again', 1, (h, { creates }) => {
  creates.push({ prompt: 'done', id: 'done-1', status: 201 });
});

// SPDX-License-Identifier: Apache-2.0
// The judge must be able to condemn: each history here has one fault planted in it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { judge } from './oracle.mjs';

/** A history without fault: one image that succeeded, one text that was cancelled, one create without an answer. */
function sound() {
  const image = { status: 'succeeded', input: { prompt: 'p0' }, output: ['/delivery/t/out-0.jpg'], text: '{"image"}' };
  const words = { status: 'canceled', input: { prompt: 'p1' }, output: ['a'], text: '{"words"}' };
  return {
    accepted: [
      { id: 'image', input: { prompt: 'p0' } },
      { id: 'words', input: { prompt: 'p1' } },
    ],
    prompts: new Set(['p0', 'p1', 'p2', 'p3']),
    refused: new Set(),
    asked: new Map(),
    repeatable: new Map([['p1', new Set(['words'])]]),
    sightings: [
      { id: 'image', status: 'starting', output: null, text: '{"image":0}' },
      { id: 'words', status: 'processing', output: ['a'], text: '{"words":0}' },
      { id: 'image', status: 'processing', output: [], text: '{"image":1}' },
      { id: 'image', ...image },
    ],
    final: new Map([
      ['image', { http: 200, ...image }],
      ['words', { http: 200, ...words }],
    ]),
    listed: [
      { id: 'unheard', status: 'succeeded', prompt: 'p2' },
      { id: 'words', status: 'canceled', prompt: 'p1' },
      { id: 'image', status: 'succeeded', prompt: 'p0' },
    ],
    files: [{ id: 'image', http: 200, sha256: 'aa', etag: '"aa"', length: 9, declared: 9, before: 'aa' }],
    streams: [{ id: 'words', events: [{ event: 'output', data: 'a' }] }],
  };
}

/** Spoils a sound history and checks that exactly `kind` is found, once. */
function catches(name, kind, spoil) {
  test(`catches ${name}`, () => {
    const history = sound();
    spoil(history);
    const { counts, bad, problems } = judge(history);
    assert.equal(bad, true);
    assert.deepEqual(
      Object.entries(counts).filter(([, count]) => count > 0),
      [[kind, 1]],
      problems.join('\n'),
    );
  });
}

test('finds nothing in a sound history', () => {
  const { counts, bad, problems } = judge(sound());
  assert.equal(bad, false, problems.join('\n'));
  assert.ok(Object.values(counts).every((count) => count === 0));
});

catches('an accepted prediction that is gone', 'lost', (h) => h.final.set('image', { http: 404 }));
catches('an accepted prediction that was never asked for again', 'lost', (h) => h.final.delete('words'));
catches('a prediction that never ends', 'stuck', (h) => {
  h.sightings = [];
  h.final.get('words').status = 'processing';
});
catches('an unacknowledged prediction that never ends', 'stuck', (h) => (h.listed[0].status = 'starting'));
catches('an input that is not what was sent', 'changed', (h) => (h.final.get('words').input = { prompt: 'p1', x: 1 }));
catches('a change after the end', 'changed', (h) => (h.final.get('image').text = '{"image":9}'));
catches('an end that became another', 'changed', (h) => {
  h.final.set('image', { ...h.final.get('image'), status: 'failed', text: '{"failed"}' });
});
catches('a status that went back', 'backwards', (h) => {
  h.sightings.push({ id: 'words', status: 'starting', output: null, text: '{"words":1}' });
});
catches('an end that was taken back', 'backwards', (h) => {
  h.sightings.push({ id: 'image', status: 'processing', output: null, text: '{"image":1}' }, h.sightings.at(-1));
});
catches('output that was read and is not in the end result', 'changed', (h) => {
  h.sightings[2].output = ['/delivery/t/out-0.jpg', '/delivery/t/out-1.jpg'];
});
catches('output that became another', 'changed', (h) => {
  h.sightings.push({ id: 'words', status: 'processing', output: ['b', 'c'], text: '{"words":1}' });
});

test('lets uncommitted output be made again after a kill, as long as it comes again as it was', () => {
  const history = sound();
  history.sightings[1].output = ['a', 'b'];
  history.sightings.push({ id: 'words', status: 'processing', output: ['a'], text: '{"words":1}' });
  history.sightings.push({ id: 'words', status: 'processing', output: ['a', 'b', 'c'], text: '{"words":2}' });
  const { bad, regrown, problems } = judge(history);
  assert.equal(bad, false, problems.join('\n'));
  assert.equal(regrown, 1);
});

catches('a file that is not there', 'missing_files', (h) => (h.files[0].http = 404));
catches('a file that is short', 'missing_files', (h) => (h.files[0].length = 8));
catches('a file with wrong bytes', 'missing_files', (h) => (h.files[0].sha256 = 'bb'));
catches('a file that changed together with its ETag', 'changed', (h) => {
  h.files[0] = { ...h.files[0], sha256: 'bb', etag: '"bb"' };
});
catches('a prediction that the list forgot', 'unlisted', (h) => h.listed.splice(1, 1));
catches('a prediction that is listed twice', 'duplicated', (h) => h.listed.push(h.listed[0]));
catches('a create that made two predictions', 'duplicated', (h) => {
  h.listed.push({ id: 'second', status: 'succeeded', prompt: 'p0' });
});
catches('a repeated create that made two predictions', 'created_twice', (h) => {
  h.listed.push({ id: 'second', status: 'succeeded', prompt: 'p1' });
});
catches('a repeated create that was answered with two predictions', 'created_twice', (h) => {
  h.repeatable.get('p1').add('another');
});
catches('a repeated create that came to nothing', 'lost', (h) => h.repeatable.set('p3', new Set()));
catches('a prediction that nobody asked for', 'phantom', (h) => {
  h.listed.push({ id: 'ghost', status: 'succeeded', prompt: 'p9' });
});
catches('a prediction that is left of a refused create', 'phantom', (h) => h.refused.add('p2'));
catches('a stream that gave other text than the prediction', 'changed', (h) => (h.streams[0].events[0].data = 'b'));
catches('a stream that gave more than a finished prediction has', 'changed', (h) => {
  h.final.get('words').status = 'succeeded';
  h.sightings.splice(1, 1);
  h.streams[0].events.push({ event: 'output', data: 'more' });
});

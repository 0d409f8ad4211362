// SPDX-License-Identifier: Apache-2.0
// Refusals in the service's forms.
import { jsonAnswer } from './wire.mjs';

const kBodies = {
  400: { title: 'Bad request', detail: 'The request body is not valid JSON', status: 400 },
  401: { title: 'Unauthenticated', detail: 'You did not pass a valid authentication token', status: 401 },
  402: {
    title: 'Insufficient credit',
    detail: 'You have insufficient credit to run this model. Buy credit, then wait a few minutes and try again.',
    status: 402,
  },
  403: { title: 'Forbidden', detail: 'You do not have permission to perform this action.', status: 403 },
  404: { detail: 'The requested resource could not be found.', status: 404 },
  422: {
    title: 'Invalid version or not permitted',
    detail: "The specified version does not exist (or perhaps you don't have permission to use it?)",
    status: 422,
  },
  500: { detail: 'Internal server error', status: 500 },
};

export const missingPrompt = () =>
  jsonAnswer(422, {
    detail: '- input: prompt is required\n',
    status: 422,
    title: 'Input validation failed',
    invalid_fields: [{ type: 'required', field: 'input', description: 'prompt is required' }],
  });

/** `retryAfter` in seconds, 0: none; `reduced`: creates a minute that the account is held to, 0: not said. */
export function throttled({ retryAfter = 0, reduced = 0 } = {}) {
  let detail = 'Request was throttled.';
  if (reduced > 0) {
    detail += ` Your rate limit for creating predictions is reduced to ${reduced} requests per minute with a burst of`;
    detail += ' 1 requests while you have less than $5.0 in credit.';
  }
  if (retryAfter > 0) detail += ` Your rate limit resets in ~${retryAfter}s.`;
  const body = { detail, status: 429 };
  if (retryAfter > 0) body.retry_after = retryAfter;
  const headers = { 'ratelimit-remaining': '0' };
  if (retryAfter > 0) headers['retry-after'] = String(retryAfter);
  return jsonAnswer(429, body, headers);
}

/** The answer for `status=N` with the words that go with it: retry-after=S, reduced=N, echo. */
export function refusal(status, orders, echo) {
  const retryAfter = orders.number('retry-after');
  if (status === 429) return throttled({ retryAfter, reduced: orders.number('reduced') });
  const body = { ...(kBodies[status] ?? { detail: `The stub answers ${status}`, status }) };
  if (orders.has('echo')) body.detail = `${body.detail} ${echo}`;
  return jsonAnswer(status, body, retryAfter > 0 ? { 'retry-after': String(retryAfter) } : {});
}

// SPDX-License-Identifier: Apache-2.0
// Reads a stream of server-sent events strictly: what is not of the documented form is an error, not skipped.
import http from 'node:http';

/** Events of a complete body: [{event, id, data}]. */
export function parseEvents(text) {
  const events = [];
  for (const block of text.split('\n\n')) {
    const event = { event: null, id: null, data: [] };
    for (const line of block.split('\n')) {
      if (line === '' || line.startsWith(':')) continue;
      const found = /^(event|id|data): (.*)$/s.exec(line);
      if (!found) throw new Error(`not a line of an event: ${JSON.stringify(line)}`);
      if (found[1] === 'data') event.data.push(found[2]);
      else event[found[1]] = found[2];
    }
    if (event.event === null && event.data.length === 0) continue;
    if (event.event === null || event.id === null) throw new Error(`an event lacks its name or id: ${block}`);
    events.push({ ...event, data: event.data.join('\n') });
  }
  return events;
}

/** Reads `url` to its end without any key: {status, headers, text, events}. `onText` sees each piece as it comes. */
export function readStream(url, { headers = {}, onText = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.get(
      url,
      { headers: { accept: 'text/event-stream', ...headers }, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece) => {
          text += piece;
          onText(text, () => response.destroy());
        });
        response.on('close', () =>
          resolve({ status: response.statusCode, headers: response.headers, text, complete: response.complete }),
        );
      },
    );
    request.on('error', reject);
  });
}

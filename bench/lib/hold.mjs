// SPDX-License-Identifier: Apache-2.0
// A process that opens many connections, sends one request on each, waits for its answer and then only holds them.
// argv: PORT LOCAL-ADDRESS COUNT head|body REQUEST. Prints "held" when all are there, "lost N" when any closed before;
// ends with its standard input.
import net from 'node:net';

const [port, localAddress, count, until, request] = process.argv.slice(2);
const wanted = Number(count);
const AT_ONCE = 100;
let opened = 0;
let held = 0;
let lost = 0;

/// Whether `text` holds the answer as far as it is waited for: its head, or all that Content-Length says.
function isWhole(text) {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return false;
  if (!/^HTTP\/1\.1 2/.test(text)) throw new Error(`answered ${text.slice(0, 200)}`);
  if (until === 'head') return true;
  return text.length - head - 4 >= Number(text.match(/content-length: *(\d+)/i)[1]);
}

function openNext() {
  if (opened === wanted) return;
  ++opened;
  let text = '';
  const socket = net.connect({ port: Number(port), host: '127.0.0.1', localAddress });
  socket.setEncoding('latin1');
  socket.once('connect', () => socket.write(request));
  socket.on('data', (piece) => {
    if (text === null) return;
    text += piece;
    if (!isWhole(text)) return;
    text = null;
    ++held;
    if (held === wanted) process.stdout.write('held\n');
    else openNext();
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    if (text !== null) process.stdout.write(`lost ${++lost}\n`);
  });
}

for (let i = 0; i < Math.min(AT_ONCE, wanted); ++i) openNext();
process.stdin.resume();
process.stdin.once('end', () => process.exit(0));

// SPDX-License-Identifier: Apache-2.0

/** {type, width, height, whole} of a PNG, JPEG or WebP file; `whole` says that the file has its proper end. */
export function readImage(bytes) {
  if (bytes.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex'))) return readPng(bytes);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return readJpeg(bytes);
  if (bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP') return readWebp(bytes);
  throw new Error(`not an image: ${bytes.subarray(0, 16).toString('hex')}`);
}

function readPng(bytes) {
  return {
    type: 'png',
    width: bytes.readUInt32BE(16),
    height: bytes.readUInt32BE(20),
    whole: bytes.toString('latin1', bytes.length - 8, bytes.length - 4) === 'IEND',
  };
}

function readJpeg(bytes) {
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + bytes.readUInt16BE(at + 2)) {
    const marker = bytes[at + 1];
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (!isFrame) continue;
    return {
      type: 'jpg',
      width: bytes.readUInt16BE(at + 7),
      height: bytes.readUInt16BE(at + 5),
      whole: bytes.readUInt16BE(bytes.length - 2) === 0xffd9,
    };
  }
  throw new Error('a JPEG file without a frame header');
}

function readWebp(bytes) {
  const whole = bytes.readUInt32LE(4) + 8 === bytes.length;
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return {
        type: 'webp',
        width: bytes.readUInt16LE(26) & 0x3fff,
        height: bytes.readUInt16LE(28) & 0x3fff,
        whole,
      };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { type: 'webp', width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff), whole };
    }
    case 'VP8X':
      return { type: 'webp', width: 1 + bytes.readUIntLE(24, 3), height: 1 + bytes.readUIntLE(27, 3), whole };
    default:
      throw new Error('a WebP file without a picture');
  }
}

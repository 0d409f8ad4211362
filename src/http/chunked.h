// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hekto::http {

/// Takes the chunked transfer coding off a request body (RFC 9112 7.1), fed piece by piece.
///
/// It is our own because Boost.Beast 1.81 accepts bare LF and control bytes inside quoted chunk extensions, so that a
/// second check of the same bytes would be needed, and because that check is most of a decoder. It is stricter than the
/// RFC: only CRLF, no blanks around the size, extensions of visible bytes and at most 256 of them in all, trailers of
/// at most 4 KiB. Trailers are checked, then dropped; those that would change framing or identity are refused.
class ChunkDecoder {
 public:
  enum class State { more, done, malformed, too_large };

  void start(std::size_t max_body);
  /// Appends the content of `bytes` to `body` and removes from `bytes` what was taken. After `done`, what is left in
  /// `bytes` belongs to the next request. The two failures are final.
  State feed(std::string_view& bytes, std::string& body);

 private:
  enum class Part { size, extension, size_lf, data, data_cr, data_lf, trailer, trailer_lf };
  State malformed() { return failure_ = State::malformed; }
  bool trailer_ok() const;

  Part part_ = Part::size;
  State failure_ = State::more;
  std::size_t max_body_ = 0;
  std::uint64_t remaining_ = 0;  // of the present chunk
  unsigned digits_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::string line_;  // the trailer line so far
};

}  // namespace hekto::http

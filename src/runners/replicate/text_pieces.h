// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runners/replicate/scrub.h"

namespace hekto::runners::replicate {

/// Takes out of a text that comes in pieces what no client may see, wherever the pieces are cut. Every piece comes out
/// as one piece, in order; one whose end may be the beginning of something that is to be taken out is kept back until
/// the next ones decide. The same pieces come out the same however they are handed in.
class PieceCleaner {
 public:
  /// `scrubber` outlives this.
  explicit PieceCleaner(const Scrubber& scrubber) : scrubber_(&scrubber) {}

  /// Takes the next piece; returns those that are decided.
  std::vector<std::string> push(std::string_view piece);
  /// There are no more: returns what was kept back.
  std::vector<std::string> finish();

 private:
  std::vector<std::string> release(std::size_t count);

  const Scrubber* scrubber_;
  std::string text_;               // what is kept back, as it came
  std::vector<std::size_t> ends_;  // where each piece of it ends
};

/// A text as it comes out of an event stream, which knows but one line break.
std::string with_plain_breaks(std::string_view text);
/// Where in `text` the first `size` bytes of with_plain_breaks(text) end.
std::size_t unbroken_offset(std::string_view text, std::size_t size);

}  // namespace hekto::runners::replicate

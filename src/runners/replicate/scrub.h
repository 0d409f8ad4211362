// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runners/replicate/options.h"

namespace hekto::runners::replicate {

/// Takes out of what an upstream says what no client may see: the tokens of its accounts, its own address, and what it
/// calls its accounts. Immutable; any thread.
class Scrubber {
 public:
  explicit Scrubber(const UpstreamOptions& upstream);

  /// For logs, errors and refusals. Tokens and URLs of our webhooks become "***", the address of the API
  /// "https://upstream.invalid", its host alone "upstream.invalid", and a user name "***", the last two where they
  /// stand as a whole word. Also in the spellings of JSON ("\/") and of URLs (percent-encoded).
  std::string clean(std::string text) const { return clean(std::move(text), true, nullptr); }
  /// For output. User names and the host alone stay: they may be words like any other, and an output must not be
  /// changed for that.
  std::string clean_output(std::string text) const { return clean(std::move(text), false, nullptr); }
  /// The same of a text in pieces, `ends` being where each ends. What stands for something that was taken out lies in
  /// the piece in which that began.
  void clean_output(std::string& text, std::vector<std::size_t>& ends) const {
    text = clean(std::move(text), false, &ends);
  }
  /// How much of the end of a growing text may be the beginning of something that is to be taken out, and is to be kept
  /// back until more has come.
  std::size_t undecided(std::string_view text) const { return undecided(text, true); }
  /// The same for output.
  std::size_t undecided_output(std::string_view text) const { return undecided(text, false); }

 private:
  std::string clean(std::string text, bool words_too, std::vector<std::size_t>* ends) const;
  std::size_t undecided(std::string_view text, bool words_too) const;
  struct Needle {
    std::string text;
    std::string_view replacement;
    bool whole_word = false;
    std::size_t tail = 0;  ///< letters and digits that follow and go, too
  };
  std::vector<Needle> needles_;
};

}  // namespace hekto::runners::replicate

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hekto::runners {

/// Cuts text into pieces like a language model's tokens: words with the space before them, long words in parts,
/// punctuation alone. Joined, they are the text again. Never cuts inside a UTF-8 character.
std::vector<std::string> tokenize(std::string_view text);

struct ReplyOptions {
  std::string model;   ///< "owner/name"
  std::string prompt;  ///< UTF-8
  std::uint64_t seed = 0;
  std::size_t min_tokens = 0;
  std::size_t max_tokens = 256;  ///< cut off there, as a model would be
};

/// The tokens of an answer that says first that it is the sandbox's and then talks about the prompt. Same options,
/// same tokens.
std::vector<std::string> reply(const ReplyOptions& options);

/// Groups tokens into chunks of one to three, decided by the seed.
std::vector<std::string> chunk(const std::vector<std::string>& tokens, std::uint64_t seed);

}  // namespace hekto::runners

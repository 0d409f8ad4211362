// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/text_reply.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "runners/sandbox/splitmix.h"

namespace hekto::runners {

namespace {

constexpr std::size_t kPieceCharacters = 7;
constexpr std::size_t kQuotedBytes = 160;
constexpr std::size_t kMostTokens = 32768;  // bounds the work whatever the input asks for

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// The prompt on one line, cut at a word when it is long.
std::string quote(std::string_view prompt) {
  std::string line;
  for (const char c : prompt) {
    if (!is_space(c)) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (line.size() <= kQuotedBytes) return line;
  auto end = line.rfind(' ', kQuotedBytes);
  if (end == std::string::npos || end == 0) {
    end = kQuotedBytes;
    while (end > 0 && is_continuation(line[end])) --end;
  }
  return line.substr(0, end) + " …";
}

/// Words of the prompt worth talking about: the longer ones, without the punctuation around them.
std::vector<std::string> topics(std::string_view prompt) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : prompt.substr(0, 4000)) {
    if (is_word(c)) {
      word += c;
      continue;
    }
    if (word.size() > 3 && word.size() < 40) out.push_back(word);
    word.clear();
  }
  if (word.size() > 3 && word.size() < 40) out.push_back(word);
  if (out.empty()) out.emplace_back("your request");
  return out;
}

std::size_t count_words(std::string_view text) {
  std::size_t words = 0;
  bool inside = false;
  for (const char c : text) {
    words += !is_space(c) && !inside ? 1 : 0;
    inside = !is_space(c);
  }
  return words;
}

constexpr std::array<const char*, 10> kSentences{
    " A real model would now have something to say about \"{}\".",
    " The word \"{}\" stands out, so picture a careful paragraph about it here.",
    " If this were the model itself, \"{}\" would deserve a good example.",
    " Everything that you see arrives the way tokens do: a few at a time, in order.",
    " The same seed gives the same words, which makes \"{}\" easy to test.",
    " On the subject of \"{}\", the sandbox keeps an open mind.",
    " Nothing was computed on a GPU and nothing was paid for these sentences.",
    " Your client can stream them, join them, or stop them half-way through \"{}\".",
    " Ask again with another seed and \"{}\" will turn up in another place.",
    " Connect an upstream and the real model answers in place of these lines.",
};

}  // namespace

std::vector<std::string> tokenize(std::string_view text) {
  std::vector<std::string> tokens;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t start = at;
    if (is_space(text[at])) ++at;
    if (at < text.size() && is_word(text[at])) {
      std::size_t characters = 0;
      while (at < text.size() && is_word(text[at]) && (characters < kPieceCharacters || is_continuation(text[at]))) {
        if (!is_continuation(text[at])) ++characters;
        ++at;
      }
    } else if (at < text.size() && !is_space(text[at])) {
      ++at;
    }
    tokens.emplace_back(text.substr(start, at - start));
  }
  return tokens;
}

std::vector<std::string> reply(const ReplyOptions& options) {
  const std::size_t most = std::min(options.max_tokens, kMostTokens);
  SplitMix random(options.seed ^ seed_of(options.prompt));
  const auto quoted = quote(options.prompt);
  const auto about = topics(options.prompt);
  std::string text =
      fmt::format("This is the Hekto sandbox answering in place of {}; no language model was run.", options.model);
  if (!quoted.empty()) {
    const auto words = count_words(options.prompt);
    text += fmt::format(" You asked: \"{}\". That is {} word{}.", quoted, words, words == 1 ? "" : "s");
  }
  auto tokens = tokenize(text);
  const std::size_t wanted = std::max<std::size_t>(options.min_tokens, tokens.size() + 60 + random.below(60));
  std::array<std::size_t, kSentences.size()> order{};
  std::size_t next = order.size();
  while (tokens.size() < std::min(wanted, most)) {
    if (next == order.size()) {  // a new round through all the sentences, shuffled
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      for (std::size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
      next = 0;
    }
    const auto& topic = about[random.below(about.size())];
    std::ranges::move(tokenize(fmt::format(fmt::runtime(kSentences[order[next++]]), topic)),
                      std::back_inserter(tokens));
  }
  if (tokens.size() > most) tokens.resize(most);
  return tokens;
}

std::vector<std::string> chunk(const std::vector<std::string>& tokens, std::uint64_t seed) {
  SplitMix random(seed + 1);
  std::vector<std::string> chunks;
  for (std::size_t i = 0; i < tokens.size();) {
    std::string text;
    for (auto count = 1 + random.below(3); count > 0 && i < tokens.size(); --count) text += tokens[i++];
    chunks.push_back(std::move(text));
  }
  return chunks;
}

}  // namespace hekto::runners

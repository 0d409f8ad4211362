// SPDX-License-Identifier: Apache-2.0
#include "domain/search.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace hekto::domain {
namespace {

constexpr std::size_t kMaxWords = 32;
/// They occur everywhere and so tell nothing apart.
constexpr std::array<std::string_view, 14> kFillers = {"a",  "an", "and", "are", "for", "in",   "is",
                                                       "of", "on", "or",  "the", "to",  "that", "with"};

/// Bytes of other alphabets count as letters; ASCII alone has upper and lower case here.
bool is_word_byte(char c) {
  return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), ascii_lower);
  return out;
}

/// 1 for a whole word of `text`, 0.75 for the beginning of one, 0.5 for any other part, 0 when it does not occur.
double occurrence(std::string_view text, std::string_view word) {
  double best = 0;
  for (auto at = text.find(word); at != std::string_view::npos && best < 1; at = text.find(word, at + 1)) {
    const bool begins = at == 0 || !is_word_byte(text[at - 1]);
    const auto end = at + word.size();
    const bool ends = end == text.size() || !is_word_byte(text[end]);
    best = std::max(best, begins ? (ends ? 1 : 0.75) : 0.5);
  }
  return best;
}

}  // namespace

std::vector<std::string> search_words(std::string_view query) {
  std::vector<std::string> words;
  const std::string text = lower(query);
  for (std::size_t i = 0; i < text.size() && words.size() < kMaxWords;) {
    std::size_t end = i;
    while (end < text.size() && is_word_byte(text[end])) ++end;
    auto word = text.substr(i, end - i);
    if (!word.empty() && std::ranges::find(words, word) == words.end()) words.push_back(std::move(word));
    i = end + 1;
  }
  const auto is_filler = [](const std::string& word) { return std::ranges::find(kFillers, word) != kFillers.end(); };
  if (!std::ranges::all_of(words, is_filler)) std::erase_if(words, is_filler);
  return words;
}

double search_score(const std::vector<std::string>& words, std::span<const SearchField> fields) {
  if (words.empty()) return 1;
  double heaviest = 0;
  std::vector<std::string> texts;
  for (const auto& field : fields) {
    heaviest = std::max(heaviest, field.weight);
    texts.push_back(lower(field.text));
  }
  if (heaviest <= 0) return 0;
  double sum = 0;
  for (const auto& word : words) {
    double best = 0;
    for (std::size_t i = 0; i < fields.size(); ++i)
      best = std::max(best, fields[i].weight * occurrence(texts[i], word));
    sum += best;
  }
  return sum / heaviest / static_cast<double>(words.size());
}

}  // namespace hekto::domain

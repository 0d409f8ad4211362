// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hekto::domain {

/// The words of a search: lower-case, without punctuation, each once, at most 32, and without articles and the like
/// when there are others.
std::vector<std::string> search_words(std::string_view query);

/// A text that is searched, and how much a match in it counts.
struct SearchField {
  std::string_view text;
  double weight = 1;
};

/// How well the fields fit the words, from 0 (not at all) to 1: for each word the best field, and in it a whole word
/// before the beginning of one before any other part. Without words everything fits, with 1.
double search_score(const std::vector<std::string>& words, std::span<const SearchField> fields);

}  // namespace hekto::domain

// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/text_pieces.h"

#include <algorithm>

#include "base/sse.h"

namespace hekto::runners::replicate {

std::vector<std::string> PieceCleaner::push(std::string_view piece) {
  text_ += piece;
  ends_.push_back(text_.size());
  const auto sure = text_.size() - scrubber_->undecided_output(text_);
  auto count = static_cast<std::size_t>(std::ranges::upper_bound(ends_, sure) - ends_.begin());
  const auto whole = count == 0 ? std::string() : scrubber_->clean_output(text_);
  // What is taken out may go on behind the end of a piece.
  for (; count > 0; --count) {
    const auto end = ends_[count - 1];
    if (whole == scrubber_->clean_output(text_.substr(0, end)) + scrubber_->clean_output(text_.substr(end))) break;
  }
  return release(count);
}

std::vector<std::string> PieceCleaner::finish() { return release(ends_.size()); }

std::vector<std::string> PieceCleaner::release(std::size_t count) {
  std::vector<std::string> pieces;
  if (count == 0) return pieces;
  const auto end = ends_[count - 1];
  auto text = text_.substr(0, end);
  std::vector<std::size_t> ends(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(count));
  scrubber_->clean_output(text, ends);
  std::size_t from = 0;
  for (const auto to : ends) {
    pieces.push_back(text.substr(from, to - from));
    from = to;
  }
  text_.erase(0, end);
  ends_.erase(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(count));
  for (auto& kept : ends_) kept -= end;
  return pieces;
}

std::string with_plain_breaks(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const auto length = line_break_length(text);
    plain += length > 0 ? '\n' : text.front();
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return plain;
}

std::size_t unbroken_offset(std::string_view text, std::size_t size) {
  std::size_t at = 0;
  for (; size > 0 && at < text.size(); --size) at += std::max<std::size_t>(line_break_length(text.substr(at)), 1);
  return at;
}

}  // namespace hekto::runners::replicate

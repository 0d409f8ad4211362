// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/steered_text.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace hekto::runners {

namespace {

constexpr std::size_t kLargeChunk = 16 * 1024;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Cuts into `count` parts of about the same size, never inside a character.
std::vector<std::string> split(const std::string& text, std::size_t count) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (std::size_t i = 1; i <= count; ++i) {
    std::size_t to = std::max(from, text.size() * i / count);
    while (to < text.size() && is_continuation(text[to])) ++to;
    parts.push_back(text.substr(from, to - from));
    from = to;
  }
  return parts;
}

}  // namespace

std::string fill(std::string_view text, std::size_t size) {
  if (text.empty()) text = ".";
  std::string out;
  out.reserve(size + text.size());
  while (out.size() < size) out += text;
  const bool inside = out.size() > size && is_continuation(out[size]);
  out.resize(size);
  if (!inside) return out;
  while (!out.empty() && is_continuation(out.back())) out.pop_back();
  if (!out.empty()) out.pop_back();
  out.resize(size, '.');
  return out;
}

const std::vector<std::string>& awkward_chunks() {
  static const std::vector<std::string> chunks{
      "plain",
      "  two spaces before",
      "\n",
      "one\ntwo\n\nfour",
      "carriage\rreturn",
      "both\r\nends",
      "tab\tand feed\f and vertical\v",
      "next line \u0085 line \u2028 and paragraph \u2029 separators",
      "Việt Nam, 東京, ελληνικά, עברית",
      "👩‍🚀 family 👨‍👩‍👧‍👦 flag 🇻🇳",
      "e\u0301 combined, \u200b zero width, \ufeff mark",
      "\"quotes\" 'and' \\backslash\\ </script> & <b>",
      "data: looks like a field\nevent: done\nid: 1\n\n",
      ": looks like a comment",
      "{\"looks\":\"like JSON\"}",
      "[DONE]",
      "",
      "null",
      " the end",
  };
  return chunks;
}

std::vector<std::string> steered_chunks(std::vector<std::string> usual, const domain::Steering& steering) {
  auto chunks = steering.awkward ? awkward_chunks() : std::move(usual);
  if (steering.large > 0) {
    const auto whole = std::accumulate(chunks.begin(), chunks.end(), std::string());
    const auto count = steering.items.value_or(std::max<std::size_t>(1, steering.large / kLargeChunk));
    return split(fill(whole, steering.large), count);
  }
  if (steering.items) {
    for (std::size_t i = 0; chunks.size() < *steering.items; ++i) chunks.push_back(std::string(chunks[i]));
    chunks.resize(*steering.items);
    return chunks;
  }
  chunks.emplace_back();
  return chunks;
}

}  // namespace hekto::runners

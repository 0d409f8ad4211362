// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/scrub.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "domain/hook_token.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

constexpr std::string_view kHidden = "***";
constexpr std::string_view kNowhere = "https://upstream.invalid";
constexpr std::string_view kNoHost = "upstream.invalid";
/// Shorter names would be found in any text.
constexpr std::size_t kShortestName = 4;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

std::string with_escaped_slashes(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '/') out += '\\';
    out += c;
  }
  return out;
}

/// Letters and digits at the beginning of `text`, up to `most`.
std::size_t tail_length(std::string_view text, std::size_t most) {
  std::size_t length = 0;
  while (length < std::min(text.size(), most) && is_word(text[length])) ++length;
  return length;
}

bool equal_at(std::string_view text, std::size_t at, std::string_view needle) {
  return iequals(text.substr(at, needle.size()), needle);
}

/// Whatever the case: hosts are the same in each.
std::size_t find_from(std::string_view text, std::string_view needle, std::size_t from) {
  const auto found = std::search(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), needle.begin(),
                                 needle.end(), [](char a, char b) { return ascii_lower(a) == ascii_lower(b); });
  return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

}  // namespace

Scrubber::Scrubber(const UpstreamOptions& upstream) {
  const auto add = [this](std::string text, std::string_view replacement, bool whole_word = false) {
    if (!text.empty()) needles_.push_back({std::move(text), replacement, whole_word});
  };
  for (const auto& account : upstream.accounts) {
    const auto& token = account.token.reveal();
    add(token, kHidden);
    if (const auto escaped = with_escaped_slashes(token); escaped != token) add(escaped, kHidden);
    if (const auto encoded = percent_encode(token); encoded != token) add(encoded, kHidden);
  }
  for (const auto& url : {upstream.url, origin_of(upstream.url)}) {
    add(url, kNowhere);
    add(with_escaped_slashes(url), kNowhere);
    add(percent_encode(url), kNowhere);
  }
  const auto origin = origin_of(upstream.url);
  if (const auto host = origin.substr(std::min(origin.find("//") + 2, origin.size())); host.size() >= kShortestName) {
    add(host, kNoHost, true);
  }
  if (!upstream.webhook_url.empty()) {
    for (const auto& url :
         {upstream.webhook_url, with_escaped_slashes(upstream.webhook_url), percent_encode(upstream.webhook_url)}) {
      needles_.push_back({url, kHidden, false, domain::kHookTokenLength});
    }
  }
  for (const auto& account : upstream.accounts) {
    if (account.username.size() >= kShortestName) add(account.username, kHidden, true);
  }
}

std::string Scrubber::clean(std::string text, bool words_too, std::vector<std::size_t>* ends) const {
  for (const auto& needle : needles_) {
    if (needle.whole_word && !words_too) continue;
    for (std::size_t at = 0; (at = find_from(text, needle.text, at)) != std::string::npos;) {
      auto end = at + needle.text.size();
      end += tail_length(std::string_view(text).substr(end), needle.tail);
      const bool inside =
          needle.whole_word && ((at > 0 && is_word(text[at - 1])) || (end < text.size() && is_word(text[end])));
      if (inside) {
        at = end;
        continue;
      }
      text.replace(at, end - at, needle.replacement);
      const auto behind = at + needle.replacement.size();
      for (std::size_t i = 0; ends != nullptr && i < ends->size(); ++i) {
        auto& cut = (*ends)[i];
        if (cut > at) cut = cut > end ? cut - end + behind : behind;
      }
      at = behind;
    }
  }
  return text;
}

std::size_t Scrubber::undecided(std::string_view text, bool words_too) const {
  std::size_t longest = 0;
  for (const auto& needle : needles_) {
    if (needle.whole_word && !words_too) continue;
    if (needle.tail > 0) {
      // What follows it has to be there, too.
      const auto window = text.size() - std::min(text.size(), needle.text.size() + needle.tail);
      const auto at = find_from(text, needle.text, window);
      if (at != std::string_view::npos &&
          tail_length(text.substr(at + needle.text.size()), needle.tail) == text.size() - at - needle.text.size()) {
        longest = std::max(longest, text.size() - at);
      }
    }
    // A whole word is decided by what follows it.
    const auto most = std::min(text.size(), needle.whole_word ? needle.text.size() : needle.text.size() - 1);
    for (std::size_t length = most; length > longest; --length) {
      if (equal_at(text, text.size() - length, std::string_view(needle.text).substr(0, length))) longest = length;
    }
  }
  auto cut = text.size() - longest;
  if (longest == 0) return 0;
  // What is there whole must not be cut in two: its end may be the beginning of another.
  for (bool moved = true; moved;) {
    moved = false;
    for (const auto& needle : needles_) {
      if (needle.whole_word && !words_too) continue;
      const auto size = needle.text.size();
      for (std::size_t at = cut >= size ? cut - size + 1 : 0; at < cut && at + size <= text.size(); ++at) {
        if (!equal_at(text, at, needle.text)) continue;
        cut = at;
        moved = true;
      }
    }
  }
  return text.size() - cut;
}

}  // namespace hekto::runners::replicate

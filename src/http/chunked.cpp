// SPDX-License-Identifier: Apache-2.0
#include "http/chunked.h"

#include <algorithm>

#include "base/text.h"

namespace hekto::http {

namespace {

constexpr std::size_t kMaxExtensions = 256;
constexpr std::size_t kMaxTrailers = 4096;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool is_visible_or_blank(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte < 0x7F);
}

}  // namespace

void ChunkDecoder::start(std::size_t max_body) {
  part_ = Part::size;
  failure_ = State::more;
  max_body_ = max_body;
  remaining_ = 0;
  digits_ = 0;
  extension_bytes_ = 0;
  trailer_bytes_ = 0;
  line_.clear();
}

bool ChunkDecoder::trailer_ok() const {
  const auto colon = line_.find(':');
  if (colon == std::string::npos || colon == 0) return false;
  const std::string_view name = std::string_view(line_).substr(0, colon);
  if (name.find_first_of(" \t") != std::string_view::npos) return false;
  for (const std::string_view forbidden : {"content-length", "transfer-encoding", "host"}) {
    if (iequals(name, forbidden)) return false;
  }
  return true;
}

ChunkDecoder::State ChunkDecoder::feed(std::string_view& bytes, std::string& body) {
  if (failure_ != State::more) return failure_;
  while (!bytes.empty()) {
    if (part_ == Part::data) {
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
      body.append(bytes.substr(0, take));
      bytes.remove_prefix(take);
      remaining_ -= take;
      if (remaining_ == 0) part_ = Part::data_cr;
      continue;
    }
    const char c = bytes.front();
    bytes.remove_prefix(1);
    switch (part_) {
      case Part::size: {
        if (const int digit = hex_value(c); digit >= 0) {
          if (++digits_ > 15) return malformed();
          remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
          break;
        }
        if (digits_ == 0 || (c != ';' && c != '\r')) return malformed();
        if (remaining_ > max_body_ - body.size()) return failure_ = State::too_large;
        part_ = c == '\r' ? Part::size_lf : Part::extension;
        if (c == ';') ++extension_bytes_;
        break;
      }
      case Part::extension:
        if (c == '\r') {
          part_ = Part::size_lf;
        } else if (!is_visible_or_blank(c)) {
          return malformed();
        } else {
          ++extension_bytes_;
        }
        break;
      case Part::size_lf:
        if (c != '\n') return malformed();
        part_ = digits_ > 0 && remaining_ == 0 ? Part::trailer : Part::data;
        digits_ = 0;
        break;
      case Part::data_cr:
        if (c != '\r') return malformed();
        part_ = Part::data_lf;
        break;
      case Part::data_lf:
        if (c != '\n') return malformed();
        part_ = Part::size;
        break;
      case Part::trailer:
        if (++trailer_bytes_ > kMaxTrailers) return malformed();
        if (c == '\r') {
          part_ = Part::trailer_lf;
        } else if (!is_visible_or_blank(c)) {
          return malformed();
        } else {
          line_ += c;
        }
        break;
      case Part::trailer_lf:
        if (c != '\n') return malformed();
        if (line_.empty()) return State::done;
        if (!trailer_ok()) return malformed();
        line_.clear();
        part_ = Part::trailer;
        break;
      case Part::data:
        break;  // handled above
    }
    if (extension_bytes_ > kMaxExtensions) return malformed();
  }
  return State::more;
}

}  // namespace hekto::http

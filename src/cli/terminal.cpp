// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <cstddef>

namespace hekto::cli {

std::string printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F, two bytes in UTF-8, are control characters that some terminals obey.
    if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      ++i;
    } else if ((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t') {
      clean += text[i];
    }
  }
  return clean;
}

}  // namespace hekto::cli

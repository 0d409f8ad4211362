// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace hekto::domain {

struct DataUrl {
  std::string content_type;  ///< with its parameters; empty when the URL names none
  std::string bytes;
};

bool is_data_url(std::string_view text);

/// Reads a data: URL (RFC 2397), base64 or percent-encoded. invalid_input, without a word of its content, when it is
/// malformed.
Result<DataUrl> parse_data_url(std::string_view url);

}  // namespace hekto::domain

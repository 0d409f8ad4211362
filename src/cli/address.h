// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace hekto::cli {

/// The part of a base URL that "/v1/…" is put behind: "http://127.0.0.1:8080" for "http://127.0.0.1:8080/v1/",
/// "https://h/replicate" for "https://h/replicate/v1". A missing scheme is http for this machine and https elsewhere.
/// invalid_input for anything with a user, a query or a fragment.
Result<std::string> api_root(std::string_view url);

/// True when `url` leads to this machine (localhost, 127.…, ::1).
bool is_loopback_url(std::string_view url);

struct ModelRef {
  std::string owner;
  std::string name;
  std::string version;  ///< empty: the newest
};
/// Reads OWNER/NAME or OWNER/NAME:VERSION, each of letters, digits, '.', '_' and '-'.
Result<ModelRef> parse_model_ref(std::string_view text);

}  // namespace hekto::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hekto::domain {

/// What is needed to call a URL that a client named.
struct HttpUrl {
  std::string origin;   ///< lower case, without a default port: "https://hooks.example:8443"
  std::string request;  ///< what to ask for: bytes beyond ASCII escaped, without the fragment
};

/// nullopt unless `text` is an absolute http or https URL of at most 4096 bytes, with a host and without a user name
/// or password, and nothing in it could be read in two ways (control characters, spaces, backslashes).
std::optional<HttpUrl> parse_http_url(std::string_view text);

}  // namespace hekto::domain

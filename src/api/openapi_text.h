// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hekto::api {

/// The OpenAPI document as compact JSON, in pieces that follow each other; the URL of its server goes between the two
/// halves, with the escapes of a JSON string.
struct OpenApiText {
  std::span<const std::string_view> before;
  std::span<const std::string_view> after;
};
OpenApiText openapi_text();

/// The document with `server` as its server: a URL, absolute or beginning with '/'. Any thread.
std::string openapi_document(std::string_view server);

}  // namespace hekto::api

// SPDX-License-Identifier: Apache-2.0
#include "api/openapi_text.h"

#include "base/json_text.h"

namespace hekto::api {

std::string openapi_document(std::string_view server) {
  const auto text = openapi_text();
  std::string out;
  for (const auto piece : text.before) out += piece;
  append_json_escaped(out, server);
  for (const auto piece : text.after) out += piece;
  return out;
}

}  // namespace hekto::api

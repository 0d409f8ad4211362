// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "http/message.h"
#include "json/prediction_json.h"

namespace hekto::api {

/// Where in which list a request stands. Filters are part of the cursor, because one client follows a page by its
/// cursor alone.
struct ListRequest {
  std::optional<std::string> id;  ///< of the neighbouring prediction; absent on the first page
  bool newer = false;             ///< direction from there
  std::optional<Time> created_after;
  std::optional<Time> created_before;
  bool web_only = false;  ///< source=web
};

/// From the query parameters cursor, created_after, created_before and source. invalid_input names the bad one.
Result<ListRequest> read_list_request(const http::Request& request);

/// Appends the absolute URL of the neighbouring page as a JSON string, or null when `id` is empty. `path` is the
/// list's, such as "/predictions".
void append_cursor_url(std::string& out, const json::UrlContext& urls, std::string_view path, const ListRequest& from,
                       bool newer, const std::string& id);

}  // namespace hekto::api

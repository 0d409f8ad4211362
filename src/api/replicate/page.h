// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/message.h"
#include "json/prediction_json.h"
#include "ports/store.h"

namespace hekto::api {

/// Where a request stands in a list that goes by time and id.
struct PageRequest {
  std::optional<ports::Position> at;  ///< the neighbouring item; absent on the first page
  bool newer = false;                 ///< direction from there
  std::string filter;                 ///< what else decides the list; travels in the cursor, since one client follows
                                      ///< a page by its cursor alone
};

/// The text of a cursor for the page next to `at`, and back; invalid_input for what is no cursor.
std::string write_page_cursor(const ports::Position& at, bool newer, std::string_view filter);
Result<PageRequest> read_page_cursor(std::string_view cursor);

/// From the query parameter cursor.
Result<PageRequest> read_page_request(const http::Request& request);
ports::PageQuery page_query(std::string account, const PageRequest& request, std::size_t limit);

/// The list object around results that are written already, without their brackets. `first` and `last` are the places
/// of the first and the last of them, absent when there are none; `more` is as in ports::Page. `path` begins with '/'
/// and `extra_query`, when there is one, with '&'.
std::string page_json(const json::UrlContext& urls, std::string_view path, const PageRequest& from,
                      const std::optional<ports::Position>& first, const std::optional<ports::Position>& last,
                      bool more, std::string_view results, std::string_view extra_query = {});

}  // namespace hekto::api

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.h"
#include "api/replicate/model_list.h"

namespace hekto::api {

/// How far a reader has come in a list of models that is made of ours and an upstream's pages.
struct MergedPlace {
  std::optional<ports::Position> ours;  ///< the last one of ours; absent: none yet
  std::string page;                     ///< query of the upstream's page; empty: the first
  std::size_t taken = 0;                ///< how many of that page
  bool ended = false;                   ///< the upstream has no more
};

/// A cursor of such a list. None of an upstream's own looks like it.
struct MergedCursor {
  bool by_creation = false;  ///< as ModelListRequest
  bool ascending = false;
  MergedPlace from;
  std::optional<MergedPlace> before;  ///< where the page before began, when it is known
};
std::string write_merged_cursor(const MergedCursor& cursor);
bool is_merged_cursor(std::string_view text);
/// invalid_input for what is no such cursor.
Result<MergedCursor> read_merged_cursor(std::string_view text);

/// A page of both lists in one order. `previous` leads one page back.
async::Task<http::Response> merged_models(const Api& api, const Call& call, MergedCursor cursor,
                                          std::vector<ListedModel> ours);

}  // namespace hekto::api

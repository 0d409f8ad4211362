// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

#include "ports/store.h"
#include "store/sqlite/database.h"

namespace hekto::store {

/// SQLite takes a negative LIMIT for none at all.
inline std::int64_t limit_number(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, 1 << 30));
}

/// The bounds of a page, as they are bound to (created_at, id) > (?, ?) AND (created_at, id) < (?, ?).
struct PageBounds {
  explicit PageBounds(const ports::PageQuery& query) {
    if (query.after) {
      after_time = to_micros(query.after->created_at);
      after_id = query.after->id;
    }
    if (query.before) {
      before_time = to_micros(query.before->created_at);
      before_id = query.before->id;
    }
    towards_newer = query.after && !query.before;
  }
  std::int64_t after_time = std::numeric_limits<std::int64_t>::min();
  std::string_view after_id;
  std::int64_t before_time = std::numeric_limits<std::int64_t>::max();
  std::string_view before_id;
  bool towards_newer = false;
};

/// Takes up to `limit` rows of a query for one more than that, the first ones being nearest to the cursor.
template <class T>
ports::Page<T> take_page(Query& query, std::size_t limit, bool towards_newer, T (*take)(Query&)) {
  ports::Page<T> page;
  while (query.step()) {
    if (page.items.size() == limit) {
      page.more = true;
      break;
    }
    page.items.push_back(take(query));
  }
  if (towards_newer) std::ranges::reverse(page.items);
  return page;
}

}  // namespace hekto::store

// SPDX-License-Identifier: Apache-2.0
#include "cli/run_output.h"

#include <algorithm>

#include "cli/save_output.h"
#include "json/value_json.h"

namespace hekto::cli {

std::string render_output(const domain::Value& output, bool joined, bool without_files) {
  if (output.is_null()) return {};
  std::string text;
  const auto add = [&](const domain::Value& item) {
    const auto* words = item.as_string();
    if (words != nullptr && !joined && without_files && is_file_url(*words)) return;
    text += words != nullptr ? *words : json::dump(item);
    if (!joined) text += '\n';
  };
  const auto* items = output.as_array();
  const bool is_flat = items != nullptr && std::ranges::none_of(*items, [](const domain::Value& item) {
                         return item.as_array() != nullptr || item.as_object() != nullptr;
                       });
  if (is_flat) {
    for (const auto& item : *items) add(item);
  } else {
    add(output);
  }
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  return text;
}

}  // namespace hekto::cli

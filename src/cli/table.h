// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace hekto::cli {

/// Columns aligned by spaces, two between them, a heading row first. Cells are made printable and put on one line.
/// Widths count code points, so that names in any script line up (double-width characters excepted).
std::string format_table(const std::vector<std::string>& headings, const std::vector<std::vector<std::string>>& rows);

}  // namespace hekto::cli

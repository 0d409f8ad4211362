// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace hekto::domain {

/// What to call a file that another server gave: as its Content-Disposition says (filename* before filename), else the
/// last segment of the URL's path, decoded. Made safe by clean_file_name; empty when neither names anything.
std::string remote_file_name(std::string_view content_disposition, std::string_view url);

}  // namespace hekto::domain

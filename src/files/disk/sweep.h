// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "ports/file_store.h"

namespace hekto::files {

/// The names in an open folder without "." and "..", sorted; empty when it cannot be read.
std::vector<std::string> names_in(int folder);

/// Up to `limit` stored files under `root` that were last modified before `before`, from the one after `position` on
/// ("shard/name"; empty: from the start) and round to it again. `position` becomes the last one returned, so that
/// further calls come to all files however small the limit. Anything whose name is not that of a stored file is left
/// out. storage when `root` cannot be read.
Result<std::vector<ports::StoredFileInfo>> sweep(int root, Time before, std::size_t limit, std::string& position);

}  // namespace hekto::files

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "store/sqlite/data_folder.h"
#include "store/sqlite/database.h"

namespace hekto::store {

/// What this program writes. A database with a higher number was written by a newer one and is refused.
inline constexpr std::int64_t kSchemaVersion = 1;

/// The connection for all writes and all checkpoints, on a database whose schema is kSchemaVersion. Creates the
/// database when the folder has none. Reads a few pages only, whatever the size. storage, with the file and the reason,
/// when the database is empty, damaged, newer or not Hekto's: such a file is left as it is.
Result<Connection> open_for_writing(const DataFolder& folder);

/// A connection that cannot change anything; the one for writing must have been opened before. Throws DatabaseFault.
Connection open_for_reading(const DataFolder& folder);

}  // namespace hekto::store

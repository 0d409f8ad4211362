// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/error.h"

namespace hekto::store {

/// The data folder, held by this process alone for as long as the object lives.
class DataFolder {
 public:
  /// Creates the folder (mode 0700) when it is missing and locks it. unavailable, naming the holder's pid, when another
  /// process or store has it; storage when the file system refuses.
  static Result<DataFolder> acquire(const std::filesystem::path& folder);
  ~DataFolder();
  DataFolder(DataFolder&& other) noexcept;
  DataFolder& operator=(DataFolder&&) = delete;

  std::filesystem::path database() const { return path_ / "hekto.db"; }
  /// Where a new database grows up before it gets its name.
  std::filesystem::path unfinished_database() const { return path_ / "hekto.db.new"; }
  /// Makes names that were created, renamed or removed in the folder survive a power loss.
  Result<void> sync() const;

 private:
  DataFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  int lock_;  // descriptor of the lock file; the kernel drops the lock with it, also after a crash
};

}  // namespace hekto::store

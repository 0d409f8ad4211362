// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "domain/file.h"
#include "ports/clock.h"
#include "ports/file_store.h"
#include "ports/store.h"

namespace hekto::service {

struct FileLimits {
  std::size_t max_bytes = 100 << 20;           ///< of one file
  Duration lifetime = std::chrono::hours(24);  ///< then it is as if it had never been
};

struct NewFile {
  std::string name;          ///< as the client calls it
  std::string content_type;  ///< as the client calls it; empty, malformed or application/octet-stream: found out here
  std::string metadata = "{}";
  std::string bytes;
};

/// Uploaded files, for one owner at a time: another's file is not_found, like an unknown or an expired one. Any thread.
class Files {
 public:
  Files(ports::Store& store, ports::FileStore& files, const ports::Clock& clock, FileLimits limits)
      : store_(store), files_(files), clock_(clock), limits_(limits) {}

  const FileLimits& limits() const { return limits_; }

  /// When this returns a value, bytes and row are synced. too_large over the limit.
  async::Task<Result<domain::File>> create(std::string account, NewFile file);
  async::Task<Result<domain::File>> get(std::string_view account, std::string_view id);
  /// For signed links, which say themselves whose file they open.
  async::Task<Result<domain::File>> get_unchecked(std::string_view id);
  async::Task<Result<ports::Page<domain::File>>> list(ports::PageQuery query);
  /// Its bytes go with the next sweep of the retention.
  async::Task<Result<void>> remove(std::string account, std::string id);

 private:
  ports::Store& store_;
  ports::FileStore& files_;
  const ports::Clock& clock_;
  const FileLimits limits_;
};

}  // namespace hekto::service

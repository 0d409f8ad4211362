// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "async/task.h"
#include "base/error.h"
#include "ports/file_store.h"

namespace hekto::ports {

/// A file that nobody else can name and that is gone with the last reference to it, also when the process is killed.
class ScratchFile : public StoredFile {
 public:
  /// Blocks on the disk. One thread at a time, and nothing is read before the last append has returned. storage when
  /// the disk refuses.
  virtual Result<void> append(std::string_view bytes) = 0;
};

/// Room for bytes that are needed for as long as a run. Nothing in it is ever synced.
class Scratch {
 public:
  virtual ~Scratch() = default;
  /// An empty file. Any thread; storage when the disk refuses.
  virtual async::Task<Result<std::shared_ptr<ScratchFile>>> make() = 0;
};

}  // namespace hekto::ports

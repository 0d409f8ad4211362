// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "async/blocking_pool.h"
#include "files/disk/posix.h"
#include "ports/scratch.h"

namespace hekto::files {

/// ports::Scratch in a local folder, whose files have no name there: the kernel frees them with their last descriptor.
class DiskScratch final : public ports::Scratch {
 public:
  /// Creates the folder (mode 0700) when it is missing and removes what is in it, so one process at a time. Disk work
  /// is done on `pool`, which must outlive this and every file made by it. storage when the file system refuses.
  static Result<std::unique_ptr<DiskScratch>> open(const std::filesystem::path& folder, async::BlockingPool& pool);

  async::Task<Result<std::shared_ptr<ports::ScratchFile>>> make() override;

 private:
  DiskScratch(Descriptor folder, async::BlockingPool& pool) : folder_(std::move(folder)), pool_(pool) {}
  Result<std::shared_ptr<ports::ScratchFile>> make_now();

  const Descriptor folder_;
  async::BlockingPool& pool_;
};

}  // namespace hekto::files

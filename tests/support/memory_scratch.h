// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "ports/scratch.h"

namespace hekto::test {

/// ports::Scratch in memory, which knows how many of its files are still there. Must outlive them.
class MemoryScratch final : public ports::Scratch {
 public:
  async::Task<Result<std::shared_ptr<ports::ScratchFile>>> make() override {
    if (full) co_return fail(ErrorCode::storage, "disk full, on purpose");
    co_return std::make_shared<File>(alive_, made_);
  }
  int alive() const { return alive_; }
  int made() const { return made_; }

  std::atomic<bool> full = false;  ///< no more files

 private:
  class File final : public ports::ScratchFile {
   public:
    File(std::atomic<int>& alive, std::atomic<int>& made) : alive_(alive) { ++alive, ++made; }
    ~File() override { --alive_; }
    std::uint64_t size() const override { return bytes_.size(); }
    int descriptor() const override { return -1; }
    Result<void> append(std::string_view bytes) override {
      bytes_.append(bytes);
      return {};
    }
    async::Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) override {
      co_return bytes_.substr(static_cast<std::size_t>(std::min<std::uint64_t>(offset, bytes_.size())), length);
    }

   private:
    std::atomic<int>& alive_;
    std::string bytes_;
  };

  std::atomic<int> alive_{0}, made_{0};
};

}  // namespace hekto::test

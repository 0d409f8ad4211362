// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/hash.h"
#include "ports/relay.h"

namespace hekto::test {

/// A file on its way that remembers what was done with it. Any thread.
class RecordingFile final : public ports::ArrivingFile {
 public:
  async::Task<Result<void>> begin() override {
    std::scoped_lock lock(mutex_);
    bytes_.clear();
    ++begun_;
    co_return Result<void>{};
  }
  void describe(std::string content_type, std::optional<std::uint64_t> length) override {
    std::scoped_lock lock(mutex_);
    described_.emplace_back(std::move(content_type), length);
  }
  Result<void> append(std::string_view bytes) override {
    std::scoped_lock lock(mutex_);
    if (full_) return fail(ErrorCode::storage, "the disk is full, on purpose");
    bytes_ += bytes;
    return {};
  }
  std::uint64_t size() const override {
    std::scoped_lock lock(mutex_);
    return bytes_.size();
  }
  void broke() override {
    std::scoped_lock lock(mutex_);
    ++broken_;
  }
  async::Task<Result<ports::FileKey>> finish() override {
    std::scoped_lock lock(mutex_);
    ++finished_;
    co_return ports::FileKey{"owner", hex_encode(sha256(bytes_))};
  }

  using Described = std::vector<std::pair<std::string, std::optional<std::uint64_t>>>;
  std::string bytes() const { return get(bytes_); }
  Described described() const { return get(described_); }
  int begun() const { return get(begun_); }
  int broken() const { return get(broken_); }
  int finished() const { return get(finished_); }
  void fill_disk() {
    std::scoped_lock lock(mutex_);
    full_ = true;
  }

 private:
  template <class T>
  T get(const T& member) const {
    std::scoped_lock lock(mutex_);
    return member;
  }
  mutable std::mutex mutex_;  // guards everything below
  std::string bytes_;
  Described described_;
  int begun_ = 0, broken_ = 0, finished_ = 0;
  bool full_ = false;
};

}  // namespace hekto::test

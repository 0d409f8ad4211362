// SPDX-License-Identifier: Apache-2.0
#include "tests/support/memory_file_store.h"

#include <algorithm>
#include <chrono>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/ids.h"

namespace hekto::test {
namespace {

class MemoryFile final : public ports::StoredFile {
 public:
  explicit MemoryFile(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_->size(); }
  int descriptor() const override { return -1; }
  async::Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) override {
    if (offset >= bytes_->size()) co_return std::string();
    co_return bytes_->substr(static_cast<std::size_t>(offset), length);
  }

 private:
  std::shared_ptr<const std::string> bytes_;
};

class MemoryGrowing final : public ports::StoredFile {
 public:
  void append(std::string_view bytes) {
    std::scoped_lock lock(mutex_);
    bytes_ += bytes;
  }
  std::string all() const {
    std::scoped_lock lock(mutex_);
    return bytes_;
  }
  std::uint64_t size() const override {
    std::scoped_lock lock(mutex_);
    return bytes_.size();
  }
  int descriptor() const override { return -1; }
  async::Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) override {
    std::scoped_lock lock(mutex_);
    if (offset >= bytes_.size()) co_return std::string();
    co_return bytes_.substr(static_cast<std::size_t>(offset), length);
  }

 private:
  mutable std::mutex mutex_;
  std::string bytes_;  // guarded by mutex_
};

class MemoryIncoming final : public ports::IncomingFile {
 public:
  MemoryIncoming(ports::FileStore& store, std::string owner) : store_(store), owner_(std::move(owner)) {}
  Result<void> append(std::string_view bytes) override {
    content_->append(bytes);
    return {};
  }
  std::uint64_t size() const override { return content_->size(); }
  std::shared_ptr<ports::StoredFile> content() override { return content_; }
  async::Task<Result<ports::FileKey>> finish() override { return store_.put(owner_, content_->all()); }

 private:
  ports::FileStore& store_;
  const std::string owner_;
  const std::shared_ptr<MemoryGrowing> content_ = std::make_shared<MemoryGrowing>();
};

}  // namespace

MemoryFileStore::MemoryFileStore(std::function<Time()> now)
    : now_(now ? std::move(now) : [] { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }) {}

async::Task<Result<ports::FileKey>> MemoryFileStore::put(std::string owner, std::string bytes) {
  if (!is_id(owner)) co_return fail(ErrorCode::invalid_input, "the owner must be an id");
  ports::FileKey key{std::move(owner), hex_encode(sha256(bytes))};
  std::scoped_lock lock(mutex_);
  files_[{key.owner, key.sha256}] = {std::make_shared<const std::string>(std::move(bytes)), now_()};
  co_return key;
}

async::Task<Result<std::shared_ptr<ports::IncomingFile>>> MemoryFileStore::receive(std::string owner) {
  if (!is_id(owner)) co_return fail(ErrorCode::invalid_input, "the owner must be an id");
  co_return std::make_shared<MemoryIncoming>(*this, std::move(owner));
}

async::Task<Result<std::shared_ptr<ports::StoredFile>>> MemoryFileStore::open(ports::FileKey key) {
  std::scoped_lock lock(mutex_);
  const auto found = files_.find({key.owner, key.sha256});
  if (found == files_.end()) co_return fail(ErrorCode::not_found, "there is no such file");
  co_return std::make_shared<MemoryFile>(found->second.bytes);
}

async::Task<Result<void>> MemoryFileStore::remove(ports::FileKey key) {
  std::scoped_lock lock(mutex_);
  files_.erase({key.owner, key.sha256});
  co_return Result<void>();
}

async::Task<Result<std::vector<ports::StoredFileInfo>>> MemoryFileStore::list(Time before, std::size_t limit) {
  std::scoped_lock lock(mutex_);
  std::vector<ports::StoredFileInfo> found;
  auto at = files_.upper_bound(position_);
  for (std::size_t seen = 0; seen < files_.size() && found.size() < limit; ++seen, ++at) {
    if (at == files_.end()) at = files_.begin();
    if (at->second.modified_at >= before) continue;
    position_ = at->first;
    found.push_back({{at->first.first, at->first.second}, at->second.bytes->size(), at->second.modified_at});
  }
  co_return found;
}

std::size_t MemoryFileStore::size() const {
  std::scoped_lock lock(mutex_);
  return files_.size();
}

}  // namespace hekto::test

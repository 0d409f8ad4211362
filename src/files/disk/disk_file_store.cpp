// SPDX-License-Identifier: Apache-2.0
#include "files/disk/disk_file_store.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/ids.h"
#include "files/disk/sweep.h"

namespace hekto::files {
namespace {

bool is_key(const ports::FileKey& key) {
  return is_id(key.owner) && key.sha256.size() == 64 &&
         key.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string name_of(const ports::FileKey& key) { return key.owner + "-" + key.sha256; }
std::string shard_of(const std::string& owner) { return owner.substr(owner.size() - 2); }

class DiskFile final : public ports::StoredFile, public std::enable_shared_from_this<DiskFile> {
 public:
  DiskFile(Descriptor file, std::uint64_t size, async::BlockingPool& pool)
      : file_(std::move(file)), size_(size), pool_(pool) {}
  std::uint64_t size() const override { return size_; }
  int descriptor() const override { return file_.get(); }
  async::Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) override {
    const auto left = offset < size_ ? size_ - offset : 0;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(length, left));
    // Holds itself: the caller may be gone before the pool gets to it.
    return pool_.run(
        [self = shared_from_this(), offset, wanted] { return read_at(self->file_.get(), wanted, offset); });
  }

 private:
  const Descriptor file_;
  const std::uint64_t size_;
  async::BlockingPool& pool_;
};

/// A file that is still being written.
class GrowingFile final : public ports::StoredFile, public std::enable_shared_from_this<GrowingFile> {
 public:
  GrowingFile(std::shared_ptr<const Descriptor> file, async::BlockingPool& pool)
      : file_(std::move(file)), pool_(pool) {}
  void grow(std::size_t bytes) { size_ += bytes; }
  std::uint64_t size() const override { return size_; }
  int descriptor() const override { return file_->get(); }
  async::Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) override {
    const std::uint64_t size = size_;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(length, offset < size ? size - offset : 0));
    return pool_.run(
        [self = shared_from_this(), offset, wanted] { return read_at(self->file_->get(), wanted, offset); });
  }

 private:
  const std::shared_ptr<const Descriptor> file_;
  async::BlockingPool& pool_;
  std::atomic<std::uint64_t> size_{0};
};

/// Whether `name` is there with `size` bytes; then its modification time becomes now.
bool refresh(int folder, const std::string& name, std::size_t size) {
  struct stat info{};
  if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) != size) return false;
  return ::utimensat(folder, name.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) == 0;
}

/// What a crash left behind. Failing to remove it costs space, nothing else.
void empty_folder(int folder) {
  for (const auto& name : names_in(folder)) ::unlinkat(folder, name.c_str(), 0);
}

}  // namespace

class DiskFileStore::Incoming final : public ports::IncomingFile, public std::enable_shared_from_this<Incoming> {
 public:
  Incoming(DiskFileStore& store, std::string owner, std::unique_ptr<Draft> draft)
      : store_(store),
        owner_(std::move(owner)),
        draft_(std::move(draft)),
        content_(std::make_shared<GrowingFile>(draft_->descriptor(), store.pool_)) {}
  Result<void> append(std::string_view bytes) override {
    hash_.update(bytes);
    if (auto written = draft_->append(bytes); !written) return written;
    content_->grow(bytes.size());
    return {};
  }
  std::uint64_t size() const override { return content_->size(); }
  std::shared_ptr<ports::StoredFile> content() override { return content_; }
  async::Task<Result<ports::FileKey>> finish() override {
    // Holds itself: the caller may be gone before the pool gets to it.
    return store_.pool_.run([self = shared_from_this()]() -> Result<ports::FileKey> {
      ports::FileKey key{self->owner_, hex_encode(self->hash_.finish())};
      if (auto published = self->store_.publish(*self->draft_, key); !published) {
        return std::unexpected(published.error());
      }
      return key;
    });
  }

 private:
  DiskFileStore& store_;
  const std::string owner_;
  const std::unique_ptr<Draft> draft_;
  const std::shared_ptr<GrowingFile> content_;
  Sha256 hash_;
};

Result<std::unique_ptr<DiskFileStore>> DiskFileStore::open(const std::filesystem::path& folder,
                                                           async::BlockingPool& pool) {
  const auto path = std::filesystem::absolute(folder).lexically_normal();
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return fail(ErrorCode::storage, "cannot create " + path.parent_path().string() + ": " + error.message());
  const bool created = ::mkdir(path.c_str(), 0700) == 0;
  if (!created && errno != EEXIST) return refused("cannot create " + path.string());
  Descriptor root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return refused("cannot open " + path.string());
  if (::mkdirat(root.get(), "tmp", 0700) != 0 && errno != EEXIST)
    return refused("cannot create " + path.string() + "/tmp");
  Descriptor unfinished = open_folder(root.get(), "tmp");
  if (!unfinished) return refused("cannot open " + path.string() + "/tmp");
  empty_folder(unfinished.get());
  const Descriptor parent(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (::fsync(root.get()) != 0 || (created && (!parent || ::fsync(parent.get()) != 0))) {
    return refused("cannot sync " + path.string());
  }
  return std::unique_ptr<DiskFileStore>(new DiskFileStore(std::move(root), std::move(unfinished), pool));
}

async::Task<Result<ports::FileKey>> DiskFileStore::put(std::string owner, std::string bytes) {
  return pool_.run([this, owner = std::move(owner), bytes = std::move(bytes)] { return put_now(owner, bytes); });
}

async::Task<Result<std::shared_ptr<ports::IncomingFile>>> DiskFileStore::receive(std::string owner) {
  return pool_.run([this, owner = std::move(owner)]() -> Result<std::shared_ptr<ports::IncomingFile>> {
    if (!is_id(owner)) return fail(ErrorCode::invalid_input, "the owner of a file must be a prediction id");
    auto draft = Draft::make(unfinished_);
    if (!draft) return std::unexpected(draft.error());
    return std::make_shared<Incoming>(*this, owner, std::move(*draft));
  });
}

async::Task<Result<std::shared_ptr<ports::StoredFile>>> DiskFileStore::open(ports::FileKey key) {
  return pool_.run([this, key = std::move(key)] { return open_now(key); });
}

async::Task<Result<void>> DiskFileStore::remove(ports::FileKey key) {
  return pool_.run([this, key = std::move(key)] { return remove_now(key); });
}

async::Task<Result<std::vector<ports::StoredFileInfo>>> DiskFileStore::list(Time before, std::size_t limit) {
  return pool_.run([this, before, limit] { return list_now(before, limit); });
}

Result<ports::FileKey> DiskFileStore::put_now(const std::string& owner, const std::string& bytes) {
  if (!is_id(owner)) return fail(ErrorCode::invalid_input, "the owner of a file must be a prediction id");
  ports::FileKey key{owner, hex_encode(sha256(bytes))};
  const auto shard = shard_for_writing(shard_of(owner));
  if (!shard) return std::unexpected(shard.error());
  if (refresh(shard->get(), name_of(key), bytes.size())) {
    // The call that put it there may not have come to this line yet.
    if (::fsync(shard->get()) != 0) return refused("a folder of stored files cannot be synced");
    return key;
  }
  auto draft = Draft::make(unfinished_);
  if (!draft) return std::unexpected(draft.error());
  if (auto written = (*draft)->append(bytes); !written) return std::unexpected(written.error());
  if (auto published = publish(**draft, key); !published) return std::unexpected(published.error());
  return key;
}

Result<Descriptor> DiskFileStore::shard_for_writing(const std::string& name) {
  {
    std::scoped_lock lock(shards_mutex_);
    if (!synced_shards_.contains(name)) {
      // Once a process, even when it exists: whoever made it may not have lived to sync it.
      if (::mkdirat(root_.get(), name.c_str(), 0700) != 0 && errno != EEXIST) return refused("a folder cannot be made");
      if (::fsync(root_.get()) != 0) return refused("the folder of stored files cannot be synced");
      synced_shards_.insert(name);
    }
  }
  Descriptor shard = open_folder(root_.get(), name);
  if (!shard) return refused("a folder of stored files cannot be opened");
  return shard;
}

Result<void> DiskFileStore::publish(Draft& draft, const ports::FileKey& key) {
  const auto shard = shard_for_writing(shard_of(key.owner));
  if (!shard) return std::unexpected(shard.error());
  if (auto named = draft.give_name(*shard, name_of(key)); !named) return named;
  if (::fsync(shard->get()) != 0) return refused("a folder of stored files cannot be synced");
  return {};
}

Result<std::shared_ptr<ports::StoredFile>> DiskFileStore::open_now(const ports::FileKey& key) {
  if (!is_key(key)) return fail(ErrorCode::not_found, "there is no such file");
  const Descriptor shard = open_folder(root_.get(), shard_of(key.owner));
  if (!shard && errno == ENOENT) return fail(ErrorCode::not_found, "there is no such file");
  if (!shard) return refused("a folder of stored files cannot be opened");
  // Without O_NONBLOCK, a named pipe in this place would hold the thread for ever.
  Descriptor file(::openat(shard.get(), name_of(key).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) return fail(ErrorCode::not_found, "there is no such file");
  if (!file) return refused("a stored file cannot be opened");
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return refused("a stored file cannot be opened");
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::storage, "a stored file is not a regular file");
  return std::make_shared<DiskFile>(std::move(file), static_cast<std::uint64_t>(info.st_size), pool_);
}

Result<void> DiskFileStore::remove_now(const ports::FileKey& key) {
  if (!is_key(key)) return {};
  const Descriptor shard = open_folder(root_.get(), shard_of(key.owner));
  if (!shard && errno == ENOENT) return {};
  if (!shard) return refused("a folder of stored files cannot be opened");
  // Not synced: a file that comes back after a power loss is found again by the sweep for orphans.
  if (::unlinkat(shard.get(), name_of(key).c_str(), 0) != 0 && errno != ENOENT)
    return refused("a file cannot be removed");
  return {};
}

Result<std::vector<ports::StoredFileInfo>> DiskFileStore::list_now(Time before, std::size_t limit) {
  std::scoped_lock lock(sweep_mutex_);
  return sweep(root_.get(), before, limit, sweep_position_);
}

}  // namespace hekto::files

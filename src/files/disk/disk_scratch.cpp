// SPDX-License-Identifier: Apache-2.0
#include "files/disk/disk_scratch.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "base/encoding.h"
#include "base/random.h"
#include "files/disk/sweep.h"

namespace hekto::files {
namespace {

class DiskScratchFile final : public ports::ScratchFile, public std::enable_shared_from_this<DiskScratchFile> {
 public:
  DiskScratchFile(Descriptor file, async::BlockingPool& pool) : file_(std::move(file)), pool_(pool) {}
  std::uint64_t size() const override { return size_; }
  int descriptor() const override { return file_.get(); }
  Result<void> append(std::string_view bytes) override {
    if (!write_all(file_.get(), bytes)) return refused("a temporary file cannot be written");
    size_ += bytes.size();
    return {};
  }
  async::Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) override {
    const std::uint64_t size = size_;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(length, offset < size ? size - offset : 0));
    // Holds itself: the caller may be gone before the pool gets to it.
    return pool_.run(
        [self = shared_from_this(), offset, wanted] { return read_at(self->file_.get(), wanted, offset); });
  }

 private:
  const Descriptor file_;
  async::BlockingPool& pool_;
  std::atomic<std::uint64_t> size_{0};
};

}  // namespace

Result<std::unique_ptr<DiskScratch>> DiskScratch::open(const std::filesystem::path& folder, async::BlockingPool& pool) {
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path(), error);
  if (error) return fail(ErrorCode::storage, "cannot create " + folder.parent_path().string() + ": " + error.message());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return refused("cannot create " + folder.string());
  Descriptor opened = open_folder(AT_FDCWD, folder.string());
  if (!opened) return refused("cannot open " + folder.string());
  // Of a process that was killed between making a file and taking its name away; failing costs space, nothing else.
  for (const auto& name : names_in(opened.get())) ::unlinkat(opened.get(), name.c_str(), 0);
  return std::unique_ptr<DiskScratch>(new DiskScratch(std::move(opened), pool));
}

async::Task<Result<std::shared_ptr<ports::ScratchFile>>> DiskScratch::make() {
  return pool_.run([this] { return make_now(); });
}

Result<std::shared_ptr<ports::ScratchFile>> DiskScratch::make_now() {
  Descriptor file(::openat(folder_.get(), ".", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
  if (!file && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    // A file system without unnamed files: the name goes as soon as the file is open.
    const auto name = hex_encode(random_string_bytes(16));
    file = Descriptor(::openat(folder_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file && ::unlinkat(folder_.get(), name.c_str(), 0) != 0) return refused("a temporary file cannot be made");
  }
  if (!file) return refused("a temporary file cannot be made");
  return std::make_shared<DiskScratchFile>(std::move(file), pool_);
}

}  // namespace hekto::files

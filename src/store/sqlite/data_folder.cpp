// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/data_folder.h"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace hekto::store {
namespace {

std::unexpected<Error> refuse(const std::filesystem::path& path, const char* what, int error) {
  return fail(ErrorCode::storage, std::string(what) + " " + path.string() + ": " +
                                      std::error_code(error, std::generic_category()).message());
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return refuse(folder, "cannot open", errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (error != 0) return refuse(folder, "cannot sync", error);
  return {};
}

/// What the holder of the lock wrote into it.
std::string holder(int lock) {
  char text[32] = {};
  const ssize_t size = ::pread(lock, text, sizeof text - 1, 0);
  std::string pid(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!pid.empty() && (pid.back() < '0' || pid.back() > '9')) pid.pop_back();
  return pid.empty() ? "unknown" : pid;
}

}  // namespace

Result<DataFolder> DataFolder::acquire(const std::filesystem::path& folder) {
  const auto path = std::filesystem::absolute(folder).lexically_normal();
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return refuse(path.parent_path(), "cannot create", error.value());
  if (::mkdir(path.c_str(), 0700) == 0) {
    if (auto synced = sync_folder(path.parent_path()); !synced) return std::unexpected(synced.error());
  } else if (errno != EEXIST) {
    return refuse(path, "cannot create", errno);
  }

  const auto file = path / "lock";
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return refuse(file, "cannot open", errno);
  DataFolder held(path, lock);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return refuse(file, "cannot lock", errno);
    return fail(ErrorCode::unavailable,
                "the data folder " + path.string() + " is in use by another hekto (pid " + holder(lock) + ")");
  }
  // The pid only helps people; the lock itself is what counts, so it matters little whether this reaches the disk.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock, 0) != 0 || ::pwrite(lock, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return refuse(file, "cannot write", errno);
  }
  return held;
}

DataFolder::~DataFolder() {
  if (lock_ >= 0) ::close(lock_);
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

Result<void> DataFolder::sync() const { return sync_folder(path_); }

}  // namespace hekto::store

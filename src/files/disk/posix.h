// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace hekto::files {

/// Owns a file descriptor. Close errors say nothing that an earlier fsync did not.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// storage, with what could not be done and the meaning of the current errno.
std::unexpected<Error> refused(std::string_view what);

/// Opens a folder inside `parent`, which must be no symbolic link. Empty with errno set when that fails.
Descriptor open_folder(int parent, const std::string& name);

/// Writes all of `bytes`, however often the kernel takes less. False with errno set.
bool write_all(int fd, std::string_view bytes);

/// Up to `length` bytes from `offset`, less only at the end of the file.
Result<std::string> read_at(int fd, std::size_t length, std::uint64_t offset);

}  // namespace hekto::files

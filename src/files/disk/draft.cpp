// SPDX-License-Identifier: Apache-2.0
#include "files/disk/draft.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/random.h"

namespace hekto::files {

Result<std::unique_ptr<Draft>> Draft::make(const Descriptor& folder) {
  auto name = hex_encode(random_string_bytes(16));
  Descriptor file(::openat(folder.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return refused("a file cannot be created");
  return std::unique_ptr<Draft>(new Draft(folder, std::move(name), std::move(file)));
}

Draft::~Draft() {
  if (!name_.empty()) ::unlinkat(folder_.get(), name_.c_str(), 0);
}

Result<void> Draft::append(std::string_view bytes) {
  if (!write_all(file_->get(), bytes)) return refused("a file cannot be written");
  return {};
}

Result<void> Draft::give_name(const Descriptor& target, const std::string& name) {
  if (::fdatasync(file_->get()) != 0) return refused("a file cannot be synced");
  if (::renameat(folder_.get(), name_.c_str(), target.get(), name.c_str()) != 0) {
    return refused("a file cannot be given its name");
  }
  name_.clear();
  return {};
}

}  // namespace hekto::files

// SPDX-License-Identifier: Apache-2.0
#include "files/disk/sweep.h"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ids.h"
#include "files/disk/posix.h"

namespace hekto::files {
namespace {

constexpr std::size_t kIdSize = 26;
constexpr std::size_t kHashSize = 64;

/// The key that `name` in `shard` stands for.
std::optional<ports::FileKey> key_of(std::string_view shard, std::string_view name) {
  if (name.size() != kIdSize + 1 + kHashSize || name[kIdSize] != '-') return std::nullopt;
  const auto owner = name.substr(0, kIdSize);
  const auto hash = name.substr(kIdSize + 1);
  if (!is_id(owner) || !owner.ends_with(shard)) return std::nullopt;
  if (hash.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  return ports::FileKey{std::string(owner), std::string(hash)};
}

Time modified_at(const struct stat& info) {
  return from_micros(info.st_mtim.tv_sec * 1'000'000 + info.st_mtim.tv_nsec / 1000);
}

/// One way through all files in the order of their places, from `first` (exclusive) to `last` (inclusive, empty: end).
class Walk {
 public:
  Walk(int root, const std::vector<std::string>& shards, Time before, std::size_t limit)
      : root_(root), shards_(shards), before_(before), limit_(limit) {}

  void go(const std::string& first, const std::string& last) {
    for (const auto& shard : shards_) {
      // "~" sorts after every character of a name.
      if (full() || (!last.empty() && shard + "/" > last)) return;
      if (shard + "/~" > first) look_into(shard, first, last);
    }
  }
  bool full() const { return found_.size() >= limit_; }
  std::vector<ports::StoredFileInfo> take() { return std::move(found_); }
  const std::string& position() const { return position_; }

 private:
  void look_into(const std::string& shard, const std::string& first, const std::string& last) {
    const Descriptor folder = open_folder(root_, shard);
    if (!folder) return;
    for (const auto& name : names_in(folder.get())) {
      const auto place = shard + "/" + name;
      if (place <= first) continue;
      if (full() || (!last.empty() && place > last)) return;
      auto key = key_of(shard, name);
      struct stat info{};
      if (!key || ::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (!S_ISREG(info.st_mode) || modified_at(info) >= before_) continue;
      found_.push_back({std::move(*key), static_cast<std::uint64_t>(info.st_size), modified_at(info)});
      position_ = place;
    }
  }

  const int root_;
  const std::vector<std::string>& shards_;
  const Time before_;
  const std::size_t limit_;
  std::vector<ports::StoredFileInfo> found_;
  std::string position_;
};

}  // namespace

std::vector<std::string> names_in(int folder) {
  std::vector<std::string> names;
  // A descriptor of its own: reading moves the position that duplicates would share.
  const int own = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(own), ::closedir);
  if (!directory) {
    ::close(own);
    return names;
  }
  while (const auto* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

Result<std::vector<ports::StoredFileInfo>> sweep(int root, Time before, std::size_t limit, std::string& position) {
  if (::faccessat(root, ".", R_OK | X_OK, 0) != 0) return refused("the folder of stored files cannot be read");
  auto shards = names_in(root);
  std::erase_if(shards, [](const std::string& name) { return name.size() != 2; });
  Walk walk(root, shards, before, limit);
  walk.go(position, {});
  if (!position.empty()) walk.go({}, position);
  if (!walk.position().empty()) position = walk.position();
  return walk.take();
}

}  // namespace hekto::files

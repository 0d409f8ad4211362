// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/api_client.h"
#include "domain/value.h"

namespace hekto::cli {

/// True for a text that is a link to a file, or a file itself: http:, https: and data: URLs.
bool is_file_url(std::string_view text);

/// Every such text in an output, however deep, in order.
std::vector<std::string> file_urls(const domain::Value& output);

/// A name for the file behind `url` that stays inside any folder it is put in: the last segment of the path, letters,
/// digits, '.', '_' and '-' only, not beginning with a dot, at most 100 characters; "output" when nothing is left.
/// data: URLs are called "output" with the ending of their type.
std::string safe_file_name(std::string_view url);

/// A file that did not exist before, open for writing. Removed again unless keep() was called.
class NewFile {
 public:
  /// Makes `folder`/`name`, or "stem-1.ext", "stem-2.ext" … when that is taken: nothing is ever overwritten, and a
  /// symbolic link is not followed. `folder` is made when it is missing. storage when the disk refuses.
  static Result<NewFile> create(const std::filesystem::path& folder, const std::string& name);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  bool write(std::string_view bytes);
  /// Closes the file and lets it stay. storage when its bytes could not all be written.
  Result<void> keep();
  const std::filesystem::path& path() const { return path_; }

 private:
  NewFile(std::filesystem::path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::filesystem::path path_;
  int descriptor_ = -1;
  bool failed_ = false;
};

/// Stores the file behind `url` in `folder` and returns its path. On failure nothing is left behind.
Result<std::filesystem::path> save_file(ApiClient& client, const std::string& url, const std::filesystem::path& folder,
                                        const std::function<bool()>& should_stop);

}  // namespace hekto::cli

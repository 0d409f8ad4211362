// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "files/disk/posix.h"

namespace hekto::files {

/// A file that is being written under a random name and has none of its own yet. Removed when it is dropped unnamed.
/// Blocks on the disk; one thread at a time.
class Draft {
 public:
  /// `folder` outlives the draft. storage when the file system refuses.
  static Result<std::unique_ptr<Draft>> make(const Descriptor& folder);
  ~Draft();
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  Result<void> append(std::string_view bytes);
  /// Open for reading too; it may outlive the draft.
  std::shared_ptr<const Descriptor> descriptor() const { return file_; }
  /// Syncs the content and renames it to `name` in `target`, whose entries the caller syncs. Call once.
  Result<void> give_name(const Descriptor& target, const std::string& name);

 private:
  Draft(const Descriptor& folder, std::string name, Descriptor file)
      : folder_(folder), name_(std::move(name)), file_(std::make_shared<const Descriptor>(std::move(file))) {}

  const Descriptor& folder_;
  std::string name_;  // empty once it is gone from the folder
  const std::shared_ptr<const Descriptor> file_;
};

}  // namespace hekto::files

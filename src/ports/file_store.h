// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"

namespace hekto::ports {

/// Names a stored file: the content's hash within an owner. Owners never share bytes, so removing one owner's file
/// can never take another's away.
struct FileKey {
  std::string owner;   ///< 26 lower-case base32 characters: the prediction or the upload that the file is of
  std::string sha256;  ///< 64 lower-case hex characters
  friend bool operator==(const FileKey&, const FileKey&) = default;
};

/// An open stored file. Readable even if the file is removed meanwhile. Any thread; calls may overlap.
class StoredFile {
 public:
  virtual ~StoredFile() = default;
  virtual std::uint64_t size() const = 0;
  /// A file descriptor to send from, owned by this object, or -1 when the bytes are not in a local file.
  virtual int descriptor() const = 0;
  /// Up to `length` bytes from `offset`; shorter only at the end. storage on a read error.
  virtual async::Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) = 0;
};

struct StoredFileInfo {
  FileKey key;
  std::uint64_t size = 0;
  Time modified_at{};
};

/// A file on its way in. Nobody can name it before finish(), and dropped before that, it leaves nothing behind; a crash
/// leaves what the next start removes. One thread at a time.
class IncomingFile {
 public:
  virtual ~IncomingFile() = default;
  /// Blocks on the disk. storage when it refuses; then the file is of no use any more.
  virtual Result<void> append(std::string_view bytes) = 0;
  virtual std::uint64_t size() const = 0;
  /// What was appended so far, for readers while more comes: its size() grows with every append that has returned, and
  /// what is there stays readable whatever becomes of this file. Any thread; each call gives the same.
  virtual std::shared_ptr<StoredFile> content() = 0;
  /// As FileStore::put of all that was appended. Call once, with nothing after it; the file may be dropped meanwhile.
  virtual async::Task<Result<FileKey>> finish() = 0;
};

/// Keeps output files and uploads by content. All methods: any thread; the result arrives on the caller's executor.
class FileStore {
 public:
  virtual ~FileStore() = default;
  /// Stores `bytes` for `owner` and returns their key. Once it returns, the bytes survive a power loss. Storing what is
  /// already there is no error. invalid_input when owner is malformed; storage when the disk refuses (nothing partial
  /// is ever visible under a key). Storing it again counts as a modification.
  virtual async::Task<Result<FileKey>> put(std::string owner, std::string bytes) = 0;
  /// Takes a file piece by piece that need not fit into memory. The store outlives it. invalid_input when owner is
  /// malformed; storage when the disk refuses.
  virtual async::Task<Result<std::shared_ptr<IncomingFile>>> receive(std::string owner) = 0;
  /// not_found when there is no such file; storage when it cannot be read. size() is the length that is really there:
  /// whoever keeps the length that was put compares the two before serving anything.
  virtual async::Task<Result<std::shared_ptr<StoredFile>>> open(FileKey key) = 0;
  /// Removes the file; removing what is not there is no error.
  virtual async::Task<Result<void>> remove(FileKey key) = 0;
  /// Files last modified (put) before `before`, at most `limit`, in no particular order: what a sweep for orphans looks
  /// at. Each call goes on where the last one stopped and round, so that a small limit comes to every file in time.
  virtual async::Task<Result<std::vector<StoredFileInfo>>> list(Time before, std::size_t limit) = 0;
};

}  // namespace hekto::ports

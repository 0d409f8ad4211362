// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/chunked.h"
#include "http/head.h"
#include "http/message.h"

namespace hekto::http {

/// Bytes that arrived and were not consumed. Views of them hold until make_room() or assign().
class InputBuffer {
 public:
  static constexpr std::size_t kUsual = 4096;  ///< enough for nearly every request; grows for the others

  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  /// Where the next bytes go; never empty right after make_room() returned true.
  std::span<char> space() { return {data_.get() + end_, capacity_ - end_}; }
  void commit(std::size_t bytes) { end_ += bytes; }
  void consume(std::size_t bytes);
  /// Makes space by moving or, up to `most` bytes in all, by growing. False when neither is possible.
  bool make_room(std::size_t most);
  /// Replaces the content.
  void assign(std::string_view bytes);
  /// Empties it, back to the usual size.
  void reset();

 private:
  std::unique_ptr<char[]> data_ = std::make_unique_for_overwrite<char[]>(kUsual);
  std::size_t capacity_ = kUsual;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// All that a connection needs while it has a request, and gives back when it is idle.
struct Workspace {
  InputBuffer in;
  HeadScanner scanner;
  Framing framing;
  Request request;
  ChunkDecoder chunks;
  std::string body;   ///< of a request that did not fit `in`, or came in chunks
  std::string carry;  ///< what followed a chunked body: the start of the next request
  std::string out;    ///< response head, and small bodies over TLS

  /// Ready for the next request; strings keep their memory.
  void clear_request();
  /// As clear_request, and lets go of memory beyond the usual.
  void reset();
};

/// Workspaces of one thread that are not in use. A few are kept: the rest is memory that idle connections do not cost.
class WorkspacePool {
 public:
  std::unique_ptr<Workspace> take();
  void give_back(std::unique_ptr<Workspace> workspace);

 private:
  std::vector<std::unique_ptr<Workspace>> free_;
};

}  // namespace hekto::http

// SPDX-License-Identifier: Apache-2.0
#include "api/live_response.h"

#include <algorithm>

#include "api/file_response.h"

namespace hekto::api {
namespace {

using service::LiveFile;

/// Read and sent at once.
constexpr std::size_t kPiece = 64 << 10;
/// How often a reader that waits asks whether the server drains.
constexpr Duration kDrainCheck = std::chrono::seconds(1);

/// Whether two contents are the same in their first `length` bytes.
async::Task<bool> are_same(std::shared_ptr<ports::StoredFile> a, std::shared_ptr<ports::StoredFile> b,
                           std::uint64_t length) {
  for (std::uint64_t at = 0; at < length;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, length - at));
    const auto one = co_await a->read(at, wanted);
    const auto other = co_await b->read(at, wanted);
    if (!one || !other || one->size() != wanted || *one != *other) co_return false;
    at += wanted;
  }
  co_return true;
}

/// One reader, which has had the first `sent` bytes of `from`.
class Reader {
 public:
  Reader(LiveFile& file, LiveFile::State from, Duration silence)
      : file_(file), from_(std::move(from)), silence_(silence) {}

  /// False: the reader has not got everything.
  async::Task<bool> run(http::BodyWriter& writer, async::Bell& bell) {
    for (Duration idle{};;) {
      const auto now = file_.state();
      if (now.stage == LiveFile::Stage::gone) co_return false;
      if (now.stage != LiveFile::Stage::awaited && now.attempt != from_.attempt && !co_await go_over(now)) {
        co_return false;
      }
      if (now.attempt == from_.attempt) {
        // In this order: once it is whole, its size is the last.
        const bool whole = now.stage == LiveFile::Stage::whole;
        const auto ready = readable(whole);
        if (whole && sent_ >= ready) co_return true;
        if (sent_ < ready) {
          const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, ready - sent_));
          const auto piece = co_await from_.content->read(sent_, wanted);
          if (!piece || piece->empty() || !co_await writer.write(*piece)) co_return false;
          sent_ += piece->size();
          idle = {};
          continue;
        }
      }
      // A server that drains lets go of whoever would have to wait.
      if (now.attempt != from_.attempt && writer.draining()) co_return false;
      if (co_await bell.wait(kDrainCheck)) continue;
      idle += kDrainCheck;
      if (idle >= silence_ || writer.draining()) co_return false;
    }
  }

 private:
  /// The last byte of an announced length waits until all is known to be right.
  std::uint64_t readable(bool whole) const {
    const auto size = from_.content->size();
    return whole || !from_.length ? size : std::min(size, std::max<std::uint64_t>(*from_.length, 1) - 1);
  }

  /// To content that began anew, as soon as it has come as far. False: it is another file.
  async::Task<bool> go_over(const LiveFile::State& now) {
    if (now.length != from_.length || now.content_type != from_.content_type) co_return false;
    // Once it is whole, nothing more comes.
    if (now.content->size() < sent_) co_return now.stage == LiveFile::Stage::coming;
    if (!co_await are_same(from_.content, now.content, sent_)) co_return false;
    from_ = now;
    co_return true;
  }

  LiveFile& file_;
  LiveFile::State from_;
  const Duration silence_;
  std::uint64_t sent_ = 0;
};

async::Task<void> send_live(std::shared_ptr<LiveFile> file, LiveFile::State from, Duration silence,
                            http::BodyWriter& writer) {
  const auto bell = std::make_shared<async::Bell>();
  const LiveFile::Watch watch(file, bell);
  Reader reader(*file, std::move(from), silence);
  if (!co_await reader.run(writer, *bell)) writer.abort();
}

}  // namespace

http::Response live_response(std::shared_ptr<LiveFile> file, LiveFile::State state, std::string name,
                             Duration silence) {
  http::Response response;
  response.compressible = false;
  add_content_headers(response, name, state.content_type);
  response.set("content-type", state.content_type);
  response.set("cache-control", "no-store");
  response.body = http::StreamBody{[file = std::move(file), state, silence](http::BodyWriter& writer) {
                                     return send_live(file, state, silence, writer);
                                   },
                                   state.length};
  return response;
}

}  // namespace hekto::api

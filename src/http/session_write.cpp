// SPDX-License-Identifier: Apache-2.0
// Writing answers.
#include <algorithm>
#include <charconv>
#include <exception>
#include <unistd.h>

#include "base/log.h"
#include "http/compress.h"
#include "http/render.h"
#include "http/session.h"

namespace hekto::http {

namespace {

constexpr std::size_t kTlsRecord = 16 * 1024;
constexpr std::size_t kMinCompressed = 1024;
constexpr std::size_t kMaxCompressed = 1024 * 1024;  // more would hold up the thread's other connections
constexpr std::size_t kDrainTurn = 1024 * 1024;      // bytes thrown away before other connections get a turn
constexpr std::chrono::seconds kLinger{2};

/// Removes the first `bytes` from `parts`.
void trim_front(std::array<std::string_view, 3>& parts, std::size_t bytes) {
  for (std::string_view& part : parts) {
    const std::size_t from_this = std::min(bytes, part.size());
    part.remove_prefix(from_this);
    bytes -= from_this;
  }
}

bool all_sent(const std::array<std::string_view, 3>& parts) {
  return std::ranges::all_of(parts, [](std::string_view part) { return part.empty(); });
}

/// Whether another coding could serve this answer. Parts of a file are not: their offsets are of the plain bytes.
bool may_compress(const Response& response, std::string_view body) {
  if (!response.compressible || body.size() < kMinCompressed || body.size() > kMaxCompressed) return false;
  if (response.status == 206 || !is_compressible_type(response.content_type)) return false;
  return std::ranges::none_of(response.headers,
                              [](const auto& header) { return iequals(header.first, "content-encoding"); });
}

std::string_view ready_body(const Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) return *text;
  const auto* shared = std::get_if<std::shared_ptr<const std::string>>(&response.body);
  return shared != nullptr && *shared ? std::string_view(**shared) : std::string_view();
}

}  // namespace

/// The handler's end of a streamed answer.
class StreamWriter final : public BodyWriter {
 public:
  StreamWriter(Session& session, bool chunked, std::optional<std::uint64_t> length)
      : session_(session), chunked_(chunked), left_(length) {}

  async::Task<bool> write(std::string_view piece) override {
    if (left_) {
      piece = piece.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(*left_, piece.size())));
      *left_ -= piece.size();
    }
    // An empty chunk would end the body.
    if (piece.empty() || !alive_) co_return alive_;
    std::array<char, 18> size;
    char* end = size.data();
    if (chunked_) {
      end = std::to_chars(size.data(), size.data() + 16, piece.size(), 16).ptr;
      *end++ = '\r';
      *end++ = '\n';
    }
    Session::Parts parts{{{size.data(), static_cast<std::size_t>(end - size.data())}, piece, chunked_ ? "\r\n" : ""}};
    if (session_.transport_.secure() && piece.size() <= kTlsRecord) {
      // One record instead of three; the head that was in this string has been sent.
      std::string& out = session_.work_->out;
      out.clear();
      for (const std::string_view part : parts) out += part;
      parts = {out, {}, {}};
    }
    if (!session_.send_now(parts)) alive_ = co_await session_.send_rest(parts);
    // Between pieces nobody waits on the socket, so no deadline runs.
    session_.enter(Session::Phase::writing, Clock::time_point::max());
    co_return alive_;
  }

  bool draining() const override { return session_.core().draining.load() || session_.cut_; }
  void abort() override { aborted_ = true; }
  bool alive() const { return alive_; }
  bool is_whole() const { return !aborted_ && left_.value_or(0) == 0; }

 private:
  Session& session_;
  const bool chunked_;
  std::optional<std::uint64_t> left_;  // of the length that was announced
  bool alive_ = true;
  bool aborted_ = false;
};

async::Task<bool> Session::respond(Response& response, bool& keep_alive) {
  Workspace& work = *work_;
  sent_bytes_ = 0;
  if (!has_safe_headers(response)) {
    log::error("answer with an unsafe header", {{"path", work.request.path}, {"request_id", work.request.request_id}});
    response = problem(500, "An internal error occurred.", "Internal server error");
  }
  const bool bodiless = has_no_body(response.status);
  const auto* file = std::get_if<FileBody>(&response.body);
  const auto* stream = std::get_if<StreamBody>(&response.body);
  std::string_view body = bodiless ? std::string_view() : ready_body(response);
  std::optional<std::string> compressed;
  HeadFacts facts;
  facts.vary = may_compress(response, body);
  if (facts.vary && accepts_gzip(work.framing.accept_encoding) && (compressed = gzip(body))) {
    facts.gzip = true;
    body = *compressed;
  }
  if (bodiless) {
    file = nullptr;
    stream = nullptr;
  } else if (stream != nullptr) {
    // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
    facts.length = stream->length;
    facts.chunked = !facts.length && !work.framing.http10;
    keep_alive = keep_alive && (facts.length || facts.chunked);
  } else {
    facts.length = file != nullptr ? file->length : body.size();
  }
  using Connection = HeadFacts::Connection;
  facts.connection = !keep_alive           ? Connection::close
                     : work.framing.http10 ? Connection::keep_alive
                                           : Connection::implied;
  facts.date = loop_->date();
  facts.request_id = work.request.request_id;

  std::string& out = work.out;
  out.clear();
  render_head(out, response, facts);
  const bool head_only = work.request.method == Method::head;
  if (head_only) body = {};
  if (transport_.secure() && body.size() <= kTlsRecord) {
    out += body;
    body = {};
  }
  Parts parts{out, body, {}};
  if (!send_now(parts) && !co_await send_rest(parts)) co_return false;
  if (head_only) co_return true;
  if (file != nullptr) co_return co_await send_file(*file);
  if (stream != nullptr) co_return co_await send_stream(*stream, facts.chunked);
  co_return true;
}

bool Session::send_now(Parts& parts) {
  const IoResult result = transport_.write(parts);
  if (result.state == Io::done) {
    sent_bytes_ += result.bytes;
    trim_front(parts, result.bytes);
  }
  return all_sent(parts);
}

async::Task<bool> Session::send_rest(Parts parts) {
  while (!all_sent(parts)) {
    const IoResult result = transport_.write(parts);
    if (result.state == Io::done) {
      sent_bytes_ += result.bytes;
      trim_front(parts, result.bytes);
      continue;
    }
    if (result.state == Io::closed) co_return false;
    enter(Phase::writing, Clock::now() + core().limits.write_timeout);
    if (!co_await wait(result.state)) co_return false;
  }
  co_return true;
}

async::Task<bool> Session::send_file(FileBody file) {
  std::string& out = work_->out;
  while (file.length > 0) {
    if (transport_.secure()) {
      ssize_t got = 0;
      const std::size_t piece = std::min<std::uint64_t>(file.length, kTlsRecord);
      out.resize_and_overwrite(piece, [&](char* data, std::size_t) {
        got = ::pread(file.descriptor, data, piece, static_cast<off_t>(file.offset));
        return static_cast<std::size_t>(std::max<ssize_t>(got, 0));
      });
      Parts parts{out, {}, {}};
      if (got > 0 && !send_now(parts) && !co_await send_rest(parts)) co_return false;
      if (got > 0) {
        file.offset += static_cast<std::uint64_t>(got);
        file.length -= static_cast<std::uint64_t>(got);
        continue;
      }
    } else {
      const IoResult result = transport_.send_file(file.descriptor, file.offset, file.length);
      if (result.state == Io::done && result.bytes > 0) {
        sent_bytes_ += result.bytes;
        file.length -= result.bytes;
        if (file.length == 0) break;
      }
      if (result.state == Io::closed) co_return false;
      if (result.state != Io::done || result.bytes > 0) {
        // Also after progress, so that one download does not keep the thread to itself.
        enter(Phase::writing, Clock::now() + core().limits.write_timeout);
        if (!co_await wait(Io::want_write)) co_return false;
        continue;
      }
    }
    // Only an early end tells the client that the length promised in the head is not reached.
    log::error("file shorter than announced", {{"path", work_->request.path}});
    co_return false;
  }
  co_return true;
}

async::Task<bool> Session::send_stream(const StreamBody& stream, bool chunked) {
  StreamWriter writer(*this, chunked, stream.length);
  enter(Phase::writing, Clock::time_point::max());
  bool whole = true;
  try {
    co_await stream.run(writer);
  } catch (const std::exception& e) {
    whole = false;
    log::error("stream threw", {{"path", work_->request.path}, {"what", e.what()}});
  }
  // Without the last chunk, or the length, the client knows that something is missing. Where only the end of the
  // connection ends the body, that end must be none of the good ones.
  whole = whole && writer.is_whole();
  if (!whole && !chunked && !stream.length) transport_.reset_on_close();
  if (!whole || !writer.alive()) co_return false;
  Parts parts{chunked ? "0\r\n\r\n" : "", {}, {}};
  if (send_now(parts)) co_return true;
  co_return co_await send_rest(parts);
}

async::Task<void> Session::turn_away() {
  if (transport_.secure()) co_return;  // a handshake costs more than the refusal is worth
  work_ = loop_->take_workspace();
  identify_request();
  Response response = problem(503, "The server has no room for another connection.");
  response.set("Retry-After", "5");
  bool keep_alive = false;
  const bool sent = co_await respond(response, keep_alive);
  loop_->give_back(std::move(work_));
  if (sent) co_await linger();
}

async::Task<void> Session::linger() {
  // Closing with bytes unread resets the connection, and a reset can destroy the answer before the client has read it.
  transport_.shutdown_send();
  enter(Phase::lingering, Clock::now() + kLinger);
  std::size_t turn = 0;
  for (std::size_t drained = 0; drained < drain_limit_;) {
    const IoResult result = transport_.discard();
    if (result.state == Io::closed) co_return;
    drained += result.bytes;
    turn += result.bytes;
    if (result.state == Io::done && turn < kDrainTurn) continue;
    turn = 0;
    if (!co_await wait(Io::want_read)) co_return;
  }
}

void Session::observe(const Route* route, unsigned status, Clock::time_point started) {
  answered_at_ = Clock::now();
  if (!core().observer || core().abandoned.load()) return;
  const auto duration = std::chrono::duration_cast<std::chrono::microseconds>(answered_at_ - started);
  core().observer({work_->request, route, status, sent_bytes_, duration});
}

}  // namespace hekto::http

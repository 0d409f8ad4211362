// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "async/task.h"
#include "base/error.h"

namespace hekto::http {

// `trace` is known so that it is refused as other methods are: no route may take it.
enum class Method : std::uint8_t { get, head, post, put, patch, del, options, query, trace };
std::string_view to_string(Method method);

/// One request. The views point into the connection's buffer and are valid until the response has been returned.
struct Request {
  struct Header {
    std::string_view name;   ///< as sent; compare with iequals
    std::string_view value;  ///< trimmed
  };

  Method method = Method::get;
  std::string_view target;  ///< as sent, origin form
  std::string_view path;    ///< target up to '?', not decoded
  std::string_view query;   ///< after '?', not decoded
  std::vector<Header> headers;
  std::string_view body;   ///< whole, dechunked
  std::string request_id;  ///< the caller's X-Request-Id when it is 1-64 of [A-Za-z0-9._-], else a new one
  std::string remote;      ///< peer address without port; of a Unix socket: ""
  bool remote_is_trusted_proxy = false;
  bool secure = false;                       ///< came over TLS
  std::array<std::string_view, 4> params{};  ///< filled by the router: the {…} segments in order, not decoded

  /// Value of the first header called `name` (any case); empty view with nullptr data when absent.
  std::string_view header(std::string_view name) const;
  bool has_header(std::string_view name) const { return header(name).data() != nullptr; }
  /// Decoded value of the first query parameter called `name`; nullopt when absent or malformed.
  std::optional<std::string> query_param(std::string_view name) const;
};

/// Writes a body piece by piece (chunked on HTTP/1.1). Used on the connection's thread by one task.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  /// Suspends until the piece was handed to the kernel. False when the client is gone or stalled longer than the
  /// write limit: stop then.
  virtual async::Task<bool> write(std::string_view piece) = 0;
  /// True once the server drains: end the stream soon. Nothing is woken, so a task that waits asks every few seconds.
  virtual bool draining() const = 0;
  /// What was written is not the whole body: once the handler returns, the connection is cut so that the client knows.
  virtual void abort() = 0;
};

/// A file region that the connection sends with sendfile, or read/write over TLS.
struct FileBody {
  std::shared_ptr<void> owner;  ///< keeps `descriptor` open
  int descriptor = -1;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct StreamBody {
  /// Runs after the head was sent; the connection closes or the last chunk is written when it returns.
  std::function<async::Task<void>(BodyWriter&)> run;
  /// Announced instead of chunks. Who writes less has aborted; what goes beyond is not sent.
  std::optional<std::uint64_t> length = {};
};

struct Response {
  unsigned status = 200;
  std::string_view content_type = "application/json";  ///< static text; use `headers` for a computed one
  /// Further headers; names as they are to be sent. Values must be free of control characters (checked).
  std::vector<std::pair<std::string_view, std::string>> headers;
  std::variant<std::string, std::shared_ptr<const std::string>, FileBody, StreamBody> body;
  bool close = false;        ///< close the connection after this answer
  bool compressible = true;  ///< gzip when the client accepts it and the text is 1 KiB or longer

  void set(std::string_view name, std::string value) { headers.emplace_back(name, std::move(value)); }
};

/// {"detail":…,"status":…} with an optional title, application/problem+json: the official form of every refusal.
Response problem(unsigned status, std::string_view detail, std::string_view title = {});

}  // namespace hekto::http

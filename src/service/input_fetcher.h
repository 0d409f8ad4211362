// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "ports/clock.h"
#include "ports/http_client.h"
#include "ports/scratch.h"
#include "service/fetch_slots.h"

namespace hekto::service {

struct FetchOptions {
  Duration limit = std::chrono::minutes(5);  ///< of one file: redirects and repeats, but not the wait for a slot
  std::size_t at_once = 32;                  ///< exchanges, of all predictions
  std::size_t per_host = 4;                  ///< of them with one host and port
  Duration first_pause = std::chrono::milliseconds(500);  ///< before the first repeat; twice as long before the next
};

inline constexpr int kFetchAttempts = 3;
inline constexpr int kFetchRedirects = 5;

/// A file from the network, as long as somebody holds it.
struct FetchedFile {
  std::string name;          ///< made safe; may be empty
  std::string content_type;  ///< as the server says, else by the content
  std::shared_ptr<ports::StoredFile> content;
};

/// Fetches the files that inputs name by http and https URLs. The client that it is given decides which addresses may
/// be dialled; every redirect is a request of its own and decided anew. No header tells who asks for it, or for whom.
/// Any thread.
class InputFetcher {
 public:
  /// Everything given outlives this and all that it fetched.
  InputFetcher(ports::HttpClient& http, ports::Scratch& scratch, const ports::Clock& clock, FetchOptions options);

  /// Fetches `url`, of at most `max_bytes`. What may pass (no connection, the connection broke off, no answer in time,
  /// 408, 429, 5xx) is tried kFetchAttempts times. invalid_input with the reason in words for the client, which name no
  /// part of the URL and no address, when there is no such file to be had; canceled on `stop`; storage when the disk
  /// refuses.
  async::Task<Result<FetchedFile>> fetch(std::string url, std::size_t max_bytes, async::StopToken stop);

 private:
  struct Attempt;
  async::Task<Result<FetchedFile>> attempt(const Attempt& given, Duration& left, bool& passing);
  async::Task<Result<ports::HttpReply>> exchange(std::string url, const std::string& origin, const Attempt& given,
                                                 std::shared_ptr<ports::BodySink> sink, Duration& left);

  ports::HttpClient& http_;
  ports::Scratch& scratch_;
  const ports::Clock& clock_;
  const FetchOptions options_;
  FetchSlots slots_;
};

}  // namespace hekto::service

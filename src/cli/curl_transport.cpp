// SPDX-License-Identifier: Apache-2.0
#include "cli/curl_transport.h"

#include <array>
#include <cstddef>
#include <stdexcept>

#include <curl/curl.h>

#include "cli/address.h"

namespace hekto::cli {
namespace {

constexpr std::size_t kMaxBodyBytes = 256 << 20;
constexpr std::size_t kMaxProblemBytes = 1 << 20;
constexpr long kConnectSeconds = 10;
/// Streams carry a comment at least every 15 s, so a silent minute means that the peer is gone.
constexpr long kSilentSeconds = 60;

struct Transfer {
  CURL* curl = nullptr;
  const HttpRequest& request;
  HttpReply reply;
  bool ended_by_sink = false;
  bool too_large = false;
};

std::size_t on_body(char* data, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  long status = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  const bool is_success = status >= 200 && status < 300;
  if (transfer.request.sink && is_success) {
    transfer.ended_by_sink = !transfer.request.sink({data, count});
    return transfer.ended_by_sink ? CURL_WRITEFUNC_ERROR : count;
  }
  if (transfer.reply.body.size() + count > (is_success ? kMaxBodyBytes : kMaxProblemBytes)) {
    transfer.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.reply.body.append(data, count);
  return count;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(user)->request.should_stop() ? 1 : 0;
}

/// What went wrong, with `url` and libcurl's own words.
std::unexpected<Error> transfer_error(CURLcode code, const char* words, const std::string& url) {
  const std::string what = *words != '\0' ? words : curl_easy_strerror(code);
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
      return fail(ErrorCode::unavailable, "cannot reach " + url + ": " + what);
    case CURLE_OPERATION_TIMEDOUT:
      return fail(ErrorCode::timeout, "no answer from " + url + " in time: " + what);
    case CURLE_ABORTED_BY_CALLBACK:
      return fail(ErrorCode::canceled, "stopped");
    default:
      return fail(ErrorCode::upstream, "the exchange with " + url + " broke off: " + what);
  }
}

}  // namespace

struct CurlTransport::Handle {
  CURL* curl = nullptr;
  std::array<char, CURL_ERROR_SIZE> error{};
};

CurlTransport::CurlTransport() : handle_(std::make_unique<Handle>()) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  handle_->curl = curl_easy_init();
  if (handle_->curl == nullptr) throw std::runtime_error("libcurl cannot be started");
}

CurlTransport::~CurlTransport() {
  curl_easy_cleanup(handle_->curl);
  curl_global_cleanup();
}

Result<HttpReply> CurlTransport::send(const HttpRequest& request) {
  CURL* curl = handle_->curl;
  curl_easy_reset(curl);
  handle_->error.fill('\0');
  Transfer transfer{.curl = curl, .request = request, .reply = {}};

  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, handle_->error.data());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, request.follow_redirects ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, request.sink ? nullptr : "");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  if (is_loopback_url(request.url)) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  if (request.limit.count() > 0) {
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(request.limit.count()));
  } else {
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
  }
  if (request.should_stop) {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  }
  if (request.method == "POST") {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
  }
  // Without this, libcurl waits a second for "100 Continue" before it sends a large body.
  curl_slist* headers = curl_slist_append(nullptr, "Expect:");
  for (const auto& [name, value] : request.headers) headers = curl_slist_append(headers, (name + ": " + value).c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);

  const CURLcode code = curl_easy_perform(curl);
  curl_slist_free_all(headers);
  if (transfer.too_large) return fail(ErrorCode::too_large, "the answer of " + request.url + " is too large");
  if (code != CURLE_OK && !transfer.ended_by_sink) return transfer_error(code, handle_->error.data(), request.url);

  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  transfer.reply.status = static_cast<int>(status);
  curl_off_t retry_after = 0;
  if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK && retry_after > 0) {
    transfer.reply.retry_after = std::chrono::seconds(retry_after);
  }
  return std::move(transfer.reply);
}

}  // namespace hekto::cli

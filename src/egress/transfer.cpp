// SPDX-License-Identifier: Apache-2.0
#include "egress/transfer.h"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <new>
#include <sys/socket.h>

namespace hekto::egress {
namespace {

constexpr std::size_t kMaxHeaderBytes = 64 << 10;

std::optional<IpAddress> address_in(const curl_sockaddr& from) {
  if (from.family == AF_INET && from.addrlen >= sizeof(sockaddr_in)) {
    sockaddr_in in{};
    std::memcpy(&in, &from.addr, sizeof(in));
    IpAddress address{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}};
    std::memcpy(address.bytes.data() + 12, &in.sin_addr, 4);
    return address;
  }
  if (from.family == AF_INET6 && from.addrlen >= sizeof(sockaddr_in6)) {
    // curl_sockaddr is declared with room for less than it carries.
    sockaddr_in6 in{};
    std::memcpy(&in, static_cast<const void*>(&from.addr), sizeof(in));
    IpAddress address;
    std::memcpy(address.bytes.data(), &in.sin6_addr, 16);
    return address;
  }
  return std::nullopt;
}

/// What is said of a failure. libcurl's own words would hold host names and addresses.
Error failure(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_LOGIN_DENIED:
      return {ErrorCode::invalid_input, "not a URL that can be called"};
    case CURLE_COULDNT_RESOLVE_HOST:
      return {ErrorCode::unavailable, "the host name was not found"};
    case CURLE_COULDNT_CONNECT:
      return {ErrorCode::unavailable, "no connection could be made"};
    case CURLE_SSL_CONNECT_ERROR:
      return {ErrorCode::unavailable, "the TLS handshake failed"};
    case CURLE_PEER_FAILED_VERIFICATION:
      return {ErrorCode::unavailable, "the TLS certificate is not trusted"};
    case CURLE_OPERATION_TIMEDOUT:
      return {ErrorCode::timeout, "no answer in time"};
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return {ErrorCode::upstream, "the connection broke off"};
    default:
      return {ErrorCode::upstream, std::string("the exchange failed: ") + curl_easy_strerror(code)};
  }
}

}  // namespace

Transfer::Transfer(ports::HttpRequest request, const EgressPolicy& policy, Done done)
    : request_(std::move(request)), policy_(policy), done_(std::move(done)), curl_(curl_easy_init()) {
  if (!curl_) throw std::bad_alloc();
  set_options();
}

void Transfer::set_options() {
  CURL* curl = curl_.get();
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(request_.limit).count();
  curl_easy_setopt(curl, CURLOPT_PRIVATE, this);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // A name server that does not answer must not hold up the thread, which others share.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(curl, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(millis, 1)));
  // A connection made for one tenant's URL is never used for another's.
  curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_connected);
  curl_easy_setopt(curl, CURLOPT_PREREQDATA, this);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  if (request_.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request_.body.data());
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
  // Without "Expect:", libcurl waits a second for "100 Continue" before it sends a large body.
  for (const char* line : {"Expect:", "User-Agent: Hekto/" HEKTO_VERSION}) {
    headers_.reset(curl_slist_append(headers_.release(), line));
  }
  for (const auto& [name, value] : request_.headers) {
    headers_.reset(curl_slist_append(headers_.release(), (name + ": " + value).c_str()));
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get());
}

std::size_t Transfer::on_body(char* data, std::size_t, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto room = transfer.request_.max_reply - transfer.reply_.body.size();
  transfer.reply_.body.append(data, std::min(count, room));
  if (count <= room) return count;
  transfer.reply_.truncated = true;
  return CURL_WRITEFUNC_ERROR;
}

std::size_t Transfer::on_header(char*, std::size_t, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.header_bytes_ += count;
  return transfer.header_bytes_ <= kMaxHeaderBytes ? count : 0;
}

curl_socket_t Transfer::on_socket(void* self, curlsocktype purpose, curl_sockaddr* to) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto address = address_in(*to);
  if (purpose != CURLSOCKTYPE_IPCXN || !address || !transfer.policy_.permits(*address)) {
    transfer.refused_ = true;
    return CURL_SOCKET_BAD;
  }
  transfer.dialled_ = true;
  return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/// A second look, at the peer that the connection says it has, before a byte of the request goes out.
int Transfer::on_connected(void* self, char* remote, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto address = parse_ip_address(remote);
  if (address && transfer.policy_.permits(*address)) return CURL_PREREQFUNC_OK;
  transfer.refused_ = true;
  transfer.dialled_ = false;
  return CURL_PREREQFUNC_ABORT;
}

Result<ports::HttpReply> Transfer::outcome(CURLcode code) {
  if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && reply_.truncated)) {
    if (refused_ && !dialled_) return fail(ErrorCode::forbidden, "the address is not allowed");
    return std::unexpected(failure(code));
  }
  long status = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
  reply_.status = static_cast<int>(status);
  return std::move(reply_);
}

void Transfer::finish(CURLcode code) { done_(outcome(code)); }

}  // namespace hekto::egress

// SPDX-License-Identifier: Apache-2.0
#include "egress/transfer.h"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <new>
#include <sys/socket.h>

namespace hekto::egress {
namespace {

constexpr int kOk = 200;
constexpr std::size_t kMaxHeaderBytes = 64 << 10;

/// What a download may unpack to for each byte that came, beside an allowance for what libcurl has not counted yet.
constexpr std::size_t kUnpackRatio = 100;
constexpr std::size_t kUncounted = 64 << 10;

/// A peer of which nothing is heard for so long is gone. Otherwise the system would go on sending for a quarter of an
/// hour, and whoever shares the connection would wait with it.
constexpr std::chrono::seconds kSilence{20};
constexpr std::chrono::seconds kBetweenProbes{5};

void notice_silence(int socket) {
  const auto set = [socket](int level, int name, int value) {
    // Without it an exchange still ends at its own limit.
    (void)::setsockopt(socket, level, name, &value, sizeof(value));
  };
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(std::chrono::milliseconds(kSilence).count()));
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(kBetweenProbes.count()));
  set(IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(kBetweenProbes.count()));
}

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
};

std::optional<Endpoint> endpoint_in(const curl_sockaddr& from) {
  if (from.family == AF_INET && from.addrlen >= sizeof(sockaddr_in)) {
    sockaddr_in in{};
    std::memcpy(&in, &from.addr, sizeof(in));
    IpAddress address{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}};
    std::memcpy(address.bytes.data() + 12, &in.sin_addr, 4);
    return Endpoint{address, ntohs(in.sin_port)};
  }
  if (from.family == AF_INET6 && from.addrlen >= sizeof(sockaddr_in6)) {
    // curl_sockaddr is declared with room for less than it carries.
    sockaddr_in6 in{};
    std::memcpy(&in, static_cast<const void*>(&from.addr), sizeof(in));
    IpAddress address;
    std::memcpy(address.bytes.data(), &in.sin6_addr, 16);
    return Endpoint{address, ntohs(in.sin6_port)};
  }
  return std::nullopt;
}

Error too_much(std::size_t limit) {
  return {ErrorCode::too_large, "it has more than " + std::to_string(limit) + " bytes"};
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// What libcurl knows itself only when it has read the body.
std::string absolute(const std::string& base, const std::string& location) {
  struct Cleanup {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
    void operator()(char* text) const { curl_free(text); }
  };
  const std::unique_ptr<CURLU, Cleanup> url(curl_url());
  char* text = nullptr;
  if (location.empty() || !url || curl_url_set(url.get(), CURLUPART_URL, base.c_str(), CURLU_PATH_AS_IS) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, location.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
      curl_url_get(url.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) {
    return location;
  }
  return std::unique_ptr<char, Cleanup>(text).get();
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
    case CURLE_BAD_CONTENT_ENCODING:
      return {ErrorCode::upstream, "it cannot be unpacked"};
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return {ErrorCode::upstream, "the connection broke off"};
    default:
      return {ErrorCode::upstream, std::string("the exchange failed: ") + curl_easy_strerror(code)};
  }
}

}  // namespace

Transfer::Transfer(ports::HttpRequest request, std::shared_ptr<const EgressPolicy> policy, Handle used, Done done)
    : request_(std::move(request)),
      policy_(std::move(policy)),
      trusted_(policy_->trusts(request_.url)),
      done_(std::move(done)),
      curl_(used ? std::move(used) : Handle(curl_easy_init())) {
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
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  if (request_.limit > Duration{}) {
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(millis, 1)));
  }
  if (request_.reuse) {
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(curl, CURLOPT_PIPEWAIT, 1L);
  } else {
    // A connection made for one tenant's URL is never used for another's; and what must not be sent twice is never sent
    // on a connection that may have gone stale, where libcurl would send it again by itself.
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  }
  set_authorities();
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_connected);
  curl_easy_setopt(curl, CURLOPT_PREREQDATA, this);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  if (request_.source) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.source->size()));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, this);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  } else if (request_.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request_.body.data());
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
  if (request_.sink) set_download_options();
  // Without "Expect:", libcurl waits a second for "100 Continue" before it sends a large body.
  for (const char* line : {"Expect:", "User-Agent: Hekto/" HEKTO_VERSION}) {
    headers_.reset(curl_slist_append(headers_.release(), line));
  }
  for (const auto& [name, value] : request_.headers) {
    headers_.reset(curl_slist_append(headers_.release(), (name + ": " + value).c_str()));
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get());
}

/// All in one file: libcurl then reads them once, not for each connection, which would cost more than the handshake.
void Transfer::set_authorities() {
  CURL* curl = curl_.get();
  curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  if (!trusted_) return;
  const auto file = policy_->ca_file(request_.url);
  if (!file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, file.c_str());
}

void Transfer::share_sessions(CURLSH* share) {
  if (trusted_) curl_easy_setopt(curl_.get(), CURLOPT_SHARE, share);
}

/// A handle remembers TLS sessions of its own when it has no share: see share_sessions.
Handle Transfer::take_handle() {
  if (!trusted_) return nullptr;
  curl_easy_setopt(curl_.get(), CURLOPT_SHARE, nullptr);
  curl_easy_reset(curl_.get());
  return std::move(curl_);
}

void Transfer::set_download_options() {
  CURL* curl = curl_.get();
  // Packed content is not asked for; it is unpacked all the same, since some servers hold nothing else.
  curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
  headers_.reset(curl_slist_append(headers_.release(), "Accept-Encoding: identity"));
  curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request_.max_reply));
  if (request_.connect_limit > Duration{}) {
    const auto millis = std::chrono::ceil<std::chrono::milliseconds>(request_.connect_limit).count();
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(millis));
  }
  if (request_.min_rate > 0) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(request_.slow_after).count();
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(request_.min_rate));
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(seconds));
  }
}

int Transfer::status() const {
  long status = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

/// False: nothing more is wanted.
bool Transfer::take(std::string_view piece) {
  if (request_.sink && status() == kOk) return pass_on(piece);
  const auto limit = request_.sink ? request_.max_refusal : request_.max_reply;
  const auto room = limit - reply_.body.size();
  reply_.body.append(piece.substr(0, room));
  reply_.truncated = piece.size() > room;
  return !reply_.truncated;
}

bool Transfer::pass_on(std::string_view piece) {
  curl_off_t came = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_SIZE_DOWNLOAD_T, &came);
  body_bytes_ += piece.size();
  if (body_bytes_ > request_.max_reply) {
    broken_ = too_much(request_.max_reply);
  } else if (body_bytes_ > kUnpackRatio * (static_cast<std::size_t>(came) + kUncounted)) {
    broken_ = {ErrorCode::too_large, "it unpacks to more than " + std::to_string(kUnpackRatio) + " times its size"};
  } else if (auto written = request_.sink->write(piece); !written) {
    broken_ = std::move(written.error());
  }
  return !broken_;
}

/// The head of a reply has come. False: nothing more is wanted.
bool Transfer::end_head() {
  if (!request_.sink || status() != kOk || std::exchange(begun_, true)) return true;
  reply_.status = kOk;
  auto begun = request_.sink->begin(reply_);
  if (!begun) broken_ = std::move(begun.error());
  return begun.has_value();
}

std::size_t Transfer::on_body(char* data, std::size_t, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->take({data, count}) ? count : CURL_WRITEFUNC_ERROR;
}

std::size_t Transfer::on_read(char* room, std::size_t, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  auto filled = transfer.request_.source->read({room, count});
  if (filled) return *filled;
  transfer.broken_ = std::move(filled.error());
  return CURL_READFUNC_ABORT;
}

std::size_t Transfer::on_header(char* data, std::size_t, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.header_bytes_ += count;
  if (transfer.header_bytes_ > kMaxHeaderBytes) return 0;
  std::string_view line(data, count);
  auto& headers = transfer.reply_.headers;
  // A reply may come after others that only announce it.
  if (line.starts_with("HTTP/")) headers.clear();
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    headers.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  if (line.empty() && !transfer.end_head()) return 0;
  return count;
}

curl_socket_t Transfer::on_socket(void* self, curlsocktype purpose, curl_sockaddr* to) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto target = endpoint_in(*to);
  const bool permitted = target && (transfer.trusted_ || transfer.policy_->permits(target->address, target->port));
  if (purpose != CURLSOCKTYPE_IPCXN || !permitted) {
    transfer.refused_ = true;
    return CURL_SOCKET_BAD;
  }
  transfer.dialled_ = true;
  const int made = ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
  if (made >= 0) notice_silence(made);
  return made;
}

/// A second look, at the peer that the connection says it has, before a byte of the request goes out. A connection
/// whose ends have one address stays on this machine: its listeners are this server's, however public the address is.
int Transfer::on_connected(void* self, char* remote, char* local, int remote_port, int) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto& policy = *transfer.policy_;
  const auto address = parse_ip_address(remote);
  const auto port = static_cast<std::uint16_t>(remote_port);
  const bool own = policy.is_own_port(port) && address == parse_ip_address(local);
  if (address && !own && (transfer.trusted_ || policy.permits(*address, port))) {
    if (transfer.request_.sent) *transfer.request_.sent = true;
    return CURL_PREREQFUNC_OK;
  }
  transfer.refused_ = true;
  transfer.dialled_ = false;
  return CURL_PREREQFUNC_ABORT;
}

Result<ports::HttpReply> Transfer::outcome(CURLcode code) {
  if (broken_) return std::unexpected(std::move(*broken_));
  reply_.status = status();
  if (code == CURLE_FILESIZE_EXCEEDED) {
    if (reply_.status == kOk) return std::unexpected(too_much(request_.max_reply));
    reply_.truncated = true;
  }
  if (code != CURLE_OK && !reply_.truncated) {
    if (refused_ && !dialled_) return fail(ErrorCode::forbidden, "the address is not allowed");
    return std::unexpected(failure(code));
  }
  if (is_redirect(reply_.status)) reply_.redirect = absolute(request_.url, std::string(reply_.header("location")));
  return std::move(reply_);
}

void Transfer::finish(CURLcode code) { done_(outcome(code)); }

}  // namespace hekto::egress

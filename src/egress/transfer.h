// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include <curl/curl.h>

#include "async/completion.h"
#include "egress/egress_policy.h"
#include "ports/http_client.h"

namespace hekto::egress {

struct HandleCleanup {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using Handle = std::unique_ptr<CURL, HandleCleanup>;

/// One exchange: a libcurl handle, what is sent and what came. Used on one thread at a time.
class Transfer {
 public:
  using Done = async::Completer<Result<ports::HttpReply>>;
  /// `used`: a handle that take_handle() gave; nullptr: one is made.
  Transfer(ports::HttpRequest request, std::shared_ptr<const EgressPolicy> policy, Handle used, Done done);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* handle() const { return curl_.get(); }
  /// The handle as a new one, for another exchange; nullptr when it holds what others must not see. After finish().
  Handle take_handle();
  bool stop_requested() const { return request_.stop.stop_requested(); }
  /// Takes TLS sessions from `share` and leaves its own there, when it goes where the operator said: whoever else is
  /// called must not be able to tell that it was called before. Before the handle is added, on the thread of the share.
  void share_sessions(CURLSH* share);
  /// The last call: tells the caller how libcurl ended.
  void finish(CURLcode code);
  /// The last call, instead of finish.
  void abort(Error error) { done_(std::unexpected(std::move(error))); }

 private:
  void set_options();
  void set_authorities();
  void set_download_options();
  Result<ports::HttpReply> outcome(CURLcode code);
  int status() const;
  bool take(std::string_view piece);
  bool pass_on(std::string_view piece);
  bool end_head();
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static curl_socket_t on_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static std::size_t on_read(char* room, std::size_t size, std::size_t count, void* self);
  static int on_connected(void* self, char* remote, char* local, int remote_port, int local_port);

  struct Cleanup {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  const ports::HttpRequest request_;
  const std::shared_ptr<const EgressPolicy> policy_;
  const bool trusted_;  // the operator named where this goes
  Done done_;
  ports::HttpReply reply_;
  std::size_t header_bytes_ = 0;
  bool begun_ = false;           // the sink of a download has been told
  std::size_t body_bytes_ = 0;   // of a download, as they were passed on
  std::optional<Error> broken_;  // why a download was broken off from here
  bool refused_ = false;         // at least one address must not be dialled
  bool dialled_ = false;         // at least one was
  std::unique_ptr<curl_slist, Cleanup> headers_;
  Handle curl_;  // last: refers to all of the above
};

}  // namespace hekto::egress

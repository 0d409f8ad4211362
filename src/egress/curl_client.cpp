// SPDX-License-Identifier: Apache-2.0
#include "egress/curl_client.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <stdexcept>
#include <thread>
#include <unordered_map>

#include "base/text.h"
#include "egress/multi_driver.h"
#include "egress/transfer.h"

namespace hekto::egress {
namespace {

constexpr long kKeptConnections = 64;
/// Making one costs a tenth of a request.
constexpr std::size_t kKeptHandles = 64;

/// libcurl would guess at a scheme that is not there, and stop reading at a NUL.
bool is_callable(std::string_view url) {
  const bool plain = std::ranges::none_of(url, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7F || c == '\\';
  });
  return plain && (iequals(url.substr(0, 7), "http://") || iequals(url.substr(0, 8), "https://"));
}

Error stopped() { return {ErrorCode::canceled, "the exchange was stopped"}; }
Error stopping() { return {ErrorCode::canceled, "the server is stopping"}; }

}  // namespace

/// The thread and the transfers on it.
class CurlClient::Loop {
 public:
  explicit Loop(const char* thread_name) {
    static std::once_flag started;
    std::call_once(started, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    multi_ = curl_multi_init();
    sessions_ = curl_share_init();
    if (multi_ == nullptr || sessions_ == nullptr) throw std::runtime_error("libcurl cannot be started");
    curl_share_setopt(sessions_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    // Of those that are kept for what may be sent again; the rest are closed after one use.
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kKeptConnections);
    driver_.emplace(multi_);
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), thread_name);
  }

  ~Loop() {
    close();
    thread_.join();
    driver_.reset();
    curl_multi_cleanup(multi_);
    curl_share_cleanup(sessions_);
  }

  /// One of an earlier exchange; nullptr when there is none. Any thread.
  Handle used_handle() {
    std::scoped_lock lock(mutex_);
    if (handles_.empty()) return nullptr;
    auto handle = std::move(handles_.back());
    handles_.pop_back();
    return handle;
  }

  void submit(std::unique_ptr<Transfer> transfer) {
    bool first = false;
    {
      std::scoped_lock lock(mutex_);
      first = queue_.empty();
      if (!closed_) queue_.push_back(std::move(transfer));
    }
    if (transfer) {
      transfer->abort(stopping());
    } else if (first) {
      // With more in the queue the thread has been woken, and has not looked yet.
      driver_->wake();
    }
  }

  /// Somebody's `stop` was requested.
  void look_for_stops() {
    {
      std::scoped_lock lock(mutex_);
      stops_ = true;
    }
    driver_->wake();
  }

  void close() {
    {
      std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    driver_->wake();
  }

 private:
  void run() {
    while (take_queued()) {
      driver_->drive();
      finish_ended();
    }
    for (auto& [handle, transfer] : active_) {
      curl_multi_remove_handle(multi_, handle);
      transfer->abort(stopping());
    }
    active_.clear();
  }

  /// Starts what was submitted; false once closed.
  bool take_queued() {
    std::deque<std::unique_ptr<Transfer>> fresh;
    bool closed = false;
    bool stops = false;
    {
      std::scoped_lock lock(mutex_);
      fresh.swap(queue_);
      closed = closed_;
      stops = std::exchange(stops_, false);
    }
    if (stops) end_stopped();
    for (auto& transfer : fresh) {
      if (closed) {
        transfer->abort(stopping());
      } else if (transfer->stop_requested()) {
        transfer->abort(stopped());
      } else if (transfer->share_sessions(sessions_); curl_multi_add_handle(multi_, transfer->handle()) != CURLM_OK) {
        transfer->abort({ErrorCode::internal, "the exchange could not be started"});
      } else {
        active_.emplace(transfer->handle(), std::move(transfer));
      }
    }
    return !closed;
  }

  void end_stopped() {
    std::erase_if(active_, [this](const auto& entry) {
      if (!entry.second->stop_requested()) return false;
      curl_multi_remove_handle(multi_, entry.first);
      entry.second->abort(stopped());
      return true;
    });
  }

  void finish_ended() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      const auto found = active_.find(message->easy_handle);
      const auto transfer = std::move(found->second);
      curl_multi_remove_handle(multi_, found->first);
      active_.erase(found);
      transfer->finish(code);
      keep(transfer->take_handle());
    }
  }

  void keep(Handle handle) {
    if (!handle) return;
    std::scoped_lock lock(mutex_);
    if (handles_.size() < kKeptHandles) handles_.push_back(std::move(handle));
  }

  CURLM* multi_ = nullptr;
  std::optional<MultiDriver> driver_;
  CURLSH* sessions_ = nullptr;                                   // the thread's own: it needs no lock
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> active_;  // the thread's own
  std::mutex mutex_;
  std::deque<std::unique_ptr<Transfer>> queue_;  // guarded by mutex_
  std::vector<Handle> handles_;                  // guarded by mutex_
  bool closed_ = false;                          // guarded by mutex_
  bool stops_ = false;                           // guarded by mutex_: look_for_stops was called
  std::thread thread_;
};

CurlClient::CurlClient(EgressPolicy policy, const char* thread_name)
    : policy_(std::make_shared<const EgressPolicy>(std::move(policy))),
      loop_(std::make_shared<Loop>(thread_name)),
      sharing_(policy_->trusted_origins.empty() ? loop_
                                                : std::make_shared<Loop>((std::string(thread_name) + "+").c_str())) {}

CurlClient::~CurlClient() = default;

void CurlClient::set_own_ports(std::vector<std::uint16_t> ports) {
  std::scoped_lock lock(mutex_);
  auto policy = *policy_;
  policy.own_ports = std::move(ports);
  policy_ = std::make_shared<const EgressPolicy>(std::move(policy));
}

void CurlClient::forbid_loopback() {
  std::scoped_lock lock(mutex_);
  auto policy = *policy_;
  policy.allow_loopback = false;
  policy_ = std::make_shared<const EgressPolicy>(std::move(policy));
}

std::shared_ptr<const EgressPolicy> CurlClient::policy() const {
  std::scoped_lock lock(mutex_);
  return policy_;
}

void CurlClient::close() {
  loop_->close();
  sharing_->close();
}

async::Task<Result<ports::HttpReply>> CurlClient::send(ports::HttpRequest request) {
  if (!is_callable(request.url)) co_return fail(ErrorCode::invalid_input, "not a URL that can be called");
  const auto& chosen = request.reuse ? sharing_ : loop_;
  // Before the transfer is submitted: a stop that comes in between is seen when it starts. Who asks may be on another
  // thread still when this client has gone.
  const async::StopCallback on_stop(request.stop, [loop = std::weak_ptr<Loop>(chosen)] {
    if (const auto alive = loop.lock()) alive->look_for_stops();
  });
  co_return co_await async::complete<Result<ports::HttpReply>>([this, &chosen, request = std::move(request)](
                                                                   Transfer::Done done) mutable {
    chosen->submit(std::make_unique<Transfer>(std::move(request), policy(), chosen->used_handle(), std::move(done)));
  });
}

}  // namespace hekto::egress

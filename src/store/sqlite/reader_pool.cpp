// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/reader_pool.h"

#include <exception>
#include <pthread.h>

#include "base/log.h"

namespace hekto::store {

ReaderPool::ReaderPool(std::vector<Connection> connections, std::size_t queue_limit)
    : connections_(std::move(connections)), queue_limit_(queue_limit) {
  for (auto& connection : connections_) {
    threads_.emplace_back([this, &connection] { loop(connection); });
    pthread_setname_np(threads_.back().native_handle(), "hekto-reader");
  }
}

ReaderPool::~ReaderPool() {
  {
    std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool ReaderPool::submit(Job job) {
  {
    std::scoped_lock lock(mutex_);
    if (queue_.size() >= queue_limit_) return false;
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void ReaderPool::loop(Connection& connection) {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job(connection);
  }
}

std::optional<Error> ReaderPool::guard(const std::function<void()>& work) {
  try {
    work();
    return std::nullopt;
  } catch (const DatabaseFault& fault) {
    log::error("a read from the store failed", {{"reason", fault.what()}});
    return Error{ErrorCode::storage, std::string("the store could not be read: ") + fault.what()};
  } catch (const std::exception& fault) {
    log::error("a read from the store ended by an exception", {{"what", fault.what()}});
    return Error{ErrorCode::internal, "the store could not be read"};
  }
}

}  // namespace hekto::store

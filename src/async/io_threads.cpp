// SPDX-License-Identifier: Apache-2.0
#include "async/io_threads.h"

#include <pthread.h>

namespace hekto::async {

IoThreads::IoThreads(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    // One thread runs each context and only it touches that context's sockets, so their locks are left out; work may
    // still be posted from anywhere.
    contexts_.push_back(std::make_unique<boost::asio::io_context>(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO));
    guards_.emplace_back(contexts_.back()->get_executor());
  }
}

IoThreads::~IoThreads() {
  stop();
  join();
}

Executor IoThreads::next() {
  return contexts_[next_.fetch_add(1, std::memory_order_relaxed) % contexts_.size()]->get_executor();
}

void IoThreads::start() {
  for (auto& context : contexts_) {
    threads_.emplace_back([&context] { context->run(); });
    pthread_setname_np(threads_.back().native_handle(), "hekto-io");
  }
}

void IoThreads::join() {
  guards_.clear();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  threads_.clear();
}

void IoThreads::stop() {
  for (auto& context : contexts_) context->stop();
}

}  // namespace hekto::async

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "async/io_threads.h"
#include "ports/runner.h"

namespace hekto::test {

/// Keeps what a run produced. Can refuse a call, and can act on each.
class RecordingSink final : public ports::RunSink {
 public:
  struct Item {
    std::size_t index = 0;
    bool list = true;
    std::string json;  ///< empty for files
    std::optional<ports::ProducedFile> file;
  };

  std::size_t refuse_from = 0;               ///< number of the first call (from 1) that is refused; 0: none is
  std::function<void(std::size_t)> on_call;  ///< gets the number of each call (from 1) before it is answered

  std::size_t calls = 0;
  std::size_t starts = 0;
  bool before_start = false;  ///< something came before started()
  std::vector<std::string> log_calls;
  std::vector<Item> items;

  std::string logs() const {
    std::string all;
    for (const auto& text : log_calls) all += text;
    return all;
  }

  async::Task<Result<void>> started() override {
    ++starts;
    co_return answer();
  }
  async::Task<Result<void>> log(std::string text) override {
    before_start = before_start || starts == 0;
    log_calls.push_back(std::move(text));
    co_return answer();
  }
  async::Task<Result<void>> output_json(std::size_t index, bool list, std::string json) override {
    before_start = before_start || starts == 0;
    items.push_back({index, list, std::move(json), std::nullopt});
    co_return answer();
  }
  async::Task<Result<void>> output_file(std::size_t index, bool list, ports::ProducedFile file) override {
    before_start = before_start || starts == 0;
    items.push_back({index, list, "", std::move(file)});
    co_return answer();
  }

 private:
  Result<void> answer() {
    ++calls;
    if (on_call) on_call(calls);
    if (refuse_from != 0 && calls >= refuse_from) return fail(ErrorCode::canceled, "the prediction ended");
    return {};
  }
};

/// Two io threads for the whole test program. A thread that posts to an io context may still be inside post() when the
/// posted work has run to its end already, so the contexts must outlive every pool that a test makes.
inline async::IoThreads& test_io() {
  static async::IoThreads io(2);
  static const bool started = (io.start(), true);
  static_cast<void>(started);
  return io;
}

/// Runs to the end on an io thread.
inline ports::RunOutcome run_to_end(ports::Runner& runner, ports::RunRequest request, ports::RunSink& sink) {
  return boost::asio::co_spawn(test_io().next(), runner.run(std::move(request), sink), boost::asio::use_future).get();
}

}  // namespace hekto::test

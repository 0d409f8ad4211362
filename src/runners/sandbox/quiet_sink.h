// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <string>
#include <variant>

#include "ports/runner.h"

namespace hekto::runners {

/// Passes on that a run started, and holds back everything else until flush(): nothing of the run shows before its end.
class QuietSink final : public ports::RunSink {
 public:
  /// `sink` must outlive this one.
  explicit QuietSink(ports::RunSink& sink) : sink_(sink) {}

  async::Task<Result<void>> started() override { return sink_.started(); }
  async::Task<Result<void>> log(std::string text) override;
  async::Task<Result<void>> output_json(std::size_t index, bool list, std::string json) override;
  async::Task<Result<void>> output_file(std::size_t index, bool list, ports::ProducedFile file) override;

  /// Passes on what was held back, in order, up to the first refusal.
  async::Task<Result<void>> flush();

 private:
  struct Item {
    std::size_t index = 0;
    bool list = true;
    std::variant<std::string, ports::ProducedFile> content;
  };

  ports::RunSink& sink_;
  std::string logs_;
  std::deque<Item> items_;
};

}  // namespace hekto::runners

// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/quiet_sink.h"

#include <utility>

namespace hekto::runners {

async::Task<Result<void>> QuietSink::log(std::string text) {
  logs_ += text;
  co_return Result<void>{};
}

async::Task<Result<void>> QuietSink::output_json(std::size_t index, bool list, std::string json) {
  items_.push_back({index, list, std::move(json)});
  co_return Result<void>{};
}

async::Task<Result<void>> QuietSink::output_file(std::size_t index, bool list, ports::ProducedFile file) {
  items_.push_back({index, list, std::move(file)});
  co_return Result<void>{};
}

async::Task<Result<void>> QuietSink::flush() {
  if (!logs_.empty()) {
    if (auto taken = co_await sink_.log(std::exchange(logs_, {})); !taken) co_return taken;
  }
  while (!items_.empty()) {
    Item item = std::move(items_.front());
    items_.pop_front();
    auto* json = std::get_if<std::string>(&item.content);
    Result<void> taken;
    if (json != nullptr) {
      taken = co_await sink_.output_json(item.index, item.list, std::move(*json));
    } else {
      taken = co_await sink_.output_file(item.index, item.list, std::get<ports::ProducedFile>(std::move(item.content)));
    }
    if (!taken) co_return taken;
  }
  co_return Result<void>{};
}

}  // namespace hekto::runners

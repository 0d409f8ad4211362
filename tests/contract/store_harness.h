// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "async/io_threads.h"
#include "ports/store.h"
#include "tests/support/results.h"
#include "tests/support/run_task.h"
#include "tests/support/samples.h"

namespace hekto::test {

/// A store under test with all that it needs; empty at first.
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  virtual ports::Store& store() = 0;
};

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StoreHarness>()> make;
  friend void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }
};

/// Every implementation that is held to the contract. Each file has a fixture of its own and instantiates it with
/// these.
std::vector<StoreKind> store_kinds();

class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  ports::Store& store() { return harness_->store(); }

  /// Creates a sample prediction (of `account`, at `created_at`), which must succeed, and returns it.
  domain::Prediction create(Time created_at = sample_time(), const std::string& account = sample_account());
  /// Creates one and takes it to processing; `lease` is the worker's.
  domain::Prediction create_running(ports::Lease& lease);
  /// Creates one, ends it at `completed_at`, with these output files.
  domain::Prediction create_finished(Time completed_at, std::vector<domain::OutputFile> files = {});
  domain::Prediction find(const std::string& id);

  /// Not started. Outlives the store, whose threads post to it.
  async::IoThreads io_{2};

 private:
  std::unique_ptr<StoreHarness> harness_ = GetParam().make();
};

}  // namespace hekto::test

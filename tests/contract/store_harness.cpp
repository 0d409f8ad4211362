// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/store_harness.h"

#include "store/sqlite/sqlite_store.h"
#include "tests/support/faulty_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/temp_dir.h"

namespace hekto::test {
namespace {

class SqliteHarness final : public StoreHarness {
 public:
  ports::Store& store() override { return *store_; }

 private:
  TempDir folder_;
  std::unique_ptr<store::SqliteStore> store_ = std::move(store::SqliteStore::open(folder_ / "data").value());
};

class MemoryHarness final : public StoreHarness {
 public:
  ports::Store& store() override { return store_; }

 private:
  MemoryStore store_;
};

/// The wrapper without a fault must be no different from what it wraps.
class FaultyHarness final : public StoreHarness {
 public:
  ports::Store& store() override { return store_; }

 private:
  MemoryStore inner_;
  FaultyStore store_{inner_};
};

}  // namespace

std::vector<StoreKind> store_kinds() {
  return {{"Sqlite", [] { return std::make_unique<SqliteHarness>(); }},
          {"Memory", [] { return std::make_unique<MemoryHarness>(); }},
          {"FaultyWithoutFaults", [] { return std::make_unique<FaultyHarness>(); }}};
}

domain::Prediction StoreContract::create(Time created_at, const std::string& account) {
  auto prediction = sample_prediction(created_at, account);
  EXPECT_TRUE(run_task(store().create_prediction(prediction)).has_value());
  return prediction;
}

domain::Prediction StoreContract::create_running(ports::Lease& lease) {
  const auto id = create().id;
  lease = {id, run_task(store().claim(id, sample_time())).value().epoch};
  return run_task(store().record(lease, {domain::Started{}}, sample_time())).value();
}

domain::Prediction StoreContract::create_finished(Time completed_at, std::vector<domain::OutputFile> files) {
  ports::Lease lease;
  create_running(lease);
  std::vector<domain::Event> events = {domain::Logged{"done\n"}};
  for (std::size_t i = 0; i < files.size(); ++i) {
    events.push_back(domain::Produced{i, true, domain::file_placeholder(0), {files[i]}});
  }
  events.push_back(domain::Succeeded{""});
  return run_task(store().record(lease, events, completed_at)).value();
}

domain::Prediction StoreContract::find(const std::string& id) {
  return run_task(store().find_prediction(id)).value_or(domain::Prediction{});
}

}  // namespace hekto::test

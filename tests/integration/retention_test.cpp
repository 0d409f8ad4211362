// SPDX-License-Identifier: Apache-2.0
#include "service/retention.h"

#include "tests/integration/service_fixture.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;

class RetentionTest : public ServiceFixture {
 protected:
  domain::Prediction finished() {
    start({{FakeRunner::Log{"x"}, FakeRunner::File{{"out-0.png", "image/png", "bytes"}}}});
    return ended(*create());
  }
  service::Retention retention{store, files, clock, recent, 1h};
};

TEST_F(RetentionTest, RemovesDataAndFilesOneHourAfterTheEnd) {
  const auto p = finished();
  clock.advance(1h - 1us);
  EXPECT_EQ(run(retention.sweep()), 0u);
  EXPECT_EQ(memory_files.size(), 1u);

  clock.advance(2us);
  EXPECT_EQ(run(retention.sweep()), 1u);
  EXPECT_EQ(memory_files.size(), 0u);
  const auto after = run(predictions->get("alice", p.id));
  ASSERT_TRUE(after);
  EXPECT_TRUE((*after)->value.data_removed);
  EXPECT_TRUE((*after)->value.output.empty());
  EXPECT_EQ((*after)->value.status, domain::Status::succeeded);
}

TEST_F(RetentionTest, TriesAgainToRemoveAFileThatCouldNotBeRemoved) {
  finished();
  clock.advance(2h);
  files.plan().fail("remove", 1, {ErrorCode::storage, "on purpose"});
  EXPECT_FALSE(run(retention.sweep()));
  EXPECT_EQ(memory_files.size(), 1u);
  EXPECT_TRUE(run(retention.sweep()));
  EXPECT_EQ(memory_files.size(), 0u);
  EXPECT_TRUE(run(store.garbage(10))->empty());
}

TEST_F(RetentionTest, RemovesFilesThatNobodyNamesButOnlyOldOnes) {
  MemoryFileStore old_files([] { return from_micros(1); });
  service::Retention sweeping(store, old_files, clock, recent, 1h);
  ASSERT_TRUE(run(old_files.put(new_id(clock.now()), "left by a crash")));
  EXPECT_EQ(run(sweeping.remove_orphans()), 1u);
  EXPECT_EQ(old_files.size(), 0u);

  MemoryFileStore young_files([this] { return clock.now(); });
  service::Retention careful(store, young_files, clock, recent, 1h);
  ASSERT_TRUE(run(young_files.put(new_id(clock.now()), "of a run under way")));
  EXPECT_EQ(run(careful.remove_orphans()), 0u);
  EXPECT_EQ(young_files.size(), 1u);
}

}  // namespace
}  // namespace hekto::test

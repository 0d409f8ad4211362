// SPDX-License-Identifier: Apache-2.0
// Output files of relayed predictions that readers see while they are still on their way.
#include <map>

#include "service/live_files.h"
#include "service/run_sink.h"
#include "tests/integration/service_fixture.h"
#include "tests/support/results.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using service::LiveFile;

class LiveOutputs : public ServiceFixture {
 protected:
  LiveOutputs() {
    start({}, [this] {
      service::DispatchOptions options;
      options.on_change = [this](const service::SnapshotPtr& shown) { told.push_back(shown); };
      return options;
    }());
    domain::Prediction p;
    p.id = id;
    p.account = "alice";
    p.created_at = clock.now();
    p.relay = domain::RelayTarget{};
    run(store.create_prediction(p)).value();
    claim();
  }
  ~LiveOutputs() override { sink.reset(); }

  void claim() {
    sink.reset();
    auto claimed = run(store.claim(id, clock.now())).value();
    dispatcher->publish(claimed);
    sink = std::make_unique<service::RunSink>(
        store, files, clock, std::move(claimed), 500ms,
        [this](const domain::Prediction& shown) { dispatcher->publish(shown); }, std::function<void()>(), &live);
    ASSERT_TRUE(run(sink->started()));
  }
  /// A file of which `bytes` have come.
  std::shared_ptr<ports::ArrivingFile> arriving(std::string_view bytes) {
    auto file = sink->receive();
    EXPECT_TRUE(run(file->begin()));
    file->describe("image/png", 10);
    EXPECT_TRUE(file->append(bytes));
    return file;
  }
  Result<void> show(std::size_t index, std::vector<std::shared_ptr<ports::ArrivingFile>> of) {
    std::string json;
    std::vector<ports::Arriving> all;
    for (auto& file : of) {
      json += domain::file_placeholder(all.size());
      all.push_back({name_of(index), "image/png", 10, std::move(file)});
    }
    return run(sink->output_arriving(index, true, of.size() == 1 ? json : "[" + json + "]", std::move(all)));
  }
  Result<void> keep(std::size_t index, std::shared_ptr<ports::ArrivingFile> file) {
    auto key = run(file->finish());
    if (!key) return std::unexpected(key.error());
    return run(sink->output_stored(index, true, domain::file_placeholder(0),
                                   {{name_of(index), "image/png", file->size(), key->sha256}}));
  }
  static std::string name_of(std::size_t index) { return "out-" + std::to_string(index) + ".png"; }
  domain::Prediction seen() { return run(predictions->get_unchecked(id)).value()->value; }
  domain::Prediction committed() { return run(store.find_prediction(id)).value(); }
  std::string read(LiveFile& file) {
    const auto content = file.state().content;
    return content ? run(content->read(0, 100)).value() : "nothing";
  }

  const std::string id = new_id(clock.now());
  service::LiveFiles live;
  std::unique_ptr<service::RunSink> sink;
  std::vector<service::SnapshotPtr> told;
};

TEST_F(LiveOutputs, AreShownToReadersAndReadAsTheyComeButNotCommitted) {
  const auto file = arriving("some ");
  ASSERT_TRUE(show(0, {file}));
  ASSERT_EQ(seen().output.files.size(), 1u);
  EXPECT_EQ(seen().output.files[0].name, "out-0.png");
  EXPECT_TRUE(seen().output.files[0].is_arriving());
  EXPECT_EQ(seen().status, domain::Status::processing);
  EXPECT_TRUE(committed().output.empty());
  EXPECT_TRUE(told.back()->value.output.empty()) << "webhooks hear of what is kept";
  const auto shown = live.find(id, 0);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->name, "out-0.png");
  EXPECT_EQ(read(*shown->file), "some ");
  ASSERT_TRUE(file->append("bytes"));
  EXPECT_EQ(read(*shown->file), "some bytes");

  ASSERT_TRUE(keep(0, file));
  EXPECT_FALSE(seen().output.files[0].is_arriving());
  EXPECT_EQ(seen().output, committed().output);
  EXPECT_EQ(told.back()->value.output.files.size(), 1u);
  EXPECT_EQ(live.size(), 0u);
  EXPECT_EQ(shown->file->state().stage, LiveFile::Stage::whole);
  EXPECT_EQ(read(*shown->file), "some bytes") << "for who reads it already";
}

TEST_F(LiveOutputs, StayShownWhileLogsComeAndOthersAreKept) {
  const auto first = arriving("first");
  const auto second = arriving("second");
  ASSERT_TRUE(show(0, {first}));
  ASSERT_TRUE(show(1, {second}));
  ASSERT_TRUE(run(sink->log("50%\n")));
  EXPECT_EQ(seen().logs, "50%\n");
  EXPECT_EQ(seen().output.items.size(), 2u);
  clock.advance(1s);
  ASSERT_TRUE(run(sink->log("99%\n")));
  EXPECT_EQ(committed().logs, "50%\n99%\n");
  EXPECT_TRUE(committed().output.empty());
  EXPECT_EQ(seen().output.items.size(), 2u);
  ASSERT_TRUE(keep(0, first));
  EXPECT_EQ(committed().output.items.size(), 1u);
  ASSERT_EQ(seen().output.items.size(), 2u);
  EXPECT_FALSE(seen().output.files[0].is_arriving());
  EXPECT_TRUE(seen().output.files[1].is_arriving());
  EXPECT_FALSE(live.find(id, 0));
  EXPECT_EQ(read(*live.find(id, 1)->file), "second");
  ASSERT_TRUE(keep(1, second));
  EXPECT_EQ(seen().output, committed().output);
}

TEST_F(LiveOutputs, AreCountedOnBehindFilesThatOtherItemsHave) {
  ASSERT_TRUE(show(0, {arriving("a"), arriving("b")}));
  ASSERT_TRUE(show(1, {arriving("c")}));
  EXPECT_EQ(read(*live.find(id, 1)->file), "b");
  EXPECT_EQ(read(*live.find(id, 2)->file), "c");
  EXPECT_NE(seen().output.items[1].find("\x01"
                                        "2\x01"),
            std::string::npos);
}

TEST_F(LiveOutputs, AreGivenUpWhenTheRunEndsWithoutThem) {
  ASSERT_TRUE(show(0, {arriving("some")}));
  const auto shown = live.find(id, 0);
  run(sink->finish(domain::Failed{"gone", ""}));
  EXPECT_EQ(seen().status, domain::Status::failed);
  EXPECT_TRUE(seen().output.empty());
  sink.reset();
  EXPECT_EQ(live.size(), 0u);
  EXPECT_EQ(shown->file->state().stage, LiveFile::Stage::gone);
  EXPECT_EQ(memory_files.size(), 0u);
}

TEST_F(LiveOutputs, AreTakenBackByACancel) {
  ASSERT_TRUE(run(sink->output_json(0, true, "\"text\"")));
  ASSERT_TRUE(show(1, {arriving("some")}));
  EXPECT_EQ(committed().output.items.size(), 1u) << "what was shown before is committed first";
  const auto canceled = run(predictions->cancel("alice", id)).value()->value;
  EXPECT_EQ(canceled.output.items.size(), 1u);
  EXPECT_EQ(code_of(keep(1, arriving("some"))), ErrorCode::canceled);
  EXPECT_EQ(seen().output.items.size(), 1u);
}

TEST_F(LiveOutputs, HaveTheSamePlaceWhenAnotherRunTakesThemUp) {
  ASSERT_TRUE(show(0, {arriving("some")}));
  claim();
  EXPECT_TRUE(seen().output.empty()) << "nothing is known of it for a moment";
  ASSERT_TRUE(show(0, {arriving("again")}));
  EXPECT_EQ(read(*live.find(id, 0)->file), "again");
}

TEST_F(LiveOutputs, BeginAnewForReadersThatWatch) {
  const auto file = arriving("some");
  ASSERT_TRUE(show(0, {file}));
  const auto reader = live.find(id, 0)->file;
  const auto bell = std::make_shared<async::Bell>();
  const LiveFile::Watch watch(reader, bell);
  const auto first = reader->state();
  EXPECT_FALSE(run(bell->wait(0s)));
  file->broke();
  EXPECT_TRUE(run(bell->wait(0s)));
  EXPECT_EQ(reader->state().stage, LiveFile::Stage::awaited);
  EXPECT_EQ(run(first.content->read(0, 100)).value(), "some") << "for the comparison with what comes next";
  ASSERT_TRUE(run(file->begin()));
  file->describe("image/png", 5);
  ASSERT_TRUE(file->append("again"));
  EXPECT_TRUE(run(bell->wait(0s)));
  EXPECT_EQ(reader->state().attempt, first.attempt + 1);
  EXPECT_EQ(read(*reader), "again");
}

TEST_F(LiveOutputs, AreNotKeptWhenTheDiskRefuses) {
  const auto file = arriving("some bytes");
  ASSERT_TRUE(show(0, {file}));
  files.plan().fail("receive", 1, {ErrorCode::storage, "disk full"});
  EXPECT_EQ(code_of(run(sink->receive()->begin())), ErrorCode::storage);
  EXPECT_EQ(memory_files.size(), 0u);
}

}  // namespace
}  // namespace hekto::test

// SPDX-License-Identifier: Apache-2.0
#include "service/files.h"

#include <gmock/gmock.h>

#include "service/input_files.h"
#include "service/retention.h"
#include "tests/integration/service_fixture.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using domain::Value;
using testing::HasSubstr;

class FilesTest : public ServiceFixture {
 protected:
  FilesTest() {
    domain::Model model = make_model("acme", "seer", domain::OutputKind::text, {}, object({{"type", "string"}}));
    auto& version = model.versions.front();
    version.id = std::string(64, 'e');
    const Value uri = file_schema();
    version.input =
        domain::Schema::compile(
            object(
                {{"type", "object"},
                 {"properties",
                  object({{"image", uri}, {"images", list_schema(uri)}, {"prompt", object({{"type", "string"}})}})}}),
            Value())
            .value();
    catalog.add(std::move(model));
  }

  domain::File upload(std::string bytes = "\x89PNG\r\n\x1a\n and more", const std::string& account = "alice") {
    return run(uploads.create(account, {"fox.png", "", "{}", std::move(bytes)})).value();
  }
  static std::string url(const domain::File& file) { return "https://hekto.example/v1/files/" + file.id; }

  /// Runs the model with this input to its end.
  domain::Prediction predict(Value::Object input) {
    service::CreatePrediction create;
    create.offer = domain::Catalog::offer(catalog.find("acme", "seer"), nullptr);
    create.input = Value(std::move(input));
    return ended(make(alice, std::move(create)).value());
  }
  std::string content(std::size_t index) {
    const auto file = runner->requests().back().files.at(index);
    return run(file.content->read(0, 1000)).value();
  }

  service::Files uploads{store, files, clock, {.max_bytes = 1000, .lifetime = 24h}};
};

TEST_F(FilesTest, AnUploadIsKeptForADay) {
  const auto file = upload();
  EXPECT_EQ(file.content_type, "image/png");
  EXPECT_EQ(file.expires_at, clock.now() + 24h);
  EXPECT_EQ(run(uploads.get("alice", file.id)).value(), file);
  clock.advance(24h - 1us);
  EXPECT_TRUE(run(uploads.get("alice", file.id)));
  clock.advance(1us);
  EXPECT_FALSE(run(uploads.get("alice", file.id)));
  EXPECT_FALSE(run(uploads.remove("alice", file.id)));
  EXPECT_TRUE(run(uploads.list({"alice", {}, {}, 10}))->items.empty());
  service::Retention retention(store, files, clock, recent, 1h);
  ASSERT_TRUE(run(retention.sweep()));
  EXPECT_EQ(memory_files.size(), 0u);
}

TEST_F(FilesTest, AnotherAccountsFileLooksLikeAnUnknownOne) {
  const auto file = upload();
  const auto foreign = run(uploads.get("bob", file.id));
  const auto unknown = run(uploads.get("bob", domain::new_file_id()));
  const auto malformed = run(uploads.get("bob", "x"));
  ASSERT_FALSE(foreign || unknown || malformed);
  EXPECT_EQ(foreign.error().message, unknown.error().message);
  EXPECT_EQ(malformed.error().message, unknown.error().message);
  EXPECT_FALSE(run(uploads.remove("bob", file.id)));
  EXPECT_TRUE(run(uploads.get("alice", file.id)));
}

TEST_F(FilesTest, ADeletedFileIsGoneAtOnceAndItsBytesWithTheNextSweep) {
  const auto file = upload();
  ASSERT_TRUE(run(uploads.remove("alice", file.id)));
  EXPECT_FALSE(run(uploads.get("alice", file.id)));
  service::Retention retention(store, files, clock, recent, 1h);
  ASSERT_TRUE(run(retention.sweep()));
  EXPECT_EQ(memory_files.size(), 0u);
}

TEST_F(FilesTest, NothingIsKeptOfAnUploadThatCouldNotBeStored) {
  EXPECT_EQ(run(uploads.create("alice", {"x", "", "{}", std::string(1001, 'x')})).error().code, ErrorCode::too_large);
  files.plan().fail("put", 1, {ErrorCode::storage, "disk full, on purpose"});
  EXPECT_FALSE(run(uploads.create("alice", {"x", "", "{}", "x"})));
  EXPECT_EQ(store.plan().calls("create_file"), 0) << "a row without bytes must never be there";
}

TEST_F(FilesTest, TheTypeIsFoundOutWhenTheClientDoesNotKnowIt) {
  const auto type = [&](std::string name, std::string declared, std::string bytes) {
    return run(uploads.create("alice", {std::move(name), std::move(declared), "{}", std::move(bytes)}))->content_type;
  };
  EXPECT_EQ(type("upload", "application/octet-stream", "\xFF\xD8\xFF"), "image/jpeg");
  EXPECT_EQ(type("upload", "Application/Octet-Stream", "GIF89a"), "image/gif");
  EXPECT_EQ(type("upload", "no type", "GIF89a"), "image/gif");
  EXPECT_EQ(type("a.csv", "", "a,b"), "text/csv");
  EXPECT_EQ(type("upload", "", std::string("\0\x01", 2)), "application/octet-stream");
  EXPECT_EQ(type("a.png", "image/x-own", "GIF89a"), "image/x-own") << "what is declared is believed";
}

TEST_F(FilesTest, AnInputGivesTheRunnerTheContentOfItsFiles) {
  start({{FakeRunner::Json{"\"seen\""}}, false});
  const auto file = upload("GIF89a bytes");
  const auto p = predict({{"image", url(file)},
                          {"images", Value::Array{"data:text/plain,hello", "https://elsewhere.example/x.png"}},
                          {"prompt", "data:text/plain,no file"}});
  ASSERT_EQ(p.status, domain::Status::succeeded) << *p.error;
  const auto seen = runner->requests().back().files;
  ASSERT_EQ(seen.size(), 2u) << "a URL of another server is left to the runner";
  EXPECT_EQ(seen[0].pointer, "/image");
  EXPECT_EQ(seen[0].name, "fox.png");
  EXPECT_EQ(seen[0].content_type, "image/gif");
  EXPECT_EQ(content(0), "GIF89a bytes");
  EXPECT_EQ(seen[1].pointer, "/images/0");
  EXPECT_EQ(seen[1].name, "images-0.txt");
  EXPECT_EQ(seen[1].content_type, "text/plain");
  EXPECT_EQ(content(1), "hello");
  EXPECT_EQ(runner->requests().back().input.text_of("image"), url(file)) << "the input stays as it was sent";
}

TEST_F(FilesTest, AnInputThatNamesNoUsableFileFailsThePrediction) {
  start({});
  const auto why = [&](const std::string& text) {
    const auto p = predict({{"images", Value::Array{text}}});
    EXPECT_EQ(p.status, domain::Status::failed);
    return p.error.value_or("");
  };
  const std::string missing = "Input file input.images.0 cannot be used: the file does not exist or has expired";
  const auto foreign = upload("x", "bob");
  const auto expired = upload();
  clock.advance(25h);
  const auto deleted = upload();
  ASSERT_TRUE(run(uploads.remove("alice", deleted.id)));
  EXPECT_EQ(why("https://h.example/v1/files/" + domain::new_file_id()), missing);
  EXPECT_EQ(why(url(foreign)), missing);
  EXPECT_EQ(why(url(expired)), missing);
  EXPECT_EQ(why(url(deleted)), missing);
  EXPECT_THAT(why("data:image/png;base64,???"), HasSubstr("not valid base64"));
  EXPECT_TRUE(runner->requests().empty());
}

TEST_F(FilesTest, InputFilesAreLimitedInSizeAndType) {
  service::DispatchOptions options;
  options.inputs = {.max_bytes = 10, .types = {"text/*", "image/png"}};
  start({{FakeRunner::Json{"\"seen\""}}, false}, options);
  const auto two = [](const char* a, const char* b) { return Value::Array{a, b}; };
  EXPECT_EQ(predict({{"images", two("data:text/plain,12345", "data:text/csv,67890")}}).status,
            domain::Status::succeeded);
  EXPECT_THAT(*predict({{"images", two("data:text/plain,12345", "data:text/csv,678901")}}).error,
              HasSubstr("input.images.1 cannot be used: the files of one prediction may have 10 bytes together"));
  EXPECT_THAT(*predict({{"image", "data:image/gif,x"}}).error, HasSubstr("takes no files of type image/gif"));
}

TEST_F(FilesTest, AStoreThatIsDownForAMomentDoesNotFailThePrediction) {
  start({{FakeRunner::Json{"\"seen\""}}, false});
  const auto file = upload();
  store.plan().fail("find_file", 1, {ErrorCode::unavailable, "on purpose"});
  const auto p = predict({{"image", url(file)}});
  EXPECT_EQ(p.status, domain::Status::succeeded);
  EXPECT_EQ(p.attempts, 2);
}

}  // namespace
}  // namespace hekto::test

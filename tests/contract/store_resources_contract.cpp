// SPDX-License-Identifier: Apache-2.0
// What clients create beside predictions: uploaded files, deployments, models.
#include "tests/contract/store_harness.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;

const std::string kOther = "01kzzzzzzzzzzzzzzzzzzzzzz4";

class StoreResources : public StoreContract {
 protected:
  domain::File file(Time created_at = sample_time(), const std::string& account = sample_account()) {
    domain::File f;
    f.id = domain::new_file_id();
    f.account = account;
    f.name = "c\xC3\xA1o.png";
    f.content_type = "image/png";
    f.size = 5'000'000'000;
    f.sha256 = std::string(64, 'a');
    f.metadata = R"({"customer":7})";
    f.created_at = created_at;
    f.expires_at = created_at + 24h;
    return f;
  }
  domain::File add(const domain::File& f) {
    EXPECT_TRUE(run_task(store().create_file(f)).has_value());
    return f;
  }
  domain::Deployment deployment(const std::string& name, Time created_at = sample_time(),
                                const std::string& account = sample_account()) {
    domain::Deployment d{account, name, created_at, {}};
    d.release = {1, "meta/llama", std::string(64, 'b'), "cpu", 0, 20, created_at};
    return d;
  }
  domain::Deployment add(const domain::Deployment& d) {
    EXPECT_TRUE(run_task(store().create_deployment(d)).has_value());
    return d;
  }
  domain::OwnedModel model(const std::string& name, const std::string& visibility = "private",
                           const std::string& owner = "acme") {
    domain::OwnedModel m;
    m.account = owner == "acme" ? sample_account() : kOther;
    m.owner = owner;
    m.name = name;
    m.visibility = visibility;
    m.hardware = "cpu";
    m.created_at = sample_time();
    return m;
  }
  domain::OwnedModel add(const domain::OwnedModel& m) {
    EXPECT_TRUE(run_task(store().create_model(m)).has_value());
    return m;
  }
  std::vector<std::string> file_ids(const ports::PageQuery& query, Time now = sample_time()) {
    std::vector<std::string> ids;
    for (const auto& f : run_task(store().list_files(query, now)).value().items) ids.push_back(f.id);
    return ids;
  }
  ports::PageQuery page(const std::string& account = sample_account()) {
    ports::PageQuery query;
    query.account = account;
    return query;
  }
};

TEST_P(StoreResources, KeepsEveryFieldOfAFile) {
  const auto f = add(file());
  EXPECT_EQ(run_task(store().find_file(f.id)).value(), f);
  EXPECT_EQ(code_of(run_task(store().create_file(f))), ErrorCode::conflict);
  EXPECT_EQ(code_of(run_task(store().find_file(domain::new_file_id()))), ErrorCode::not_found);
}

TEST_P(StoreResources, ListsTheFilesOfOneAccountNewestFirstInPages) {
  std::vector<domain::File> files;
  for (int i = 0; i < 7; ++i) {
    files.push_back(add(file(sample_time() + std::chrono::seconds(i / 2))));  // two share a moment each
    add(file(sample_time() + std::chrono::seconds(i), kOther));
  }
  std::ranges::sort(files, [](const auto& a, const auto& b) {
    return std::pair(b.created_at, b.id) < std::pair(a.created_at, a.id);
  });
  const auto ids = [&](std::size_t from, std::size_t to) {
    std::vector<std::string> out;
    for (; from < to; ++from) out.push_back(files[from].id);
    return out;
  };
  auto query = page();
  EXPECT_EQ(file_ids(query), ids(0, 7));
  EXPECT_FALSE(run_task(store().list_files(query, sample_time())).value().more);
  query.limit = 3;
  EXPECT_EQ(file_ids(query), ids(0, 3));
  EXPECT_TRUE(run_task(store().list_files(query, sample_time())).value().more);
  query.before = ports::Position{files[2].created_at, files[2].id};
  EXPECT_EQ(file_ids(query), ids(3, 6));
  query.before = ports::Position{files[5].created_at, files[5].id};
  EXPECT_EQ(file_ids(query), ids(6, 7));
  EXPECT_FALSE(run_task(store().list_files(query, sample_time())).value().more);
  query.before.reset();
  query.after = ports::Position{files[6].created_at, files[6].id};
  EXPECT_EQ(file_ids(query), ids(3, 6)) << "those nearest to the cursor, still newest first";
  EXPECT_TRUE(run_task(store().list_files(query, sample_time())).value().more);
  query.limit = 6;
  EXPECT_EQ(file_ids(query), ids(0, 6));
  EXPECT_FALSE(run_task(store().list_files(query, sample_time())).value().more);
}

TEST_P(StoreResources, GoesOnBehindACursorWhoseFileIsGone) {
  const auto old = add(file());
  const auto middle = add(file(sample_time() + 1s));
  add(file(sample_time() + 2s));
  ASSERT_TRUE(run_task(store().remove_file(middle.account, middle.id)).has_value());
  auto query = page();
  query.before = ports::Position{middle.created_at, middle.id};
  EXPECT_EQ(file_ids(query), std::vector{old.id});
}

TEST_P(StoreResources, ListsNoFileThatHasExpired) {
  const auto first = add(file());
  const auto second = add(file(sample_time() + 1s));
  EXPECT_EQ(file_ids(page(), first.expires_at - 1us).size(), 2u);
  EXPECT_EQ(file_ids(page(), first.expires_at), std::vector{second.id});
}

TEST_P(StoreResources, MakesGarbageOfARemovedFileForItsOwnerAlone) {
  const auto f = add(file());
  EXPECT_EQ(code_of(run_task(store().remove_file(kOther, f.id))), ErrorCode::not_found);
  EXPECT_EQ(run_task(store().find_file(f.id)).value(), f);
  EXPECT_TRUE(run_task(store().garbage(10)).value().empty());
  ASSERT_TRUE(run_task(store().remove_file(f.account, f.id)).has_value());
  EXPECT_EQ(code_of(run_task(store().find_file(f.id))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run_task(store().remove_file(f.account, f.id))), ErrorCode::not_found);
  const auto garbage = run_task(store().garbage(10)).value();
  ASSERT_EQ(garbage.size(), 1u);
  EXPECT_EQ(std::pair(garbage[0].owner, garbage[0].sha256), std::pair(f.id, f.sha256));
}

TEST_P(StoreResources, ExpiresWhatIsDueOldestFirstUpToTheLimit) {
  const auto third = add(file(sample_time() + 3s));
  const auto first = add(file(sample_time() + 1s));
  const auto second = add(file(sample_time() + 2s, kOther));
  const auto later = add(file(sample_time() + 4s));
  EXPECT_EQ(run_task(store().expire_files(first.expires_at - 1us, 10)).value(), 0u);
  EXPECT_EQ(run_task(store().expire_files(third.expires_at, 2)).value(), 2u);
  EXPECT_EQ(code_of(run_task(store().find_file(second.id))), ErrorCode::not_found);
  EXPECT_TRUE(run_task(store().find_file(third.id)).has_value());
  EXPECT_EQ(run_task(store().expire_files(third.expires_at, 2)).value(), 1u);
  EXPECT_EQ(run_task(store().garbage(10)).value().size(), 3u);
  EXPECT_TRUE(run_task(store().find_file(later.id)).has_value());
}

TEST_P(StoreResources, TakesNoUploadedFileForAnOrphan) {
  const auto f = add(file());
  const std::vector<ports::Garbage> candidates = {{1, f.id, f.sha256}, {2, f.id, std::string(64, 'f')}};
  const auto orphans = run_task(store().orphans(candidates)).value();
  ASSERT_EQ(orphans.size(), 1u);
  EXPECT_EQ(orphans[0].id, 2);
  ASSERT_TRUE(run_task(store().remove_file(f.account, f.id)).has_value());
  EXPECT_EQ(run_task(store().orphans(candidates)).value().size(), 1u) << "garbage is not an orphan either";
}

TEST_P(StoreResources, KeepsTheDeploymentOfAPrediction) {
  auto p = sample_prediction();
  p.deployment = "painter";
  ASSERT_TRUE(run_task(store().create_prediction(p)).has_value());
  EXPECT_EQ(find(p.id), p);
}

TEST_P(StoreResources, KeepsOneDeploymentANameAndAccount) {
  const auto mine = add(deployment("painter"));
  const auto theirs = add(deployment("painter", sample_time() + 1s, kOther));
  EXPECT_EQ(run_task(store().find_deployment(sample_account(), "painter")).value(), mine);
  EXPECT_EQ(run_task(store().find_deployment(kOther, "painter")).value(), theirs);
  EXPECT_EQ(code_of(run_task(store().create_deployment(deployment("painter")))), ErrorCode::conflict);
  EXPECT_EQ(code_of(run_task(store().find_deployment(sample_account(), "Painter"))), ErrorCode::not_found);
}

TEST_P(StoreResources, ListsDeploymentsNewestFirstInPages) {
  for (int i = 0; i < 5; ++i) {
    add(deployment("d" + std::to_string(i), sample_time() + std::chrono::seconds(i)));
    add(deployment("d" + std::to_string(i), sample_time(), kOther));
  }
  const auto names = [&](const ports::PageQuery& query) {
    std::string out;
    for (const auto& d : run_task(store().list_deployments(query)).value().items) out += d.name + " ";
    return out;
  };
  auto query = page();
  EXPECT_EQ(names(query), "d4 d3 d2 d1 d0 ");
  query.limit = 2;
  query.before = ports::Position{sample_time() + 3s, "d3"};
  EXPECT_EQ(names(query), "d2 d1 ");
  EXPECT_TRUE(run_task(store().list_deployments(query)).value().more);
  query.before.reset();
  query.after = ports::Position{sample_time() + 1s, "d1"};
  EXPECT_EQ(names(query), "d3 d2 ");
  EXPECT_EQ(names(page(kOther)), "d4 d3 d2 d1 d0 ") << "made at one moment: by name";
}

TEST_P(StoreResources, TakesOneOfTwoReleasesThatFollowTheSame) {
  const auto d = add(deployment("painter"));
  domain::Release next{2, "meta/llama", std::string(64, 'c'), "gpu-t4", 1, 5, sample_time() + 1h};
  const auto released = run_task(store().release(d.account, d.name, next)).value();
  EXPECT_EQ(released.release, next);
  EXPECT_EQ(released.created_at, d.created_at);
  EXPECT_EQ(code_of(run_task(store().release(d.account, d.name, next))), ErrorCode::conflict);
  next.number = 4;
  EXPECT_EQ(code_of(run_task(store().release(d.account, d.name, next))), ErrorCode::conflict);
  EXPECT_EQ(run_task(store().find_deployment(d.account, d.name)).value(), released);
  EXPECT_EQ(code_of(run_task(store().release(kOther, d.name, next))), ErrorCode::not_found);
}

TEST_P(StoreResources, DeletesADeploymentForItsOwnerAlone) {
  const auto d = add(deployment("painter"));
  EXPECT_EQ(code_of(run_task(store().delete_deployment(kOther, d.name))), ErrorCode::not_found);
  EXPECT_TRUE(run_task(store().delete_deployment(d.account, d.name)).has_value());
  EXPECT_EQ(code_of(run_task(store().delete_deployment(d.account, d.name))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run_task(store().find_deployment(d.account, d.name))), ErrorCode::not_found);
}

TEST_P(StoreResources, KeepsEveryFieldOfAModel) {
  auto m = model("hot-dog");
  m.description = "";
  m.readme = "# Hot dog";
  m.github_url = "https://g.example";
  m.paper_url = "https://p.example";
  m.license_url = "https://l.example";
  m.weights_url = "https://w.example";
  m.cover_image_url = "https://c.example";
  add(m);
  EXPECT_EQ(run_task(store().find_model("acme", "hot-dog")).value(), m);
  const auto bare = add(model("bare"));
  EXPECT_EQ(run_task(store().find_model("acme", "bare")).value(), bare);
  EXPECT_EQ(code_of(run_task(store().create_model(model("bare", "public")))), ErrorCode::conflict);
  EXPECT_EQ(code_of(run_task(store().find_model("acme", "none"))), ErrorCode::not_found);
}

TEST_P(StoreResources, ListsOnesOwnModelsAndThePublicOnesOfOthers) {
  const auto mine = add(model("mine"));
  auto open = model("open", "public", "globex");
  open.created_at += 1s;
  add(open);
  add(model("hidden", "private", "globex"));
  EXPECT_EQ(run_task(store().list_models(sample_account())).value(), (std::vector{mine, open})) << "oldest first";
  EXPECT_EQ(run_task(store().list_models("nobody")).value(), std::vector{open});
}

TEST_P(StoreResources, ChangesAndDeletesAModel) {
  auto m = add(model("m"));
  m.visibility = "public";
  m.readme = "text";
  auto sent = m;
  sent.created_at += 1h;
  sent.account = kOther;
  ASSERT_TRUE(run_task(store().update_model(sent)).has_value());
  EXPECT_EQ(run_task(store().find_model("acme", "m")).value(), m) << "whose it is and since when does not change";
  EXPECT_EQ(code_of(run_task(store().update_model(model("none")))), ErrorCode::not_found);
  EXPECT_TRUE(run_task(store().delete_model("acme", "m")).has_value());
  EXPECT_EQ(code_of(run_task(store().delete_model("acme", "m"))), ErrorCode::not_found);
}

INSTANTIATE_TEST_SUITE_P(Every, StoreResources, testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace hekto::test

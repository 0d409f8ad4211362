// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <stdexcept>
#include <string>

#include "store/sqlite/output_codec.h"
#include "store/sqlite/page.h"
#include "store/sqlite/prediction_row.h"
#include "store/sqlite/predictions.h"
#include "store/sqlite/resources.h"

namespace hekto::store {
namespace {

constexpr char kToPurge[] =
    "SELECT id FROM predictions INDEXED BY predictions_to_purge "
    "WHERE status >= 2 AND data_removed = 0 AND completed_at < ?1 ORDER BY completed_at, seq LIMIT ?2";
constexpr char kAddGarbage[] = "INSERT INTO garbage(owner, sha256) VALUES(?1, ?2) ON CONFLICT DO NOTHING";
constexpr char kGarbage[] = "SELECT id, owner, sha256 FROM garbage ORDER BY id LIMIT ?1";
constexpr char kForget[] = "DELETE FROM garbage WHERE id = ?1";
constexpr char kFilesOf[] = "SELECT files FROM predictions WHERE id = ?1";
constexpr char kIsGarbage[] = "SELECT 1 FROM garbage WHERE owner = ?1 AND sha256 = ?2";

bool is_named(Connection& connection, const ports::Garbage& file) {
  Query prediction(connection, kFilesOf);
  prediction.bind(file.owner);
  if (prediction.step()) {
    std::vector<domain::OutputFile> files;
    // A row that cannot be read must not cost a file that it may name.
    if (!decode_files(prediction.take_blob(), files)) throw std::runtime_error("the files of a prediction are damaged");
    if (std::ranges::find(files, file.sha256, &domain::OutputFile::sha256) != files.end()) return true;
  }
  if (has_file(connection, file.owner, file.sha256)) return true;
  Query garbage(connection, kIsGarbage);
  garbage.bind(file.owner, file.sha256);
  return garbage.step();
}

}  // namespace

Result<std::vector<std::string>> purge(Connection& connection, Time completed_before, std::size_t limit, Time now) {
  std::vector<std::string> ids;
  {
    // Read to the end first: what follows changes the very index that this walks along.
    Query query(connection, kToPurge);
    query.bind(completed_before, limit_number(limit));
    while (query.step()) ids.push_back(query.take_text());
  }
  for (const auto& id : ids) {
    auto row = load_prediction(connection, id);
    if (!row) throw std::runtime_error("the index of predictions to purge names one that is not there");
    for (const auto& file : row->prediction.output.files) Query(connection, kAddGarbage).bind(id, file.sha256).run();
    auto purged = domain::apply(std::move(row->prediction), domain::Purged{}, now);
    if (!purged) return std::unexpected(purged.error());
    row->prediction = std::move(*purged);
    update_purged(connection, *row);
  }
  return ids;
}

Result<std::vector<ports::Garbage>> garbage(Connection& connection, std::size_t limit) {
  Query query(connection, kGarbage);
  query.bind(limit_number(limit));
  std::vector<ports::Garbage> found;
  while (query.step()) {
    auto& entry = found.emplace_back();
    entry.id = query.take_int();
    entry.owner = query.take_text();
    entry.sha256 = query.take_text();
  }
  return found;
}

Result<void> forget_garbage(Connection& connection, const std::vector<std::int64_t>& ids) {
  for (const auto id : ids) Query(connection, kForget).bind(id).run();
  return {};
}

Result<std::vector<ports::Garbage>> orphans(Connection& connection, std::vector<ports::Garbage> candidates) {
  // No snapshot is needed: a file's name goes from its row to garbage in one transaction, and the row is looked at
  // first.
  std::erase_if(candidates, [&connection](const ports::Garbage& file) { return is_named(connection, file); });
  return candidates;
}

}  // namespace hekto::store

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/model.h"

namespace hekto::api {

/// What a QUERY body asks for: the text without blanks around it, or what a JSON string literal stands for.
std::string search_text(std::string_view body);

struct ModelHit {
  const domain::Model* model = nullptr;
  double score = 0;
};
/// The models that fit best, best first, at most `limit`.
std::vector<ModelHit> find_models(const domain::Catalog& catalog, const std::vector<std::string>& words,
                                  std::size_t limit);

}  // namespace hekto::api

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/replicate/model_view.h"

namespace hekto::api {

/// What a QUERY body asks for: the text without blanks around it, or what a JSON string literal stands for.
std::string search_text(std::string_view body);

struct ModelHit {
  ModelView model;
  double score = 0;
};
/// The models that fit best, best first, at most `limit`.
std::vector<ModelHit> find_models(const std::vector<ModelView>& models, const std::vector<std::string>& words,
                                  std::size_t limit);

}  // namespace hekto::api

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "domain/model.h"

namespace hekto::runners::replicate {

/// What a document of an upstream, as it is kept, says of a model and its newest version; nullptr when it says nothing.
std::shared_ptr<const domain::Model> model_of(const std::string& body, std::string_view owner, std::string_view name);
/// The same of a document of one version.
std::shared_ptr<const domain::Model> model_of_version(const std::string& body, std::string_view owner,
                                                      std::string_view name);
/// Of a model's document.
bool is_public_model(const std::string& body);

/// A model of which nothing is known: one version that takes any input and can be trained with any.
std::shared_ptr<const domain::Model> open_model(std::string_view owner, std::string_view name,
                                                std::string_view version);
/// Its first version, to be run at an upstream.
domain::Offer relayed_offer(std::shared_ptr<const domain::Model> model);

}  // namespace hekto::runners::replicate

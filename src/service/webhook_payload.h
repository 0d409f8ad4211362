// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "domain/link.h"
#include "domain/prediction.h"
#include "ports/store.h"

namespace hekto::service {

/// What a webhook's receiver is sent: the prediction as a read of it at this moment would answer, with URLs of the
/// origin and mount that the prediction was made through. `p.webhook` is set.
std::string webhook_body(const domain::Prediction& p, const domain::LinkSigner& signer);

/// Whose slots and failures a URL shares: those of its origin, for this account alone, so that nobody can spoil a
/// target for another.
std::string webhook_target(std::string_view account, std::string_view url);

/// The id of the one message that tells of a prediction's end. Made from the prediction's, so that it is the same
/// however often it is asked for.
std::string webhook_message_id(std::string_view prediction_id);

/// The outbox of this server: a message for each prediction with a webhook that is to be called for `completed`.
/// `signer` outlives what is returned.
ports::Outbox make_outbox(const domain::LinkSigner& signer);

}  // namespace hekto::service

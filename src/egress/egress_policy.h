// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.h"

namespace hekto::egress {

/// Which addresses may be dialled for what clients name.
struct EgressPolicy {
  NetworkList allow;            ///< whatever else holds
  bool allow_loopback = false;  ///< this machine: right only while nobody else can reach this server

  bool permits(const IpAddress& address) const {
    const auto kind = address_kind(address);
    return kind == AddressKind::global || (kind == AddressKind::loopback && allow_loopback) || allow.contains(address);
  }
};

}  // namespace hekto::egress

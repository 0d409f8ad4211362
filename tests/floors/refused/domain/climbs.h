// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "json/value_json.h"

// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "base/error.h"
#include "domain/value.h"
#include "service/stands.h"
#include "tests/support/fake_store.h"

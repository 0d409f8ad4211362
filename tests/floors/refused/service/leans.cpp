// SPDX-License-Identifier: Apache-2.0
#include <vector>

  #  include <http/server.h>
#include "tests/support/fake_store.h"

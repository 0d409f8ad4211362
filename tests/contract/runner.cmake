# SPDX-License-Identifier: Apache-2.0
hekto_test(runner_contract_test
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/runner_contract_test.cpp
  LINK hekto_runner_sandbox hekto_json
  LABELS contract
  ASIO)

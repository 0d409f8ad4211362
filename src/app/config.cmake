# SPDX-License-Identifier: Apache-2.0
# Reading the configuration, apart from hekto_app, so that the command line can be tested without a server.
hekto_library(hekto_config
  SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/config.cpp
    ${CMAKE_CURRENT_LIST_DIR}/config_file.cpp
    ${CMAKE_CURRENT_LIST_DIR}/config_hooks.cpp
    ${CMAKE_CURRENT_LIST_DIR}/config_options.cpp
    ${CMAKE_CURRENT_LIST_DIR}/config_upstreams.cpp
    ${CMAKE_CURRENT_LIST_DIR}/config_values.cpp
    ${CMAKE_CURRENT_LIST_DIR}/suggest.cpp
    ${CMAKE_CURRENT_LIST_DIR}/token_command.cpp
  LINK hekto_base hekto_async
  PRIVATE_LINK hekto_domain yaml-cpp
  TESTS ${CMAKE_CURRENT_LIST_DIR}/config_test.cpp ${CMAKE_CURRENT_LIST_DIR}/config_upstreams_test.cpp)
if(TARGET hekto_config_test)
  target_compile_definitions(hekto_config_test PRIVATE HEKTO_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endif()

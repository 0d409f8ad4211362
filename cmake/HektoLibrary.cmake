# SPDX-License-Identifier: Apache-2.0
include(GoogleTest)

# hekto_library(name
#   SOURCES a.cpp …          explicit, never globbed
#   LINK lib …               public: folders below whose headers ours include
#   PRIVATE_LINK lib …       third-party libraries, and folders used only in .cpp files
#   TESTS a_test.cpp …       unit tests beside the code, built into one program <name>_test
#   TEST_LINK lib …          what only the tests need
#   ASIO                     also precompile the Asio headers
# )
function(hekto_library name)
  cmake_parse_arguments(ARG "ASIO" "" "SOURCES;LINK;PRIVATE_LINK;TESTS;TEST_LINK" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC ${ARG_LINK} PRIVATE hekto_flags ${ARG_PRIVATE_LINK})
    hekto_precompile(${name} "${ARG_ASIO}")
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${ARG_LINK})
  endif()
  if(HEKTO_BUILD_TESTS AND ARG_TESTS)
    hekto_test(${name}_test SOURCES ${ARG_TESTS} LINK ${name} ${ARG_PRIVATE_LINK} ${ARG_TEST_LINK})
  endif()
endfunction()

# hekto_test(name SOURCES … LINK … [LABELS …]): one GoogleTest program; every TEST becomes a ctest test.
function(hekto_test name)
  cmake_parse_arguments(ARG "ASIO" "" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE hekto_flags ${ARG_LINK} GTest::gtest_main GTest::gmock)
  if(HEKTO_LTO)
    # What is tested was compiled as it ships. The tests themselves need not be fast, but quick to build.
    target_compile_options(${name} PRIVATE -O0 -fno-lto -U_FORTIFY_SOURCE)
    target_link_options(${name} PRIVATE -Wl,--lto-O0)
  endif()
  hekto_precompile(${name} "${ARG_ASIO}")
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 120)
endfunction()

function(hekto_precompile target asio)
  set(headers <algorithm> <array> <chrono> <cstdint> <expected> <functional> <map> <memory> <mutex> <optional>
              <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>)
  if(asio)
    list(APPEND headers <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/io_context.hpp>
                        <boost/asio/post.hpp> <boost/asio/steady_timer.hpp> <boost/asio/use_awaitable.hpp>)
  endif()
  target_precompile_headers(${target} PRIVATE ${headers})
endfunction()

# SPDX-License-Identifier: Apache-2.0
# Every third-party library, all from Debian 12. Folders link them PRIVATE, by these names.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(CURL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(simdjson REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(GD REQUIRED IMPORTED_TARGET gdlib)
pkg_check_modules(OPENH264 REQUIRED IMPORTED_TARGET openh264)
pkg_check_modules(SNDFILE REQUIRED IMPORTED_TARGET sndfile)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
if(HEKTO_BUILD_TESTS OR NOT DEFINED HEKTO_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()

# Asio and Beast are header-only here; Asio is compiled once, in src/async.
add_library(hekto_asio INTERFACE)
target_link_libraries(hekto_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(hekto_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_REGEX
  # A request is a chain of coroutines; with the default of 2 most of their frames would come from malloc.
  BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16)

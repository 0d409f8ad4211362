# SPDX-License-Identifier: Apache-2.0
# Compiler, language level, warnings, hardening, sanitizers.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR "gcc ${CMAKE_CXX_COMPILER_VERSION} miscompiles coroutines; use clang 19 (preset default) or gcc 13 and newer.")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")

set(HEKTO_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, for example address,undefined")

find_program(HEKTO_CCACHE ccache)
if(HEKTO_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${HEKTO_CCACHE})
endif()

find_program(HEKTO_LLD NAMES ld.lld-19 ld.lld)
if(HEKTO_LLD AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_link_options(-fuse-ld=lld)
endif()

# Flags of our own code only; third-party headers come in as SYSTEM.
add_library(hekto_flags INTERFACE)
target_compile_options(hekto_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wpedantic -Werror)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # Precompiled headers carry no time stamp, so that ccache can reuse what was built from them.
  target_compile_options(hekto_flags INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
endif()
target_compile_definitions(hekto_flags INTERFACE HEKTO_VERSION="${PROJECT_VERSION}")
target_include_directories(hekto_flags INTERFACE "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}")

if(HEKTO_SANITIZE)
  add_compile_options(-fsanitize=${HEKTO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HEKTO_SANITIZE})
else()
  add_compile_options(-fstack-protector-strong -fcf-protection)
  add_link_options(-Wl,-z,relro -Wl,-z,now)
  if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  endif()
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()
set(HEKTO_LTO OFF)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND HEKTO_LLD AND CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND NOT HEKTO_SANITIZE)
  set(HEKTO_LTO ON)
  # A request passes through many small functions of many files: inlining across them saves 5 to 10 % of its CPU time.
  add_compile_options(-flto=thin)
  add_link_options(-flto=thin "-Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto-cache")
  # Archives without a symbol index: ar would have to read LLVM's bitcode for it, and lld does not need it.
  set(CMAKE_CXX_ARCHIVE_CREATE "<CMAKE_AR> qcS <TARGET> <LINK_FLAGS> <OBJECTS>")
  set(CMAKE_CXX_ARCHIVE_FINISH "")
endif()
include(CheckPIESupported)
check_pie_supported()

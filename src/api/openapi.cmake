# SPDX-License-Identifier: Apache-2.0
# The OpenAPI document of openapi/, as a source file. Add a part here; the order is that of the document.
set(hekto_openapi_parts api.yaml predictions.yaml trainings.yaml models.yaml discovery.yaml deployments.yaml files.yaml
                        account.yaml links.yaml common.yaml)
list(TRANSFORM hekto_openapi_parts PREPEND "${CMAKE_SOURCE_DIR}/openapi/")
set(hekto_openapi_cpp "${CMAKE_CURRENT_BINARY_DIR}/openapi_parts.cpp")

add_executable(hekto_openapi_embed openapi_embed.cpp)
target_link_libraries(hekto_openapi_embed PRIVATE hekto_flags hekto_catalog hekto_json yaml-cpp)
add_custom_command(
  OUTPUT "${hekto_openapi_cpp}"
  COMMAND hekto_openapi_embed "${hekto_openapi_cpp}" ${hekto_openapi_parts}
  DEPENDS hekto_openapi_embed ${hekto_openapi_parts}
  VERBATIM)

# By itself, so that the command line can print the document without the server.
hekto_library(hekto_openapi
  SOURCES openapi_text.cpp "${hekto_openapi_cpp}"
  LINK hekto_base)

# SPDX-License-Identifier: Apache-2.0
# The models that every server offers, in the binary itself. Add a file of models/ here.
set(hekto_builtin_models
  background-remover.yaml
  blip.yaml
  clip-features.yaml
  collections.yaml
  flux-dev-lora-trainer.yaml
  flux-schnell.yaml
  flux-schnell-lora.yaml
  grounding-dino.yaml
  img2aestheticscore.yaml
  kokoro-82m.yaml
  meta-llama-3-8b-instruct.yaml
  musicgen.yaml
  real-esrgan.yaml
  sdxl.yaml
  speech-02-turbo.yaml
  wan-2.1-1.3b.yaml
  whisper.yaml)
list(TRANSFORM hekto_builtin_models PREPEND "${CMAKE_SOURCE_DIR}/models/")
list(JOIN hekto_builtin_models "|" hekto_builtin_models_argument)
set(hekto_builtin_models_cpp "${CMAKE_CURRENT_BINARY_DIR}/builtin_models.cpp")
add_custom_command(
  OUTPUT "${hekto_builtin_models_cpp}"
  COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${hekto_builtin_models_cpp}" "-DFILES=${hekto_builtin_models_argument}"
          -P "${CMAKE_SOURCE_DIR}/cmake/EmbedModels.cmake"
  DEPENDS ${hekto_builtin_models} "${CMAKE_SOURCE_DIR}/cmake/EmbedModels.cmake"
  VERBATIM)

hekto_library(hekto_catalog
  SOURCES catalog_extras.cpp catalog_import.cpp catalog_loader.cpp catalog_openapi.cpp catalog_version.cpp catalog_yaml.cpp "${hekto_builtin_models_cpp}"
  LINK hekto_domain
  PRIVATE_LINK hekto_json yaml-cpp
  TESTS catalog_extras_test.cpp catalog_import_test.cpp catalog_loader_test.cpp)

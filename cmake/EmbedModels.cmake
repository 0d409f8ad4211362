# SPDX-License-Identifier: Apache-2.0
# cmake -DOUTPUT=file.cpp -DFILES=a.yaml|b.yaml -P EmbedModels.cmake
# Writes a source file that holds the texts of FILES, for service/builtin_models.h.
string(REPLACE "|" ";" files "${FILES}")
set(rows "")
foreach(file IN LISTS files)
  file(READ "${file}" text)
  get_filename_component(name "${file}" NAME)
  if(text MATCHES "\\)yaml\"")
    message(FATAL_ERROR "${file} holds the end mark of the string that it is to be put in")
  endif()
  string(APPEND rows "    {\"${name}\", R\"yaml(${text})yaml\"},\n")
endforeach()
file(WRITE "${OUTPUT}.new"
"// Made by cmake/EmbedModels.cmake from models/.
#include \"service/builtin_models.h\"

namespace hekto::service {

std::span<const BuiltinModel> builtin_models() {
  static constexpr BuiltinModel kModels[] = {
${rows}  };
  return kModels;
}

}  // namespace hekto::service
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")

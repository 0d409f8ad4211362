# SPDX-License-Identifier: Apache-2.0
# Fails unless CHECK refuses TREE with exactly the complaints in EXPECTED.
execute_process(COMMAND "${CHECK}" "${TREE}" "${MAP}" RESULT_VARIABLE code OUTPUT_VARIABLE found ERROR_VARIABLE errors)
if(NOT code EQUAL 1)
  message(FATAL_ERROR "The tree must be refused with code 1, not ${code}: ${errors}")
endif()
string(REPLACE "${TREE}/" "" found "${found}")
file(READ "${EXPECTED}" expected)
if(NOT found STREQUAL expected)
  message(FATAL_ERROR "Expected:\n${expected}\nFound:\n${found}")
endif()

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_includes.sh SOURCE_FOLDER FLOORS_FILE
# Prints every #include that breaks the map in FLOORS_FILE as "file:line: what"; exits 1 when there is one.
# Tests beside the code obey the map too, and may include tests/support.
set -eu
root=$1
floors=$2

find -H "$root" -type f \( -name '*.h' -o -name '*.cpp' \) | sort | {
  set --
  while IFS= read -r file; do set -- "$@" "$file"; done
  if [ $# -eq 0 ]; then
    echo "$root holds no source files" >&2
    exit 1
  fi
  LC_ALL=C exec awk -v root="$root/" '
    # The folder of the map that a path (from the source folder) lies in, or "".
    function folder_of(path) {
      while (path != "") {
        if (path in floor) return path
        if (!sub(/\/[^\/]*$/, "", path)) return ""
      }
      return ""
    }
    function complain(what) { print FILENAME ":" FNR ": " what; bad = 1 }

    NR == FNR {  # the map
      if ($0 !~ /^#/ && NF == 2) floor[$2] = $1 + 0
      next
    }
    FNR == 1 {
      name = substr(FILENAME, length(root) + 1)
      from = folder_of(name)
      if (from == "") complain("this folder is not in the map of floors")
    }
    from != "" && /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
      target = $0
      quoted = target ~ /^[^<"]*"/
      sub(/^[^<"]*[<"]/, "", target)
      sub(/[>"].*$/, "", target)
      if (target ~ /^tests\/support\// && name ~ /_test\.cpp$/) next
      to = folder_of(target)
      if (to == "") {
        if (quoted) complain("\"" target "\" is not named from a folder of the map")
      } else if (to != from && floor[to] >= floor[from]) {
        where = floor[to] > floor[from] ? "above" : "beside"
        complain(from " (floor " floor[from] ") includes " target " " where " it (floor " floor[to] ")")
      }
    }
    END { exit bad }
  ' "$floors" "$@"
}

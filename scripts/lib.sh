# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Shared by the scripts beside it; sourced, never run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What the server needs to be built. Freetype, JPEG, PNG and WebP come with libgd-dev.
build_packages=(
  clang-19 lld-19 cmake ninja-build ccache pkg-config libboost1.81-dev libsimdjson-dev libcurl4-openssl-dev
  libsqlite3-dev libssl-dev libyaml-cpp-dev libcli11-dev libfmt-dev libspdlog-dev prometheus-cpp-dev libgd-dev
  libre2-dev zlib1g-dev fonts-dejavu-core
)
# What the tests need on top of it; Node.js and npm are looked for by command, see node_packages.
test_packages=(libgtest-dev libgmock-dev libclang-rt-19-dev openssl)

step() { printf '\n==> %s\n' "$*"; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Whether Debian's package $1 is installed.
is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# Prints the packages that are needed for Node.js 18 and npm: none when both are there, from wherever they come.
node_packages() {
  local major=0
  if command -v node >/dev/null; then major=$(node -p 'process.versions.node.split(".")[0]'); fi
  ((major >= 18)) || echo nodejs
  command -v npm >/dev/null || echo npm
}

# Installs those of the named packages that are missing. Does not touch apt-get when there are none, so that repeated
# runs are quick and need no network.
install_packages() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    die "this needs Debian 12: apt-get and dpkg-query were not found"
  local package missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]} > 0)) || return 0

  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "missing packages, and neither root nor sudo to install them: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  step "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  # A bare machine has no package lists yet. Without network the install below may still work from the cache.
  "${as_root[@]}" apt-get update || true
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" ||
    die "apt-get could not install: ${missing[*]} (is there a network, and is this Debian 12?)"
}

# configure PRESET [CMAKE-ARGUMENT...]
configure() {
  step "Configuring build/$1"
  (cd "$root" && cmake --preset "$@") || die "cmake could not configure build/$1; the reason stands above"
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  step "Building build/$preset"
  ninja -C "$root/build/$preset" "$@" || die "the build of build/$preset failed; the reason stands above"
}

# Installs the npm packages that the lock file of tests/e2e names, unless exactly those are there.
install_npm_packages() {
  local folder=$root/tests/e2e
  cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed-from" && return 0
  step "Installing npm packages in tests/e2e"
  (cd "$folder" && npm ci --no-audit --no-fund) || die "npm could not install the packages of tests/e2e"
  cp "$folder/package-lock.json" "$folder/node_modules/.installed-from"
}

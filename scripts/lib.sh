# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Shared by the scripts beside it; sourced, never run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What the server needs to be built. Freetype, JPEG, PNG and WebP come with libgd-dev.
build_packages=(
  clang-19 lld-19 cmake ninja-build ccache pkg-config libboost1.81-dev libsimdjson-dev libcurl4-openssl-dev
  libsqlite3-dev libssl-dev libyaml-cpp-dev libcli11-dev libfmt-dev libspdlog-dev prometheus-cpp-dev libgd-dev
  libre2-dev zlib1g-dev libsndfile1-dev libopenh264-dev fonts-dejavu-core
)
# What the tests need on top of it; Node.js and npm are looked for by command, see node_packages.
test_packages=(libgtest-dev libgmock-dev libclang-rt-19-dev openssl iproute2 util-linux)

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

# install_npm_packages [FOLDER]: installs the npm packages that the folder's lock file names (tests/e2e unless told),
# unless exactly those are there.
install_npm_packages() {
  local folder=$root/${1:-tests/e2e}
  cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed-from" && return 0
  step "Installing npm packages in ${1:-tests/e2e}"
  (cd "$folder" && npm ci --no-audit --no-fund) || die "npm could not install the packages of ${1:-tests/e2e}"
  cp "$folder/package-lock.json" "$folder/node_modules/.installed-from"
}

# Prints the packages that are needed for Python 3.9 with venv: none when it is there, from wherever it comes.
python_packages() {
  python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || echo python3-venv
}

# install_python_packages FOLDER REQUIREMENTS: a virtual environment with exactly what the file asks for.
install_python_packages() {
  cmp -s "$2" "$1/.installed-from" && return 0
  step "Installing $(tr '\n' ' ' <"$2")in ${1#"$root"/}"
  rm -rf "$1"
  python3 -m venv "$1" || die "python3 could not make a virtual environment"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$2" ||
    die "pip could not install what $2 asks for"
  cp "$2" "$1/.installed-from"
}

# Whether the program $1 is a Go of at least version 1.21.
is_new_go() {
  local version
  version=$("$1" env GOVERSION 2>/dev/null) && [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 21))
}

# Prints the packages that are needed to get a Go: none when there is one, of whatever version.
go_packages() { command -v go >/dev/null || echo golang-go; }

# Sets $go to a Go of at least version 1.21. Where there is only an older one, as Debian 12's, that one fetches a newer
# one from the Go module proxy, checked against Go's checksum database as every module is.
find_go() {
  go=go
  is_new_go "$go" && return 0
  step "Fetching a newer Go"
  local module folder
  module=golang.org/toolchain@v0.0.1-go1.22.12.$(go env GOOS)-$(go env GOARCH)
  # Outside of the repository, so that no go.mod asks this Go for more than it can do.
  folder=$(cd / && go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)",*/\1/p')
  [[ -n $folder ]] || die "go could not download $module"
  # Modules are kept without the right to run them.
  chmod -R u+w,a+x "$folder/bin" "$folder/pkg/tool" || die "the files of $folder could not be made executable"
  go=$folder/bin/go
  is_new_go "$go" || die "$go does not run"
}

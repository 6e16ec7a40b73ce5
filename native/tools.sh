# shellcheck shell=bash
# The tools that the native build needs; sourced by ./sphere and native/build.sh, so that all that is missing is named in
# one message before anything is built.

lacking=() packages=()
# lacks NAME PACKAGE: notes a missing tool, and the Debian package that has it.
lacks() { lacking+=("$1") packages+=("$2"); }
have() { command -v "$1" > /dev/null; }
native_tools() {
  have cmake || lacks CMake cmake
  have make || have ninja || lacks make make
  have "${CXX:-c++}" || lacks "a C++ compiler" g++
  have git || lacks git git
}
# Prints one message and fails when something was noted.
nothing_lacks() { # WHO
  [ ${#lacking[@]} -gt 0 ] || return 0
  local names="${lacking[0]}" name
  for name in "${lacking[@]:1}"; do names+=", $name"; done
  echo "$1: missing: $names. Install with: apt-get install ${packages[*]}" >&2
  return 1
}

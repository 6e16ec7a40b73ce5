#!/usr/bin/env bash
# Lets jextract read the same headers as we did, and compares with the committed table (docs/explanation/jextract.md).
#
#   JEXTRACT_HOME=... bindings/jextract/run.sh [--update]     (Maven: -Pjextract, after the tests are compiled)
#
# --update writes a new filter.txt and src/test/resources/jextract-table.txt instead of comparing.
set -euo pipefail
module=$(cd "$(dirname "$0")/.." && pwd)
work=$module/target/jextract
filter=$module/jextract/filter.txt
table=$module/src/test/resources/jextract-table.txt
update=false; [ "${1:-}" != --update ] || update=true

: "${JEXTRACT_HOME:?is not set. Name the folder of a jextract (docs/explanation/jextract.md says how to make one)}"
jextract=$JEXTRACT_HOME/bin/jextract
[ -x "$jextract" ] || { echo "JEXTRACT_HOME=$JEXTRACT_HOME has no bin/jextract" >&2; exit 2; }
jdk=${JAVA_HOME:-}
[ -n "$jdk" ] && grep -q '^JAVA_VERSION="2[5-9]' "$jdk/release" 2> /dev/null ||
  for jdk in /usr/lib/jvm/*; do if grep -q '^JAVA_VERSION="2[5-9]' "$jdk/release" 2> /dev/null; then break; fi; done
export JAVA_HOME=$jdk

prefix=$(bash "$module/../native/provision.sh")
version=$(cat "$prefix/VERSION")
native=$(find "$module"/target/native-resources/native -mindepth 1 -maxdepth 1 ! -name '*-cuda')
bash "$module/../native/build.sh" --emulated "$module/target/cmake-emulated" # has libsphere-cuda's functions
rm -rf "$work" && mkdir -p "$work"
header=$work/all.h
{
  echo '#include <stdbool.h>'
  for name in llama ggml ggml-cpu ggml-alloc ggml-backend gguf; do echo "#include \"$name.h\""; done
  for file in "$module"/../native/include/sphere*.h; do echo "#include \"$(basename "$file")\""; done
} > "$header"
# clang's own headers (stdbool.h, stddef.h) come with a packaged jextract, else from the distribution's libclang.
include=(-I "$prefix/include" -I "$module/../native/include")
builtin=$(ls -d /usr/lib/llvm-*/lib/clang/*/include 2> /dev/null | tail -1 || true)
[ -z "$builtin" ] || include+=(-I "$builtin")

if $update; then
  "$jextract" "${include[@]}" --dump-includes "$work/dump.txt" "$header" > /dev/null 2>&1
  # Functions, structs and constants of our headers. Left out: ggml's own optimiser (its nested unnamed structs trouble
  # jextract), the meta backend, and ggml_backend_graph_copy (one name for a struct and a function).
  grep -E '^--include-(function|constant|struct) .*/(llama|ggml[-a-z]*|gguf|sphere[a-z_]*)\.h' "$work/dump.txt" |
    awk '{ print $1, $2 }' |
    grep -vE ' (ggml_opt|llama_opt|GGML_OPT_|ggml_backend_meta|ggml_backend_comm|ggml_backend_graph_copy)' |
    LC_ALL=C sort > "$filter"
fi

libraries=()
while read -r _ _ name; do libraries+=(-l ":$native/$name"); done < "$native/index"
for library in "$module"/target/cmake-emulated/emulated/libsphere-cuda-emulated.*; do libraries+=(-l ":$library"); done
"$jextract" "${include[@]}" "@$filter" --output "$work/src" -t oracle --header-class-name All \
  "${libraries[@]}" "$header" > "$work/jextract.log" 2>&1 || { cat "$work/jextract.log"; exit 1; }
"$jdk/bin/javac" -nowarn -d "$work/classes" "$work"/src/oracle/*.java
"$jdk/bin/java" --enable-native-access=ALL-UNNAMED -cp "$work/classes:$module/target/classes:$module/target/test-classes" \
  dev.sphere.bindings.load.JextractDump oracle.All "$filter" "$version" "$work/table.txt"
echo "jextract: $(wc -l < "$work/table.txt") facts from $(cat "$work"/src/oracle/*.java | wc -l) generated lines" \
  "(llama.cpp $version)"
if $update; then
  cp "$work/table.txt" "$table"
else
  diff -u "$table" "$work/table.txt" || {
    echo "jextract: the committed table differs from what jextract finds now. Look at it, then: $0 --update" >&2; exit 1; }
  echo "jextract: the committed table is what jextract finds now"
fi

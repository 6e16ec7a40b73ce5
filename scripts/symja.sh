#!/usr/bin/env bash
# Fetches the computer algebra system Symja (org.matheclipse:matheclipse-core, LGPL-3) from Maven Central into Sphere's cache,
# for "sphere grade --cas". It is no part of Sphere: about 60 jars under several licences, run in a process of its own.
#   scripts/symja.sh [VERSION]
set -euo pipefail
version=${1:-3.0.0}
target=${XDG_CACHE_HOME:-$HOME/.cache}/sphere/symja
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.sphere</groupId><artifactId>symja</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.matheclipse</groupId><artifactId>matheclipse-core</artifactId><version>$version</version>
    </dependency>
  </dependencies>
</project>
POM
mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/jars"
mkdir -p "$(dirname "$target")"
rm -rf "$target"
mv "$work/jars" "$target"
echo "Symja $version: $(find "$target" -name '*.jar' | wc -l) jars, $(du -sh "$target" | cut -f1), in $target"

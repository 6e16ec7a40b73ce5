#!/usr/bin/env bash
# The studio in headless Chromium: pictures for the docs, and figures of a long run.
#   lab/run studio pictures RUN [FOLDER]   of an evolution (./sphere demo --run RUN); FOLDER: docs/images
#   lab/run studio long FOLDER [N]         a run of N problems (100,000), made in FOLDER if it is not there
# Needs Chromium, Maven and a JDK 25; it compiles the modules first. "long" gives up its timings on a busy machine.
set -euo pipefail
from=$PWD
cd "$(dirname "$0")/../.."
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
path() { case $1 in /*) echo "$1" ;; *) echo "$from/$1" ;; esac; }
case ${1:-} in
  pictures) words=(pictures "$(path "${2:?which run?}")" "$(path "${3:-$PWD/docs/images}")") ;;
  long) words=(long "$(path "${2:?which folder?}")" "${3:-100000}") ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
classpath=$(mktemp)
trap 'rm -f "$classpath"' EXIT
mvn ${MAVEN_OPTIONS:--q} -B -pl cli -am -DskipTests test-compile \
  org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath -Dmdep.outputFile="$classpath" 2>&1 \
  | grep -v '^WARNING' || [ -s "$classpath" ]
folders=
for module in cli web trainer engine grade bindings; do folders+=$module/target/test-classes:$module/target/classes:; done
"$java" --enable-native-access=ALL-UNNAMED -Xmx1g -cp "$folders$(tr : '\n' < "$classpath" | grep '\.jar$' | paste -sd :)" \
  dev.sphere.cli.browser.StudioStudy "${words[@]}"

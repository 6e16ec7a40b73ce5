#!/usr/bin/env bash
# What a search on Spark costs beside one process of the same cores: milliseconds a problem, on executors of this machine.
#   lab/run spark-overhead OUT [LAYOUT ...]     LAYOUT: a master, such as local-cluster[1,2,1024]
# A search of MORE problems less one of FEWER, so that start and the first compilation do not count (FEWER 100, MORE 300, ROLLOUTS 16).
# One process and each layout in turns, ROUNDS times (2); the pairs must be equal. Spark comes from Maven, as in SparkSearchTest.
set -euo pipefail
out=${1:?usage: lab/run spark-overhead OUT [LAYOUT ...]}
shift
mkdir -p "$out"
out=$(cd "$out" && pwd)
cores=$(nproc)
[ $# -gt 0 ] || set -- "local-cluster[1,$cores,1024]" "local-cluster[$cores,1,1024]"
fewer=${FEWER:-100} more=${MORE:-300} rounds=${ROUNDS:-2}
cd "$(dirname "$0")/../.."
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
# shellcheck disable=SC2086  # MAVEN_OPTIONS is a list
mvn ${MAVEN_OPTIONS:--q} -B -pl spark -am -DskipTests test-compile \
  org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath -Dmdep.outputFile="$out/classpath" 2>&1 | grep -v '^WARNING' || [ -s "$out/classpath" ]
classpath=
for module in spark cli web trainer engine grade bindings; do classpath+=$PWD/$module/target/classes:; done
classpath+=$(tr : '\n' < "$out/classpath" | grep '\.jar$' | paste -sd :)
# What the module's tests give the JVM.
mapfile -t options < <(sed -n '/<surefire.jvm>/,/<\/surefire.jvm>/p' spark/pom.xml | sed 's/<[^>]*>//g' | tr -s ' ' '\n' | grep '^-')
export SPARK_HOME=$out/spark-home SPARK_SCALA_VERSION=2.13 SPARK_LOCAL_IP=127.0.0.1
mkdir -p "$SPARK_HOME/jars"

search() { # run, problems, flags: its milliseconds
  local from run=$1 problems=$2
  shift 2
  rm -rf "$run"
  from=$(date +%s%N)
  "$java" "${options[@]}" -Dspark.executor.extraClassPath="$classpath" -Dspark.ui.enabled=false -Dspark.driver.host=127.0.0.1 \
    -Dspark.driver.bindAddress=127.0.0.1 -cp "$classpath" dev.sphere.cli.Main search --model embedded --small-model embedded-small \
    --problems embedded:train --rollouts "${ROLLOUTS:-16}" --limit "$problems" --run "$run" "$@" > "$out/log" 2>&1 || { tail "$out/log" >&2; exit 1; }
  echo $((($(date +%s%N) - from) / 1000000))
}
measure() { # name, flags
  local name=$1 short long
  shift
  short=$(search "$out/fewer" "$fewer" "$@")
  long=$(search "$out/run-$name" "$more" "$@")
  echo "$name: $(((long - short) / (more - fewer))) ms a problem; $short ms for the first $fewer"
}
for _ in $(seq "$rounds"); do
  measure alone
  for layout in "$@"; do
    name=${layout//[^a-z0-9]/-}
    measure "$name" --spark "$layout"
    cmp "$out/run-alone/pairs.jsonl" "$out/run-$name/pairs.jsonl"
  done
done
